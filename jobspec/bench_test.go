package jobspec

import "testing"

func BenchmarkParse(b *testing.B) {
	src := Starter("batch")
	b.ReportAllocs()
	for b.Loop() {
		if job, _ := Parse(src, Options{}); job == nil {
			b.Fatal("the starter is no job")
		}
	}
}

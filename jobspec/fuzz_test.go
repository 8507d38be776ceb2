package jobspec

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// seedFiles are the example and starter files and the inputs of the transcripts.
func seedFiles(t testing.TB) [][]byte {
	var seeds [][]byte
	for _, pattern := range []string{"../examples/jobs/*.hcl", "starter/*.hcl"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no seeds at %s: %v", pattern, err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			seeds = append(seeds, src)
		}
	}
	input := regexp.MustCompile(`(?s)\nparse[^\n]*\n(.*?)\n----\n`)
	names, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range input.FindAllSubmatch(text, -1) {
			seeds = append(seeds, m[1])
		}
	}
	return seeds
}

// FuzzParse: no text makes Parse panic; a job comes without errors and holds to
// its own rules, and the same text gives the same job and the same findings.
func FuzzParse(f *testing.F) {
	for _, seed := range seedFiles(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		job, ds := Parse(src, Options{Vars: map[string]string{"x": "1"}})
		if (job == nil) != ds.HasErrors() {
			t.Fatalf("a job and errors exclude each other: %v\n%s", job, ds.Error())
		}
		checkFindings(t, ds, src)
		again, ds2 := Parse(src, Options{Vars: map[string]string{"x": "1"}})
		if ds.Error() != ds2.Error() {
			t.Fatalf("two runs differ:\n%s\n\n%s", ds.Error(), ds2.Error())
		}
		if job == nil {
			return
		}
		if p := Validate(job); len(p) > 0 {
			t.Fatalf("Validate finds fault with what Parse accepts: %v", p)
		}
		if !bytes.Equal(Canonical(job), Canonical(again)) {
			t.Fatal("two runs give different jobs")
		}
		if d := Diff(job, again); len(d) > 0 {
			t.Fatalf("a job differs from itself: %v", d)
		}
	})
}

// checkFindings holds what every finding must be: placed within the file,
// printable, with one caret line for each source line.
func checkFindings(t *testing.T, ds *Diagnostics, src []byte) {
	t.Helper()
	lines := bytes.Count(bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n")), []byte("\n")) + 1
	for _, d := range ds.List() {
		if d.Summary == "" || d.File == "job.hcl" && (d.Start.Line < 1 || d.Start.Line > lines+1 || d.Start.Byte > d.End.Byte) {
			t.Fatalf("a finding out of place: %+v", d)
		}
	}
	var b strings.Builder
	for _, columns := range []int{0, 20, 80} {
		if err := ds.WriteText(&b, true, columns); err != nil {
			t.Fatal(err)
		}
	}
	plain := strings.NewReplacer("\x1b[1m", "", "\x1b[34m", "", "\x1b[1;31m", "", "\x1b[1;33m", "", "\x1b[0m", "").Replace(b.String())
	if strings.ContainsAny(plain, "\x1b\a\b\r") {
		t.Fatalf("the text carries control characters of the file: %q", plain)
	}
	if _, err := ds.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
}

// FuzzFormat: formatting is idempotent, and changes no job.
func FuzzFormat(f *testing.F) {
	for _, seed := range seedFiles(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		once, ds := Format(src, "job.hcl")
		if ds.HasErrors() {
			if !bytes.Equal(once, src) {
				t.Fatal("a file that cannot be read was changed")
			}
			return
		}
		twice, ds := Format(once, "job.hcl")
		if ds.HasErrors() || !bytes.Equal(once, twice) {
			t.Fatalf("formatting is not idempotent:\n%q\n%q\n%s", once, twice, ds.Error())
		}
		before, _ := Parse(src, Options{})
		after, _ := Parse(once, Options{})
		if d := Diff(before, after); len(d) > 0 {
			t.Fatalf("formatting changed the job: %v", d)
		}
	})
}

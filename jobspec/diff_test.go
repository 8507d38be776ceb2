package jobspec

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

// TestDiff holds what `tender plan` shows of a change: two files, divided by a
// line of dashes.
func TestDiff(t *testing.T) {
	datadriven.RunTest(t, "testdata/diff/changes.txt", func(t *testing.T, td *datadriven.TestData) string {
		before, after, _ := strings.Cut(td.Input, "\n---\n")
		var b strings.Builder
		for _, c := range Diff(fragment(t, td, before), fragment(t, td, after)) {
			b.WriteString(c.String() + "\n")
		}
		if b.Len() == 0 {
			return "no change\n"
		}
		return b.String()
	})
}

// fragment parses a job; "none" is no job at all.
func fragment(t *testing.T, td *datadriven.TestData, src string) *model.Job {
	if strings.TrimSpace(src) == "none" {
		return nil
	}
	job, ds := Parse([]byte(src), Options{})
	if job == nil {
		td.Fatalf(t, "%s", ds.Error())
	}
	return job
}

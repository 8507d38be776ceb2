package jobspec

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

func TestFormat(t *testing.T) {
	datadriven.RunTest(t, "testdata/format/format.txt", func(t *testing.T, td *datadriven.TestData) string {
		out, ds := Format([]byte(unquoteControl(td.Input)+"  \n\n"), "job.hcl")
		if ds.HasErrors() {
			return ds.Error() + "\n"
		}
		return string(out)
	})
}

// TestStarters: each can be submitted as it is and is formatted as fmt would.
func TestStarters(t *testing.T) {
	for _, kind := range StarterKinds {
		checkSample(t, kind+".hcl", Starter(kind))
	}
	if Starter("service") != nil {
		t.Error("there is a starter for what cannot be run")
	}
}

// TestExamples: every example is a job without warnings, formatted, and can be
// read back from what is kept of it.
func TestExamples(t *testing.T) {
	names, err := filepath.Glob("../examples/jobs/*.hcl")
	if err != nil || len(names) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkSample(t, filepath.Base(name), src)
	}
}

func checkSample(t *testing.T, name string, src []byte) {
	t.Helper()
	vars := map[string]string{}
	for _, v := range []string{"out", "marks"} { // the paths that examples ask for
		if strings.Contains(string(src), "variable \""+v+"\"") {
			vars[v] = "/tmp/x"
		}
	}
	job, ds := Parse(src, Options{Filename: name, Vars: vars})
	if len(ds.List()) > 0 {
		t.Errorf("%s", ds.List())
	}
	if job == nil {
		return
	}
	if job.Source != string(src) {
		t.Errorf("%s: the source is not kept", name)
	}
	if out, ds := Format(src, name); ds.HasErrors() || !bytes.Equal(out, src) {
		t.Errorf("%s is not formatted; it should be:\n%s", name, out)
	}
}

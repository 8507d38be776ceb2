package jobspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestAccept holds what accepted files become: the canonical JSON of the job,
// with the diagnostics, which can only be warnings, in front.
func TestAccept(t *testing.T) {
	datadriven.Walk(t, "testdata/accept", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd != "parse" {
				td.Fatalf(t, "unknown command %s", td.Cmd)
			}
			job, ds := Parse([]byte(td.Input), options(t, td))
			var b strings.Builder
			if err := ds.WriteText(&b, false, 100); err != nil {
				t.Fatal(err)
			}
			if job == nil {
				return b.String()
			}
			if job.Source != td.Input {
				t.Errorf("%s: the job does not keep its source", td.Pos)
			}
			job.Source = ""
			if p := Validate(job); len(p) > 0 {
				t.Errorf("%s: Validate finds fault with what Parse accepts: %v", td.Pos, p)
			}
			var out bytes.Buffer
			if err := json.Indent(&out, Canonical(job), "", " "); err != nil {
				t.Fatal(err)
			}
			b.WriteString(out.String())
			return b.String()
		})
	})
}

// TestDiagnose holds what a person sees of a file with mistakes.
func TestDiagnose(t *testing.T) {
	datadriven.Walk(t, "testdata/diagnose", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			input := td.Input
			switch td.Cmd {
			case "parse":
			case "job": // the body of a job with one task
				input = "job \"j\" {\n" + input + "\ntask \"t\" {\nconfig { command = \"true\" }\n}\n}"
			case "task": // the body of a task
				input = "job \"j\" {\ntask \"t\" {\n" + input + "\n}\n}"
			case "group": // the body of a group, with a task
				input = "job \"j\" {\ngroup \"g\" {\n" + input + "\ntask \"t\" {\nconfig { command = \"true\" }\n}\n}\n}"
			case "resources":
				input = "job \"j\" {\ntask \"t\" {\nconfig { command = \"true\" }\nresources {\n" + input + "\n}\n}\n}"
			default:
				td.Fatalf(t, "unknown command %s", td.Cmd)
			}
			job, ds := Parse([]byte(unquoteControl(input)), options(t, td))
			if (job == nil) != ds.HasErrors() {
				t.Errorf("%s: a job and errors exclude each other", td.Pos)
			}
			var b strings.Builder
			if err := ds.WriteText(&b, false, 100); err != nil {
				t.Fatal(err)
			}
			if b.Len() == 0 {
				return "accepted\n"
			}
			return b.String()
		})
	})
}

// unquoteControl lets a test file hold tabs and control characters visibly.
func unquoteControl(s string) string {
	return strings.NewReplacer("<TAB>", "\t", "<ESC>", "\x1b", "<NUL>", "\x00").Replace(s)
}

// options reads var=(name=value), varfile=(text) and env=(NAME=value) arguments.
func options(t *testing.T, td *datadriven.TestData) Options {
	o := Options{Filename: "job.hcl", Vars: map[string]string{}, ReadFile: readTestFile}
	for _, a := range td.CmdArgs {
		value := strings.Join(a.Vals, ",")
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		switch a.Key {
		case "var":
			name, v, _ := strings.Cut(value, "=")
			o.Vars[name] = v
		case "varfile":
			o.VarFiles = append(o.VarFiles, VarFile{Name: "vars.hcl", Src: []byte(strings.ReplaceAll(value, ";", "\n"))})
		case "env":
			o.Environ = append(o.Environ, value)
		case "nofiles":
			o.ReadFile = nil
		default:
			td.Fatalf(t, "unknown argument %s", a.Key)
		}
	}
	return o
}

func readTestFile(name string) ([]byte, error) {
	switch name {
	case "greeting.txt":
		return []byte("hello from a file\n"), nil
	case "binary":
		return []byte{0xff, 0xfe}, nil
	case "huge":
		return make([]byte, maxFileFuncBytes+1), nil
	}
	return nil, errors.New("no such file")
}

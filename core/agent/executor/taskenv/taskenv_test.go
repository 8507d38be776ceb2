package taskenv

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

func testFacts() *Facts {
	f := &Facts{
		Job:   "abc12345",
		Spec:  &model.Job{Name: "train", Meta: map[string]string{"owner": "job", "team": "nlp"}},
		Group: &model.Group{Name: "workers", Meta: map[string]string{"owner": "group"}, Array: &model.Array{}},
		Task: &model.TaskSpec{
			Name: "rank", Meta: map[string]string{"owner": "task", "max-size": "3"},
			Env:       map[string]string{"GREETING": "from ${node.unique.name}", "PATH": "/opt/bin"},
			Resources: model.TaskResources{CPUMilli: 2500, MemoryBytes: 64 << 20, MemoryMaxBytes: 128 << 20},
		},
		Index: 7, Attempt: 2,
		Attributes: map[string]string{
			"attr.cpu.arch": "amd64", "node.unique.name": "n1", "node.datacenter": "dc1", "meta.rack": "r3",
		},
		TaskDir: "/s/rank", AllocDir: "/s/alloc", SecretsDir: "/s/rank/secrets", LocalDir: "/s/rank/local", TmpDir: "/s/rank/tmp",
		Base:   map[string]string{"PATH": "/usr/bin", "HOME": "/root"},
		Agent:  map[string]string{"SITE": "lab"},
		Launch: map[string]string{"TENDER_RANK": "3", "RANK": "3"},
	}
	return f
}

// The commands of testdata: "env" prints the environment, "expand" and "render"
// do that to their input, "vars" reads NAME=VALUE lines.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		e, err := New(testFacts())
		if err != nil {
			t.Fatal(err)
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out string
			var err error
			switch d.Cmd {
			case "env":
				return strings.Join(e.List(), "\n")
			case "expand":
				out, err = e.Expand(d.Input)
			case "render":
				tmpl := &model.Template{ErrMissing: d.HasArg("strict")}
				if d.HasArg("delims") {
					tmpl.LeftDelim, tmpl.RightDelim = "[[", "]]"
				}
				var b []byte
				b, err = e.Render(tmpl, d.Input)
				out = string(b)
			case "vars":
				var vars map[string]string
				vars, err = ParseVars([]byte(d.Input))
				for _, k := range slices.Sorted(maps.Keys(vars)) {
					out += k + " is <" + vars[k] + ">\n"
				}
			default:
				d.Fatalf(t, "unknown command %q", d.Cmd)
			}
			if err != nil {
				return "error: " + err.Error()
			}
			return out
		})
	})
}

func TestEnvRefersToWhatIsUnknown(t *testing.T) {
	f := testFacts()
	f.Task.Env = map[string]string{"A": "${meta.nope}"}
	_, err := New(f)
	if err == nil || !strings.Contains(err.Error(), "env A: ${meta.nope} is not known on this agent") {
		t.Errorf("error is %v", err)
	}
}

func TestRenderIsBounded(t *testing.T) {
	e, err := New(testFacts())
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Render(&model.Template{}, `{{range 100000000}}0123456789abcdef{{end}}`)
	if err == nil || !strings.Contains(err.Error(), "larger than 16MiB") {
		t.Errorf("error is %v", err)
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("${attr.cpu.arch} ${env[\"HOME\"]} ${NOMAD_TASK_DIR} ${x} $${y} ${")
	e, err := New(testFacts())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := e.Expand(s)
		if err == nil && !strings.Contains(s, "${") && out != s {
			t.Errorf("%q became %q", s, out)
		}
	})
}

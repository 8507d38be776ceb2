package jobspec

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tender-scheduler/tender/core/model"
)

// TestJobsFromJSON: what came without a file gets its defaults from Complete and
// its faults from Validate, with paths into the JSON.
func TestJobsFromJSON(t *testing.T) {
	for _, c := range []struct {
		name, json string
		want       []string
	}{
		{"minimal", `{"name":"j","groups":[{"name":"g","tasks":[{"name":"t","config":{"command":"true"}}]}]}`, nil},
		{"empty", `{}`, []string{`name: the job has no name`, `groups: the job has no group and no task`}},
		{"array", `{"name":"j","groups":[{"name":"g","count":2,"array":{"ranges":[{"first":5,"last":1,"step":1}]},"tasks":[]}]}`,
			[]string{"groups[0].array: a group with an array has a count of 1, not 2", "groups[0].array.ranges[0]: the range 5-1 ends before it starts", `groups[0].tasks: the group "g" has no task`}},
		{"steps", `{"name":"j","groups":[{"name":"g","array":{"ranges":[{"first":0,"last":9}]},"tasks":[{"name":"t","config":{"command":"true"}}]}]}`,
			[]string{"groups[0].array.ranges[0]: the step of a range must be at least 1"}},
		{"overlap", `{"name":"j","groups":[{"name":"g","array":{"ranges":[{"first":0,"last":9,"step":1},{"first":9,"last":12,"step":1}]},"tasks":[{"name":"t","config":{"command":"true"}}]}]}`,
			[]string{"groups[0].array.ranges[1]: the ranges of an array must ascend and not overlap"}},
		{"many indices", `{"name":"j","groups":[{"name":"g","array":{"ranges":[{"first":0,"last":4294967295,"step":1}]},"tasks":[{"name":"t","config":{"command":"true"}}]}]}`,
			[]string{"groups[0].array.ranges: the array has 4294967296 indices; it may have 1000000"}},
		{"task", `{"name":"j","priority":-1,"time_limit":"-1s","depends_on":[{"job":"a"}],"groups":[{"name":"g","tasks":[{"name":"t","driver":"docker","resources":{"cpu_milli":-5,"memory_bytes":5}}]}]}`,
			[]string{"priority: priority is -1; it must be 0 to 100", "time_limit: time_limit cannot be negative", `depends_on[0]: "" is no condition of a dependency`,
				`groups[0].tasks[0].driver: driver "docker" is not supported`, "groups[0].tasks[0].resources.cpu_milli: cpus cannot be negative", "groups[0].tasks[0].resources.memory_bytes: memory is 5B; it must be at least 1MiB"}},
		{"constraint", `{"name":"j","constraints":[{"attribute":"${attr.x}","operator":"is","value":"1"},{"operator":"distinct_hosts","value":"true"}],"groups":[{"name":"g","tasks":[{"name":"t","config":{"script":"x"}}]}]}`,
			[]string{"constraints[1]: distinct_hosts takes no attribute and no value"}},
		{"huge", `{"name":"j","groups":[{"name":"g","tasks":[{"name":"t","config":{"script":"` + strings.Repeat("x", model.MaxJobBytes) + `"}}]}]}`,
			[]string{"the job has 768."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var job model.Job
			if err := json.Unmarshal([]byte(c.json), &job); err != nil {
				t.Fatal(err)
			}
			Complete(&job)
			var got []string
			for _, p := range Validate(&job) {
				got = append(got, p.String())
			}
			if len(got) != len(c.want) {
				t.Fatalf("problems %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("problem %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

// TestCompleteIsWhatParseFills: a minimal job is the same from a file and from
// JSON, but for the resources, where 0 is a value.
func TestCompleteIsWhatParseFills(t *testing.T) {
	file, ds := Parse([]byte(`job "j" {
  group "g" {
    gang {}
    task "t" {
      config { command = "true" }
      artifact { source = "https://example.org/x" }
      template {
        data        = "x"
        destination = "local/x"
      }
    }
  }
}`), Options{})
	if file == nil {
		t.Fatal(ds.Error())
	}
	file.Source = ""
	var job model.Job
	err := json.Unmarshal([]byte(`{"name":"j","priority":50,"groups":[{"name":"g","gang":{},"restart":{"attempts":0,"delay":"15s"},
		"tasks":[{"name":"t","config":{"command":"true"},"kill_timeout":"5s","resources":{"cpu_milli":1000,"memory_bytes":268435456},
		"artifacts":[{"source":"https://example.org/x"}],"templates":[{"data":"x","destination":"local/x"}]}]}]}`), &job)
	if err != nil {
		t.Fatal(err)
	}
	Complete(&job)
	if d := cmp.Diff(file, &job); d != "" {
		t.Errorf("file (-) and JSON (+) differ:\n%s", d)
	}
}

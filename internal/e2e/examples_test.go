package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const examples = "../../examples/jobs"

// TestExamples runs every file of examples/jobs as its first lines say, and
// holds the list to what is there.
func TestExamples(t *testing.T) {
	type run struct {
		file  string
		after string // a file to submit before
		vars  []string
		code  int      // -1 = any but 0
		logs  []string // arguments of tender logs
		want  string   // in the output
		needs string   // a program; without it the file is left out
	}
	runs := []run{
		{file: "hello", logs: []string{"hello"}, want: "Hello from task greet"},
		{file: "wordcount", vars: []string{"out=DIR/counts", `where=["/usr/share/common-licenses"]`}, logs: []string{"wordcount", "--index", "3"}, want: "part 3 of 32"},
		{file: "wordcount-merge", vars: []string{"out=DIR/counts"}, logs: []string{"wordcount-merge"}, want: "different ones. The most frequent:"},
		{file: "array", code: 3, logs: []string{"array", "--index", "30"}, want: "30 squared is 900"},
		{file: "dependency", after: "array", logs: []string{"dependency"}, want: "the array has ended"},
		{file: "retry", vars: []string{"marks=DIR/marks"}, logs: []string{"retry"}, want: "this is attempt 3"},
		{file: "gang", logs: []string{"gang", "--index", "2"}, want: "rank 2 of 3 on dev-1"},
		{file: "mpi-pi", needs: "mpicc.mpich", logs: []string{"mpi-pi"}, want: "[0] pi is about 3.14159265\n"},
		{file: "mpi-mpirun", needs: "mpicc.openmpi", logs: []string{"mpi-mpirun", "--index", "0"}, want: "4 ranks say that pi is about 3.14159265\n"},
		{file: "torchrun", needs: "python3", logs: []string{"torchrun", "--rank", "1-3"}, want: "[3] rank 3 of 4: the sum of all ranks is 6\n"},
		{file: "template", logs: []string{"template", "--task", "main"}, want: "greeting = good morning"},
		{file: "limits", code: -1},
		{file: "sysbatch", logs: []string{"sysbatch", "--index", "0"}, want: "dev-1 has "},
		{file: "ports", logs: []string{"ports", "--task", "ask"}, want: "hello from port 2"},
		{file: "gpu", logs: []string{"gpu", "--group", "shared", "--index", "3"}, want: "0.5 of GPU-fake-dev-1-"},
		{file: "gpu-train", vars: []string{"checkpoints=DIR/checkpoints"}, logs: []string{"gpu-train"}, want: "after 30 epochs: y = "},
		{file: "checks", logs: []string{"checks", "--stderr"}, want: "GET /index.html"},
		{file: "web-service", logs: []string{"web-service", "--index", "1", "--stderr"}},
		{file: "canary", logs: []string{"canary"}, want: "release 1 is at work"},
		{file: "preemptible", logs: []string{"preemptible", "--index", "2"}, want: "step 2, attempt 0"},
	}
	files, err := filepath.Glob(examples + "/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".hcl")
		if strings.HasPrefix(name, "cron-") {
			continue // see TestScheduledExamples
		}
		if !slices.ContainsFunc(runs, func(r run) bool { return r.file == name }) {
			t.Errorf("%s is not run by any test", f)
		}
	}
	c, _ := dev(t, "--fake-gpus", "4xH100")
	submit := func(name string, vars []string, more ...string) result {
		path, err := filepath.Abs(filepath.Join(examples, name+".hcl"))
		if err != nil {
			t.Fatal(err)
		}
		args := append([]string{"submit", path}, more...)
		for _, v := range vars {
			args = append(args, "--var", strings.ReplaceAll(v, "DIR", c.dir))
		}
		return c.run(args...)
	}
	for _, r := range runs {
		t.Run(r.file, func(t *testing.T) {
			if _, err := exec.LookPath(r.needs); r.needs != "" && err != nil {
				t.Skipf("needs %s: apt-get install mpich python3", r.needs)
			}
			if r.after != "" {
				if got := submit(r.after, nil); got.code != 0 {
					t.Fatalf("submit %s: exit code %d\n%s", r.after, got.code, got.stderr)
				}
			}
			got := submit(r.file, r.vars, "--wait")
			if got.code != r.code && (r.code >= 0 || got.code == 0) {
				t.Errorf("exit code %d, want %d\n%s%s", got.code, r.code, got.stdout, got.stderr)
			}
			if r.logs == nil {
				return
			}
			if out := c.must(append([]string{"logs"}, r.logs...)...); !strings.Contains(out, r.want) {
				t.Errorf("the output lacks %q:\n%s", r.want, out)
			}
		})
	}
}

// TestExamplesAreFormatted: they are what people copy.
func TestExamplesAreFormatted(t *testing.T) {
	files, err := filepath.Glob(examples + "/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, dir: t.TempDir()}
	for _, f := range files {
		path, err := filepath.Abs(f)
		if err != nil {
			t.Fatal(err)
		}
		if r := c.run("fmt", "--check", path); r.code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", f, r.code, r.stdout, r.stderr)
		}
		head, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(head), "# ") || !strings.Contains(string(head), "tender submit examples/jobs/"+filepath.Base(f)) {
			t.Errorf("%s does not begin by saying what it does and how to run it", f)
		}
	}
}

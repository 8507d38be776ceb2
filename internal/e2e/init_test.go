package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInitKinds: what init writes runs as it is.
func TestInitKinds(t *testing.T) {
	c, _ := dev(t, "--fake-gpus", "2xH100")
	for _, x := range []struct {
		kind, want string
		logs       []string
		needs      string
	}{
		{kind: "hello", logs: []string{"hello"}, want: "hello, world"},
		{kind: "array", logs: []string{"squares", "--index", "12"}, want: "12 squared is 144"},
		{kind: "gang", logs: []string{"ring", "--rank", "3"}, want: "rank 3 of 4, on dev-1"},
		{kind: "gpu", logs: []string{"train"}, want: "training on GPU-fake-dev-1-"},
		{kind: "service", needs: "python3"},
		{kind: "sysbatch", logs: []string{"checkup", "--index", "0"}, want: "dev-1: "},
		{kind: "schedule"},
	} {
		t.Run(x.kind, func(t *testing.T) {
			if _, err := exec.LookPath(x.needs); x.needs != "" && err != nil {
				t.Skipf("needs %s: apt-get install %s", x.needs, x.needs)
			}
			file := filepath.Join(c.dir, x.kind+".hcl")
			c.must("init", "--kind", x.kind, file)
			if x.kind != "schedule" {
				c.must("submit", "--wait", file)
			} else {
				c.must("submit", file)
				c.must("wait", strings.TrimSpace(c.must("cron", "trigger", "-o", "name", "report")))
				x.logs, x.want = []string{"report"}, "report number 1, due "
			}
			if len(x.logs) > 0 {
				if out := c.must(append([]string{"logs"}, x.logs...)...); !strings.Contains(out, x.want) {
					t.Errorf("output %q, want %q in it", out, x.want)
				}
			}
		})
	}
	for _, name := range []string{"web", "report"} {
		c.run("cancel", name)
		c.run("wait", name)
	}
}

package e2e

import (
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestManualHealth: a deployment goes on when a person says so, and is given up and
// reverted when one says that it must not.
func TestManualHealth(t *testing.T) {
	c, _ := dev(t, "--agents", "2")
	c.nodes(2)
	manual := func(release string) string {
		return c.service("web", 2, sleeping(release), "health_check = \"manual\"\nauto_revert = true")
	}
	c.must("submit", manual("one"))
	c.running("web", 2)
	if r := c.run("deployment", "healthy", "web"); r.code == 0 || !strings.Contains(r.stderr, "--task") {
		t.Errorf("without tasks: %d\n%s", r.code, r.stderr)
	}
	if out := c.must("deployment", "healthy", "web", "--task", "0"); !strings.Contains(out, "running") {
		t.Errorf("after the first: %s", out)
	}
	c.must("deployment", "healthy", "web", "--task", "1")
	if d := c.job("web").Service.Deployment; d.State != model.DeploymentSuccessful {
		t.Fatalf("all are healthy, the deployment is %s", d.State)
	}
	c.must("submit", manual("two"))
	c.running("web", 2)
	c.eventually("a successor runs", func() bool {
		for _, v := range c.tasks("web") {
			if v.Version == 2 && v.State == "running" {
				return true
			}
		}
		return false
	})
	c.must("deployment", "unhealthy", "web", "--task", "0")
	c.eventually("it is reverted", func() bool {
		s := c.job("web").Service
		return s.Version == 3 && s.Stable && s.Deployment.State == model.DeploymentFailed && s.Healthy == 2
	})
	if out := c.must("deployment", "ls", "web"); !strings.Contains(out, "an operator says that task g[0] is not healthy") {
		t.Errorf("deployments:\n%s", out)
	}
	c.must("cancel", "web")
	c.run("wait", "web")
}

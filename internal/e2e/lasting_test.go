package e2e

import (
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestServiceInTheWay: a gang that needs a service's room has nothing held for it,
// also after another master has read the journal: those behind it use what is
// free. It is told what is in its way, and starts when that is scaled down.
func TestServiceInTheWay(t *testing.T) {
	c, d := dev(t, "--agents", "2", "--cpus", "4")
	c.nodes(2)
	web := c.submit(c.work(work{name: "web", top: `type = "service"`, until: "never", cpus: 2}))
	c.running(web, 1)
	big := c.submit(c.work(work{name: "big", top: "priority = 90", group: "count = 2\n gang {}", cpus: 4}))
	small := c.submit(c.work(work{name: "small", top: "priority = 10", group: "count = 3", until: "go", cpus: 2}))
	c.running(small, 3) // on everything that the service leaves
	inTheWay := func() {
		t.Helper()
		e := c.why(big)
		w := reasonOf(e, model.WaitLasting)
		if w == nil || len(w.For) != 1 || w.For[0] != "web.g" || e.Hold != nil || e.Tier != model.TierWaiting {
			t.Errorf("why the gang waits: %+v", e)
		}
	}
	inTheWay()
	d.kill9()
	c.startDev("--agents", "2", "--cpus", "4")
	c.running(small, 3)
	inTheWay()
	c.release("go")
	c.must("wait", small)
	inTheWay()
	c.must("scale", web, "0")
	c.must("wait", big)
}

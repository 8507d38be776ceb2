package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// needs is a job of n tasks that run until a file is there; resources and
// network are blocks.
func (c *cluster) needs(name string, n int, resources, network string) string {
	c.t.Helper()
	return c.file(name+".hcl", fmt.Sprintf(`
job %[1]q {
  group "g" {
    count = %[2]d
    %[4]s
    task "t" {
      driver       = "exec"
      kill_timeout = "5s"
      config {
        script = <<EOT
echo "visible=$CUDA_VISIBLE_DEVICES nvidia=$NVIDIA_VISIBLE_DEVICES port=$TENDER_PORT_web"
while [ ! -e %[5]s/%[1]s-ends ]; do sleep 0.02; done
EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
        %[3]s
      }
    }
  }
}
`, name, n, resources, network, c.dir))
}

// gpuUse returns the devices of which something is given out, and holds that no
// device is given out twice: the sum of its tasks' shares is what it says, and
// no more than there is.
func (c *cluster) gpuUse() map[string]model.GPUUse {
	c.t.Helper()
	var l model.NodeList
	c.json(&l, "nodes", "-o", "json")
	used := map[string]model.GPUUse{}
	for _, n := range l.Nodes {
		for _, u := range n.GPUUse {
			sum := int64(0)
			for _, t := range u.Tasks {
				sum += t.Milli
			}
			if sum != u.AllocatedMilli || sum+u.OfferedMilli > 1000 {
				c.t.Errorf("%s of %s: %d allocated and %d offered, its tasks have %d: %+v", u.UUID, n.Name, u.AllocatedMilli, u.OfferedMilli, sum, u.Tasks)
			}
			if sum > 0 {
				used[u.UUID] = u
			}
		}
	}
	return used
}

// TestGPUShares: halves share devices and no device has more owners than it has
// room for; what waits says why; and a job that asked for no GPU sees none.
func TestGPUShares(t *testing.T) {
	c, _ := dev(t, "--agents", "2", "--fake-gpus", "2xH100")
	c.nodes(2)
	halves := c.submit(c.needs("halves", 4, "gpu { share = 0.5 }", ""))
	c.running(halves, 4)
	used := c.gpuUse()
	if len(used) != 2 {
		t.Errorf("four halves are on %d devices: %+v", len(used), used)
	}
	for uuid, u := range used {
		if len(u.Tasks) != 2 || u.AllocatedMilli != 1000 || !strings.HasPrefix(u.Tasks[0].Label, "halves.g[") {
			t.Errorf("%s: %+v", uuid, u)
		}
		for _, x := range u.Tasks {
			index := fmt.Sprint(x.ID.Index)
			c.eventually("task "+index+" has printed what it sees", func() bool { return c.must("logs", halves, "--index", index) != "" })
			out := c.must("logs", halves, "--index", index)
			if want := "visible=" + uuid + " nvidia=" + uuid + " "; !strings.HasPrefix(out, want) {
				t.Errorf("%s has %s and prints %q", x.Label, uuid, out)
			}
		}
	}
	none := c.submit(c.needs("none", 1, "", ""))
	c.running(none, 1)
	c.eventually("it has printed what it sees", func() bool { return c.must("logs", none) != "" })
	if out := c.must("logs", none); out != "visible= nvidia=void port=\n" {
		t.Errorf("a task that asked for no GPU prints %q", out)
	}

	never := c.submit(c.needs("never", 1, "gpu { count = 3 }", ""))
	if e := c.why(never); e.Tier != model.TierNever || reasonOf(e, model.WaitTooBig) == nil || !strings.Contains(e.Summary, "gpus=3") {
		t.Errorf("why of three GPUs where nodes have two: %+v", e)
	}
	other := c.submit(c.needs("other", 1, `gpu { model = "A100" }`, ""))
	if e := c.why(other); e.Tier != model.TierNever || reasonOf(e, model.WaitNoGPU) == nil {
		t.Errorf("why of a model that no node has: %+v", e)
	}
	whole := c.submit(c.needs("whole", 2, `gpu { model = "H100" }`, ""))
	c.running(whole, 2)
	if used := c.gpuUse(); len(used) != 4 {
		t.Errorf("with two whole ones %d devices are used", len(used))
	}
	late := c.submit(c.needs("late", 1, `gpu { model = "h100" }`, ""))
	if e := c.why(late); e.Tier == model.TierNever || reasonOf(e, model.WaitBusy) == nil {
		t.Errorf("why of a model that is busy: %+v", e)
	}
	c.release("halves-ends")
	c.must("wait", halves)
	c.running(late, 1)
	c.gpuUse()
	for _, name := range []string{"none", "whole", "late"} {
		c.release(name + "-ends")
		c.must("wait", name)
	}
	c.must("cancel", never)
	c.must("cancel", other)
	if used := c.gpuUse(); len(used) != 0 {
		t.Errorf("all have ended, and still given out are %+v", used)
	}
}

// TestStaticPorts: each node has a static port once, and who waits for it says
// so and starts when it is given back; any port is another one for each.
func TestStaticPorts(t *testing.T) {
	c, _ := dev(t, "--agents", "2")
	c.nodes(2)
	first := c.submit(c.needs("first", 2, "", "network {\n port \"web\" { static = 18080 }\n }"))
	c.running(first, 2)
	second := c.submit(c.needs("second", 1, "", "network {\n port \"web\" { static = 18080 }\n }"))
	e := c.why(second)
	if w := reasonOf(e, model.WaitPorts); w == nil || e.Tier == model.TierNever || !strings.Contains(w.Text, "18080") {
		t.Errorf("why of a port that is taken: %+v", e)
	}
	if text := c.must("why", second); !strings.Contains(text, "18080") {
		t.Errorf("why does not name the port:\n%s", text)
	}
	anyPort := c.submit(c.needs("any", 4, "", "network {\n port \"web\" {}\n }"))
	c.running(anyPort, 4)
	seen := map[string]bool{}
	for i := range 4 {
		index := fmt.Sprint(i)
		c.eventually("task "+index+" has printed its port", func() bool { return c.must("logs", anyPort, "--index", index) != "" })
		_, port, _ := strings.Cut(strings.TrimSpace(c.must("logs", anyPort, "--index", index)), "port=")
		if port == "" || port == "18080" || seen[port] {
			t.Errorf("task %s got port %q, others %v", index, port, seen)
		}
		seen[port] = true
	}
	c.release("first-ends")
	c.must("wait", first)
	c.running(second, 1)
	for _, name := range []string{"second", "any"} {
		c.release(name + "-ends")
		c.must("wait", name)
	}
}

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// used runs a task that does script and then stays for a while, longer each time
// until somebody has looked at its devices, and returns what its result says. The
// task is of driver raw_exec, and so knows its pid as the agent does.
func (c *cluster) used(name, request, script string) (string, model.TaskView) {
	c.t.Helper()
	for seconds := 2; ; seconds *= 2 {
		job := c.submit(c.file(name+".hcl", fmt.Sprintf(`
job %q {
  group "g" {
    task "t" {
      driver = "raw_exec"
      config { script = "%s; sleep %d" }
      resources {
        cpus   = 0.1
        memory = "32MiB"
        %s
      }
    }
  }
}
`, name, script, seconds, request)))
		c.must("wait", job)
		v := c.tasks(job)[0]
		if v.Usage == nil || len(v.Usage.GPUs) != 1 {
			c.t.Fatalf("the result does not tell of the device: %+v", v)
		}
		if v.Usage.GPUs[0].Samples > 0 {
			return job, v
		}
		if seconds > 60 {
			c.t.Fatalf("nobody looked at the device in %d s: %+v", seconds, v.Usage)
		}
	}
}

// TestGPUUse: what a task did with its device is in its result.
func TestGPUUse(t *testing.T) {
	c, _ := dev(t, "--agents", "1", "--fake-gpus", "1xH100")
	c.nodes(1)
	state := filepath.Join(c.dir, "dev/agents/1/fake-gpus")
	job, v := c.used("half", "gpu { share = 0.5 }",
		"echo GPU-fake-dev-1-0 80 3000000000 $$ 1073741824 1 5000 > "+state+"/next && mv "+state+"/next "+state+"/usage")
	if g := v.Usage.GPUs[0]; g.PeakMemoryBytes != 1<<30 || g.UUID != "GPU-fake-dev-1-0" || !g.OfDevice {
		t.Errorf("a share used %+v", g) // the fake one does not say how busy each process is
	}
	if text := c.must("job", job, "-o", "wide"); !strings.Contains(text, "80% of device") || !strings.Contains(text, "1GiB of device") {
		t.Errorf("job -o wide:\n%s", text)
	}
	if text := c.must("job", job); !strings.Contains(text, "GPUs busy for ") || !strings.Contains(text, "at most 1GiB of one's memory") {
		t.Errorf("job:\n%s", text)
	}
	_, v = c.used("whole", "gpu {}", "echo GPU-fake-dev-1-0 30 3000000000 $$ 7340032 > "+state+"/next && mv "+state+"/next "+state+"/usage")
	if g := v.Usage.GPUs[0]; g.PeakMemoryBytes != 7<<20 || g.BusyMilli != 300 || g.OfDevice {
		t.Errorf("a whole device was used: %+v", g)
	}

	none := c.submit(c.file("none.hcl", `
job "none" {
  group "g" {
    task "t" {
      config { script = "true" }
    }
  }
}
`))
	c.must("wait", none)
	if v := c.tasks(none)[0]; v.Usage == nil || v.Usage.GPUs != nil {
		t.Errorf("a task without devices: %+v", v.Usage)
	}
	if text := c.must("job", none, "-o", "wide"); strings.Contains(text, "GPU") {
		t.Errorf("job -o wide of a task without devices:\n%s", text)
	}
}

// TestNVMLUse: the same with a library that answers as the driver's does.
func TestNVMLUse(t *testing.T) {
	c, events := fakeNVML(t)
	if err := os.WriteFile(events, []byte("mig 1\nmig 2\nmig 3\n"), 0o644); err != nil { // only the first is whole
		t.Fatal(err)
	}
	c.startDev("--agents", "1")
	job, v := c.used("train", `gpu { model = "H100" }`, "(cat "+events+" | grep mig; echo pid $$) > "+events+".next && mv "+events+".next "+events)
	if g := v.Usage.GPUs[0]; g.UUID != "GPU-0000-0" || g.PeakMemoryBytes != 1<<30 || g.BusyMilli != 700 || g.OfDevice {
		t.Errorf("used %+v", g)
	}
	if text := c.must("job", job, "-o", "wide"); !strings.Contains(text, "70%") || !strings.Contains(text, "1GiB") {
		t.Errorf("job -o wide:\n%s", text)
	}
	_, v = c.used("slice", `gpu { mig = "3g.40gb" }`, "true")
	if g := v.Usage.GPUs[0]; !g.OfDevice || g.PeakMemoryBytes <= 0 || g.BusyMilli != -1 {
		t.Errorf("a MIG instance was used: %+v", g)
	}
}

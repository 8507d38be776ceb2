package e2e

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// tasks returns a job's tasks in slot order.
func (c *cluster) tasks(id string) []model.TaskView {
	c.t.Helper()
	var r struct {
		Tasks []model.TaskView `json:"tasks"`
	}
	c.json(&r, "job", id, "--tasks", "0", "-o", "json")
	slices.SortFunc(r.Tasks, func(x, y model.TaskView) int { return x.ID.Compare(y.ID) })
	return r.Tasks
}

// holder returns the device that task index has, empty if it does not run.
func (c *cluster) holder(index uint32) string {
	for uuid, u := range c.gpuUse() {
		for _, t := range u.Tasks {
			if t.ID.Index == index {
				return uuid
			}
		}
	}
	return ""
}

// TestBrokenGPU: what ran on a device that breaks goes on elsewhere without
// using up a restart, and says why; what ran on the others is left alone; with
// no device left it waits, and starts when the device is whole again.
func TestBrokenGPU(t *testing.T) {
	c, d := dev(t, "--agents", "1", "--fake-gpus", "3xH100")
	c.nodes(1)
	state := filepath.Join(c.dir, "dev/agents/1/fake-gpus")
	if err := os.MkdirAll(state, 0o755); err != nil {
		t.Fatal(err)
	}
	happens := func(lines ...string) {
		t.Helper()
		next := filepath.Join(state, "next")
		if err := os.WriteFile(next, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(state, "broken")); err != nil {
			t.Fatal(err)
		}
	}
	job := c.submit(c.needs("train", 2, "gpu {}", ""))
	c.running(job, 2)
	first, second := c.holder(0), c.holder(1)
	happens(first + " xid 31") // the program's own fault
	happens(first + " xid 79")
	c.eventually("task 0 runs on another device", func() bool {
		now := c.holder(0)
		return now != "" && now != first && now != second
	})
	c.eventually("its attempt runs", func() bool {
		x := c.tasks(job)[0]
		return x.ID.Attempt == 1 && x.State == "running"
	})
	if now := c.tasks(job)[1]; now.ID.Attempt != 0 || c.holder(1) != second {
		t.Errorf("the task on %s was not left alone: %+v, it has %s", second, now, c.holder(1))
	}
	third := c.holder(0)
	happens(first+" xid 79", third+" xid 48")
	c.eventually("task 0 waits", func() bool { return c.tasks(job)[0].State == "waiting" })
	if text := c.must("job", job); !strings.Contains(text, "("+third+") must not be used any more: XID 48: double bit ECC error") {
		t.Errorf("the job does not tell what happened:\n%s", text)
	}
	if e := c.why(job); e.Tier == model.TierNever || reasonOf(e, model.WaitBusy) == nil {
		t.Errorf("why it waits: %+v", e)
	}
	if text := c.must("nodes"); !strings.Contains(text, "(2 bad)") {
		t.Errorf("nodes do not tell of the broken ones:\n%s", text)
	}
	happens(first + " xid 79")
	c.eventually("task 0 has the device that is whole again", func() bool { return c.holder(0) == third })
	c.release("train-ends")
	c.must("wait", job)

	// An agent that starts with a broken device says so at once.
	d.stop()
	c.startDev("--agents", "1", "--fake-gpus", "3xH100")
	c.nodes(1)
	if text := c.must("nodes", "--gpu"); strings.Count(text, "XID 79") != 1 {
		t.Errorf("after a restart:\n%s", text)
	}
}

// TestGPUsAreApart: a task can open the node of its own device only, one without
// a device none, whatever they are told by their environment.
func TestGPUsAreApart(t *testing.T) {
	c, _ := dev(t, "--agents", "1", "--fake-gpus", "2xH100")
	nodes := filepath.Join(c.dir, "dev/agents/1/fake-gpus/dev")
	if err := os.MkdirAll(nodes, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // NVIDIA's major number; no driver answers here
		if err := unix.Mknod(fmt.Sprintf("%s/GPU-fake-dev-1-%d", nodes, i), unix.S_IFCHR|0o666, int(unix.Mkdev(195, uint32(230+i)))); err != nil {
			t.Skipf("device nodes cannot be made here: %v", err)
		}
	}
	script := `for n in ` + nodes + `/*; do case $(2>&1 dd of=/dev/null count=0 if=$n) in *"not permitted"*) ;; *) echo $(basename $n);; esac; done`
	job := func(name, gpu string) string {
		return c.file(name+".hcl", fmt.Sprintf(`
job %q {
  group "g" {
    count = 2
    task "t" {
      driver = "exec"
      config {
        script = <<EOT
echo "has $CUDA_VISIBLE_DEVICES"
%s
EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
        %s
      }
    }
  }
}
`, name, script, gpu))
	}
	if r := c.run("nodes", "-o", "json"); strings.Contains(r.stderr, "environment variables only") {
		t.Skip("devices cannot be bounded here")
	}
	c.must("submit", job("with", "gpu {}"), "--wait")
	seen := map[string]bool{}
	for i := range 2 {
		out := strings.Fields(c.must("logs", "with", "--index", fmt.Sprint(i)))
		if len(out) != 3 || out[1] != out[2] || seen[out[2]] {
			t.Errorf("task %d prints %q: want the device it has, and that alone", i, out)
		}
		seen[out[len(out)-1]] = true
	}
	c.must("submit", job("without", ""), "--wait")
	if out := c.must("logs", "without"); out != "has \n" {
		t.Errorf("a task without a device prints %q", out)
	}
}

// TestNVMLDevices: the real way to the driver, with a library of ours in the
// place of NVIDIA's: its devices are found, an XID stops what ran on one, and a
// device that is no longer listed counts as lost.
func TestNVMLDevices(t *testing.T) {
	c, events := fakeNVML(t)
	happens := func(text string) {
		t.Helper()
		if err := os.WriteFile(events, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	happens("mig 2\n")
	c.startDev("--agents", "1")
	job := c.submit(c.needs("train", 3, `gpu { model = "H100" }`, ""))
	c.running(job, 3) // the fourth is in MIG mode
	slice := c.submit(c.needs("slice", 1, `gpu { mig = "3g.40gb" }`, ""))
	c.running(slice, 1)
	broken := uint32(9)
	for i := range uint32(3) {
		if c.holder(i) == "GPU-0000-1" {
			broken = i
		}
	}
	if broken == 9 {
		t.Fatalf("nobody has GPU-0000-1: %+v", c.gpuUse())
	}
	happens("mig 2\nxid 1 79\n")
	c.eventually("the task on it waits", func() bool { return c.tasks(job)[broken].State == "waiting" })
	if text := c.must("nodes", "--gpu"); !strings.Contains(text, "XID 79: fallen off the bus") {
		t.Errorf("nodes --gpu after an XID:\n%s", text)
	}
	happens("mig 2\nxid 1 79\ngone\nxid 1 79\n")
	c.eventually("two wait", func() bool {
		n := 0
		for _, x := range c.tasks(job) {
			if x.State == "waiting" {
				n++
			}
		}
		return n == 2
	})
	if text := c.must("job", job); !strings.Contains(text, "GPU-0000-3) must not be used any more: lost") {
		t.Errorf("the job does not tell what happened:\n%s", text)
	}
	c.must("cancel", job)
	c.must("cancel", slice)
}

// fakeNVML returns a cluster whose agents find a library that pretends to be the
// driver's, and the file that says what happens there.
func fakeNVML(t *testing.T) (c *cluster, events string) {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" && s.Value != "1" {
			t.Skip("the program is built without cgo (make build where there is a C compiler)")
		}
	}
	c = newCluster(t)
	c.addr = freeAddress(t)
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", filepath.Join(c.dir, "libnvidia-ml.so.1"), "../../gpu/nvml/testdata/fakenvml.c").CombinedOutput(); err != nil {
		t.Skipf("no C compiler to build the library with: %v\n%s", err, out)
	}
	events = filepath.Join(c.dir, "events")
	t.Setenv("LD_LIBRARY_PATH", c.dir)
	t.Setenv("FAKE_NVML", events)
	return c, events
}

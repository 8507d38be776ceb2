package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// TestBadInput: a mistake is named with its place, and the daemon goes on.
func TestBadInput(t *testing.T) {
	c, d := dev(t)
	task := func(body string) string {
		return fmt.Sprintf("job \"x\" {\n  group \"g\" {\n    task \"t\" {\n      driver = \"exec\"\n%s\n    }\n  }\n}\n", body)
	}
	for _, x := range []struct {
		name, file string
		code       int
		say        []string // in what is printed
	}{
		{"broken HCL", "job \"x\" {", model.ExitRejected, []string{"x.hcl:1"}},
		{"unknown block", "job \"x\" {\n  grup \"g\" {}\n}", model.ExitRejected, []string{"x.hcl:2:3", "grup", "group"}},
		{"two mistakes", "job \"x\" {\n  priorty = 3\n  group \"g\" {\n    task \"t\" {\n      drivr = \"exec\"\n    }\n  }\n}", model.ExitRejected,
			[]string{"x.hcl:2:3", "priority", "x.hcl:5:7", "driver"}},
		{"array too large", "job \"x\" {\n  group \"g\" {\n    array { range = \"0-9999999\" }\n    task \"t\" {\n      driver = \"exec\"\n      config { command = \"true\" }\n    }\n  }\n}",
			model.ExitRejected, []string{"x.hcl:3", "1000000"}},
		{"file too large", "# " + strings.Repeat("x", model.MaxJobFileBytes), model.ExitRejected, []string{"1MiB"}},
		{"no such command", task(`      config { command = "/no/such/program" }`), 127, []string{"/no/such/program"}},
		{"no such directory", task("      config {\n        command  = \"/bin/true\"\n        work_dir = \"/no/such/dir\"\n      }"), 126, []string{"/no/such/dir"}},
		{"no such user", task("      user = \"nobody-here\"\n      config { command = \"/bin/true\" }"), 126, []string{"nobody-here"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := c.run("submit", c.file("x.hcl", x.file), "--wait")
			all := strings.ReplaceAll(r.stdout+r.stderr, ",", "")
			if r.code == 0 {
				t.Errorf("exit code 0\n%s", all)
			}
			if x.code == model.ExitRejected && r.code != x.code {
				t.Errorf("exit code %d, want %d", r.code, x.code)
			}
			for _, s := range x.say {
				if !strings.Contains(all, s) {
					t.Errorf("it does not say %q:\n%s", s, all)
				}
			}
		})
	}
	if r := c.run("submit", c.script("fine", "", "true"), "--wait"); r.code != 0 {
		t.Errorf("after all that a good job ends with %d\n%s", r.code, r.stderr)
	}
	select {
	case <-d.exited:
		t.Error("the daemon has ended")
	default:
	}
}

// TestPortTaken and TestDataDirTaken: a second daemon says what is in its way.
func TestPortTaken(t *testing.T) {
	c, _ := dev(t)
	second := c.start(false, "dev", "--data-dir", filepath.Join(c.dir, "other"), "--listen", c.addr)
	<-second.exited
	if second.cmd.ProcessState.ExitCode() == 0 || !strings.Contains(second.log.String(), c.addr) ||
		!strings.Contains(second.log.String(), "in use") {
		t.Errorf("it ended with %d and said:\n%s", second.cmd.ProcessState.ExitCode(), second.log)
	}
}

func TestDataDirTaken(t *testing.T) {
	c, first := dev(t)
	second := c.start(false, "dev", "--data-dir", filepath.Join(c.dir, "dev"), "--listen", freeAddress(t))
	<-second.exited
	if second.cmd.ProcessState.ExitCode() == 0 || !strings.Contains(second.log.String(), "in use") ||
		!strings.Contains(second.log.String(), fmt.Sprint(first.cmd.Process.Pid)) {
		t.Errorf("it ended with %d and said:\n%s", second.cmd.ProcessState.ExitCode(), second.log)
	}
}

// TestFullDisk: a task whose output finds no room goes on.
func TestFullDisk(t *testing.T) {
	c := newCluster(t)
	c.addr = freeAddress(t)
	c.startMaster()
	disk := filepath.Join(c.dir, "small")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs to mount a tmpfs: %v", err)
	}
	agent := c.start(true, "agent", "--masters", c.addr, "--data-dir", filepath.Join(disk, "a1"), "--name", "a1", "--disk", "1GiB", "--stop-tasks")
	t.Cleanup(func() {
		agent.stop()
		c.eventually("the disk can be unmounted", func() bool { return unix.Unmount(disk, 0) == nil })
	})
	r := c.run("submit", c.script("noisy", "", "head -c 5000000 /dev/zero; exit 4"), "--wait")
	if r.code != 4 {
		t.Errorf("exit code %d, want 4\n%s", r.code, r.stderr)
	}
}

// TestRestart: what was acknowledged is there after a restart, also after kill -9.
func TestRestart(t *testing.T) {
	c, d := dev(t)
	done := c.submit(c.script("done", "", "exit 5"))
	c.run("wait", done)
	huge := c.submit(c.file("huge.hcl", `
job "huge" {
  group "g" {
    task "t" {
      driver = "exec"
      config { command = "/bin/true" }
      resources { cpus = 64 }
    }
  }
}`))
	d.kill9()
	d = c.startDev()
	if v := c.job(done); v.ExitCode == nil || *v.ExitCode != 5 {
		t.Errorf("the ended job has become %+v", v)
	}
	if v := c.job(huge); v.State != model.JobQueued {
		t.Errorf("the waiting job has become %s", v.State)
	}
	d.stop()
	c.startDev()
	if v := c.job(huge); v.State != model.JobQueued {
		t.Errorf("the waiting job has become %s", v.State)
	}
}

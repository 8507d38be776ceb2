package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// mpirunJob is a job file whose first allocation runs a script.
func (c *cluster) mpirunJob(driver, name, more, script string) string {
	return c.file(name+".hcl", fmt.Sprintf(`
job %q {
  time_limit = "2m"
  group "g" {
    count = 2
    gang {
      launch = "mpirun"
      ranks  = 2
    }
%s
    task "t" {
      driver = %q
      config {
        script = <<EOT
%s
EOT
      }
      env {
        OMPI_MCA_btl                 = "tcp,self"
        OMPI_MCA_pml                 = "ob1"
        OMPI_MCA_mpi_yield_when_idle = "1"
        UCX_NET_DEVICES              = "eth0"
      }
      resources {
        cpus   = 0.8
        memory = "256MiB"
      }
    }
  }
}
`, name, more, driver, script))
}

const apartHosts = "    constraint { distinct_hosts = true }\n"

// sortedLines is what several processes printed, in an order of its own.
func sortedLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestMPIRun: an mpirun in the first allocation starts ranks in both, on agents
// that share no network but a bridge. The job's exit code is its.
func TestMPIRun(t *testing.T) {
	for _, lib := range []struct{ name, driver, compiler, mpirun, flags string }{
		{"Open MPI", "exec", "mpicc.openmpi", "mpirun.openmpi", "--mca oob_tcp_if_include eth0 --mca btl_tcp_if_include eth0"},
		{"MPICH", "raw_exec", "mpicc.mpich", "mpiexec.hydra", "-iface eth0"},
	} {
		t.Run(lib.name, func(t *testing.T) {
			if _, err := exec.LookPath(lib.mpirun); err != nil {
				t.Skipf("needs %s: apt-get install mpich openmpi-bin libopenmpi-dev", lib.mpirun)
			}
			c := newCluster(t)
			ring, sums := c.compileMPI(lib.compiler, "ring"), c.compileMPI(lib.compiler, "allreduce")
			c.apart(2)
			run := func(name, command string) (string, result) {
				r := c.run("submit", "--wait", c.mpirunJob(lib.driver, name, apartHosts, "exec "+lib.mpirun+" "+lib.flags+" -n 4 "+command))
				return c.must("logs", name, "--index", "0"), r
			}
			if out, r := run("ring", ring); r.code != 0 || out != "the token has been at 4 of 4\n" {
				t.Fatalf("exit code %d, and the output is %q\n%s", r.code, out, r.stderr)
			}
			want := ""
			for i := range 4 {
				want += fmt.Sprintf("rank %d: sum 10, 0 of the vector wrong\n", i)
			}
			if out, r := run("sums", sums); r.code != 0 || sortedLines(out)+"\n" != want {
				t.Errorf("exit code %d, and the output is %q\n%s", r.code, out, r.stderr)
			}
			// Two ranks in each network.
			out, r := run("where", "readlink /proc/self/ns/net")
			lines := strings.Split(sortedLines(out), "\n")
			if r.code != 0 || len(lines) != 4 || lines[0] != lines[1] || lines[1] == lines[2] || lines[2] != lines[3] {
				t.Errorf("exit code %d; the ranks are in the networks %q\n%s", r.code, lines, r.stderr)
			}
			if v := c.job("where"); v.State != model.JobSucceeded || v.Slots.Succeeded != 2 {
				t.Errorf("the job is %s with %+v", v.State, v.Slots)
			}
			if _, r := run("fails", "sh -c 'exit 3'"); r.code != 3 {
				t.Errorf("exit code %d, want 3\n%s", r.code, r.stderr)
			}
			if v := c.job("fails"); v.State != model.JobFailed {
				t.Errorf("the job is %s", v.State)
			}
		})
	}
}

// TestRemote: what stands in for ssh takes a command to another allocation of the
// gang, and nowhere else.
func TestRemote(t *testing.T) {
	c, _ := dev(t, "--agents", "2")
	for _, where := range []struct{ name, more, host string }{
		{"apart", apartHosts, "other node"},
		{"together", "", "same node or not"},
	} {
		t.Run(where.name, func(t *testing.T) {
			done := filepath.Join(c.dir, where.name+".done")
			pid := filepath.Join(c.dir, where.name+".pid")
			path := c.mpirunJob("exec", where.name, where.more, `
other=$(sed -n 's/ .*//; 2p' $TENDER_HOSTFILE)
here=$(sed -n 's/ .*//; 1p' $TENDER_HOSTFILE)
echo in | $TENDER_REMOTE_SHELL -x "$other" 'echo at $TENDER_ALLOC_INDEX; cat; echo err >&2; exit' 5
echo code $?
$TENDER_REMOTE_SHELL -n "$here" echo back at '$TENDER_ALLOC_INDEX'
$TENDER_REMOTE_SHELL no-such-host true
echo code $?
TENDER_REMOTE_TOKEN=guessed $TENDER_REMOTE_SHELL "$other" true
echo code $?
$TENDER_REMOTE_SHELL "$other" "trap '' TERM HUP; echo up > `+pid+`; while :; do sleep 0.1; done" &
until test -e `+pid+`; do sleep 0.05; done
kill -KILL $!
until test -e `+done+`; do sleep 0.05; done`)
			id := c.submit(path)
			c.eventually("the last command runs", func() bool { return exists(pid) })
			// Its caller is killed, so it is too: init, the holder and who is asking are left.
			c.eventually("the command is gone", func() bool {
				r := c.run("exec", id, "--index", "1", "--", "sh", "-c", "ls -d /proc/[0-9]* | wc -l")
				return r.code == 0 && strings.TrimSpace(r.stdout) == "5"
			})
			c.file(where.name+".done", "")
			if r := c.run("wait", id); r.code != 0 {
				t.Errorf("exit code %d\n%s", r.code, r.stderr)
			}
			if got, want := c.must("logs", id, "--index", "0"), "at 1\nin\ncode 5\nback at 0\ncode 255\ncode 255\n"; got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
			errs := c.must("logs", id, "--index", "0", "--stderr")
			for _, want := range []string{"err\n", `host "no-such-host" is not of this gang`, "the token is not this task's"} {
				if !strings.Contains(errs, want) {
					t.Errorf("standard error lacks %q:\n%s", want, errs)
				}
			}
			if v := c.job(id); v.Slots.Succeeded != 2 {
				t.Errorf("the job is %s with %+v", v.State, v.Slots)
			}
		})
	}
}

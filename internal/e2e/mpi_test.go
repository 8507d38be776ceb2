package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// compileMPI builds testdata/mpi/NAME.c with an MPI library's compiler, or leaves
// the test out where there is none.
func (c *cluster) compileMPI(compiler, name string) string {
	c.t.Helper()
	path, err := exec.LookPath(compiler)
	if err != nil {
		c.t.Skipf("needs %s: apt-get install mpich openmpi-bin libopenmpi-dev", compiler)
	}
	source, err := filepath.Abs(filepath.Join("testdata/mpi", name+".c"))
	if err != nil {
		c.t.Fatal(err)
	}
	out := filepath.Join(c.dir, name+"."+compiler)
	if text, err := exec.Command(path, "-O2", "-o", out, source, "-lm").CombinedOutput(); err != nil {
		c.t.Fatalf("%s %s: %v\n%s", compiler, source, err, text)
	}
	return out
}

// mpiJob is a job file of an MPI program: count allocations of so many ranks, which
// reach each other by a network device: UCX, below MPICH, sees that the agents
// share a machine and would try the loopback of the others too. It is left the
// choice of shared memory, which it then prefers: with TCP alone the UCX of Debian
// 12 hangs in one MPI_Finalize of some, with MPICH's own mpiexec just as well.
func (c *cluster) mpiJob(device, name, program string, count, ranks int, args ...string) string {
	quoted := ""
	for _, a := range args {
		quoted += fmt.Sprintf("%q, ", a)
	}
	return c.file(name+".hcl", fmt.Sprintf(`
job %q {
  time_limit = "1m"
  group "ranks" {
    count = %d
    gang {
      launch = "pmi"
      ranks  = %d
    }
    constraint { distinct_hosts = true }
    task "rank" {
      config {
        command = %q
        args    = [%s]
      }
      env { UCX_NET_DEVICES = %q }
      resources {
        cpus   = 2
        memory = "256MiB"
      }
    }
  }
}
`, name, count, ranks, program, quoted, device))
}

// devAlone starts tender dev where there is no network but loopback, nor another
// test's ranks.
func (c *cluster) devAlone(flags ...string) {
	c.t.Helper()
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			c.t.Skipf("%s is not installed", tool)
		}
	}
	c.in, c.addr = newNetns(c.t), "127.0.0.1:7070"
	c.startDev(flags...)
}

// TestMPICH: a ring, sums and a numerical program, built with MPICH and started
// directly over PMI, on agents that share no network but a bridge.
func TestMPICH(t *testing.T) {
	c := newCluster(t)
	programs := map[string]string{}
	for _, name := range []string{"ring", "allreduce", "jacobi"} {
		programs[name] = c.compileMPI("mpicc.mpich", name)
	}
	c.apart(2)
	for _, p := range []struct {
		name         string
		count, ranks int
		lines        []string
	}{
		{"ring", 2, 2, []string{"[0] the token has been at 4 of 4"}},
		{"allreduce", 2, 1, []string{"[0] rank 0: sum 3, 0 of the vector wrong", "[1] rank 1: sum 3, 0 of the vector wrong"}},
		{"jacobi", 2, 1, []string{"[0] jacobi on 2 ranks: error below 1e-6"}},
	} {
		t.Run(p.name, func(t *testing.T) {
			r := c.run("submit", c.mpiJob("eth0", p.name, programs[p.name], p.count, p.ranks), "--wait")
			out := c.must("logs", p.name)
			for _, l := range p.lines {
				if r.code != 0 || !strings.Contains(out, l+"\n") {
					t.Fatalf("exit code %d, and the output lacks %q:\n%s%s", r.code, l, out, r.stderr)
				}
			}
		})
	}
}

// TestMPIFailure: one rank fails in each way there is, the others are stopped,
// and the result names rank, node and code or signal.
func TestMPIFailure(t *testing.T) {
	c := newCluster(t)
	program := c.compileMPI("mpicc.mpich", "fail")
	c.devAlone("--agents", "2")
	for _, f := range []struct {
		how  string
		code int
		want string
	}{
		{"abort", 7, "called MPI_Abort with code 7"},
		{"exit", 9, "exited with code 9"},
		{"crash", 139, "was ended by signal 11 (SIGSEGV)"},
		{"leave", 1, "ended without MPI_Finalize"},
	} {
		t.Run(f.how, func(t *testing.T) {
			r := c.run("submit", c.mpiJob("lo", "fail-"+f.how, program, 2, 2, "3", f.how), "--wait")
			v := c.job("fail-" + f.how)
			if v.Failure == nil {
				t.Fatalf("exit code %d, and nothing has failed: %+v", r.code, v)
			}
			want := fmt.Sprintf("rank 3 on node %s %s", v.Failure.AgentName, f.want)
			if r.code != f.code || v.Message != want || !strings.Contains(r.stderr, want) {
				t.Errorf("exit code %d, want %d; message %q, want %q\n%s", r.code, f.code, v.Message, want, r.stderr)
			}
			if v.Slots.Killed != 1 || v.Slots.Failed != 1 {
				t.Errorf("slots: %+v", v.Slots)
			}
		})
	}
}

// TestOpenMPISingletons: an MPI library that does not know PMI-1 runs as so many
// programs of size 1. That is refused with advice, not taken for success.
func TestOpenMPISingletons(t *testing.T) {
	c := newCluster(t)
	program, stay := c.compileMPI("mpicc.openmpi", "ring"), c.compileMPI("mpicc.openmpi", "fail")
	c.devAlone("--agents", "2")
	r := c.run("submit", c.mpiJob("lo", "alone", program, 2, 1), "--wait")
	v := c.job("alone")
	if r.code == 0 || v.State != model.JobFailed || !strings.Contains(v.Message, `launch = "mpirun"`) {
		t.Errorf("exit code %d, %s: %q\n%s", r.code, v.State, v.Message, r.stderr)
	}
	// Those that do not end by themselves are found out while they run.
	r = c.run("submit", c.mpiJob("lo", "stay", stay, 2, 1, "stay"), "--wait")
	v = c.job("stay")
	if r.code != 1 || v.State != model.JobFailed || !strings.Contains(v.Message, "runs Open MPI (it has loaded libopen-pal.so") {
		t.Errorf("exit code %d, %s: %q\n%s", r.code, v.State, v.Message, r.stderr)
	}
}

// TestTorchrun: ranks on two nodes meet at the port of the first.
func TestTorchrun(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	text, err := os.ReadFile(filepath.Join(examples, "torchrun.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t)
	c.apart(2)
	file := c.file("torchrun.hcl", strings.Replace(string(text), "    gang {\n", "    constraint { distinct_hosts = true }\n    gang {\n", 1))
	r := c.run("submit", file, "--wait")
	out := c.must("logs", "torchrun")
	for rank := range 4 {
		if want := fmt.Sprintf("[%d] rank %d of 4: the sum of all ranks is 6\n", rank, rank); r.code != 0 || !strings.Contains(out, want) {
			t.Fatalf("exit code %d, the output lacks %q:\n%s%s", r.code, want, out, r.stderr)
		}
	}
}

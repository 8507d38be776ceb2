package executor

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case MainCommand:
			os.Exit(profiled(func() int { return Main(os.Args[2:]) }))
		case InitCommand:
			os.Exit(InitMain(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

// profiled writes a CPU profile of the executor if TENDER_TEST_PROFILE names a file.
func profiled(f func() int) int {
	if name := os.Getenv("TENDER_TEST_PROFILE"); name != "" {
		out, err := os.Create(name)
		if err != nil {
			panic(err)
		}
		pprof.StartCPUProfile(out)
		defer out.Close()
		defer pprof.StopCPUProfile()
	}
	return f()
}

// rig is an executor process and an agent's connection to it.
type rig struct {
	t    testing.TB
	dir  string // the job's
	cmd  *exec.Cmd
	conn *Conn
}

func newRig(t testing.TB, job *model.Job) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "tender-executor-")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: filepath.Join(dir, "job")}
	sock := filepath.Join(dir, "spare.sock")
	r.cmd = exec.Command("/proc/self/exe", MainCommand, "--sock", sock, "--cgroup", fmt.Sprintf("test-%d", os.Getpid()))
	r.cmd.Stderr = os.Stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for {
		if r.conn, err = Dial(sock); err == nil {
			break
		}
		if r.cmd.ProcessState != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		r.conn.Send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Exit{Exit: &execpb.Exit{Force: true}}})
		if err := r.cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	spec, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Hello{Hello: &execpb.Hello{AgentId: "a", RecoveryTimeoutNs: int64(time.Minute)}}})
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Adopt{Adopt: &execpb.Adopt{Job: "j1", Spec: spec, Dir: r.dir}}})
	return r
}

func (r *rig) send(m *execpb.ToExecutor) {
	r.t.Helper()
	if err := r.conn.Send(m); err != nil {
		r.t.Fatal(err)
	}
}

func BenchmarkTrue(b *testing.B) {
	job := &model.Job{Name: "bench", Groups: []model.Group{{Name: "g", Count: 1_000_000, Tasks: []model.TaskSpec{{
		Name: "t", Driver: "exec", Config: model.TaskConfig{Command: "/bin/true"},
		Resources: model.TaskResources{CPUMilli: 1000, MemoryBytes: 64 << 20},
		Logs:      model.LogConfig{MaxFiles: 2, MaxFileBytes: 1 << 20},
	}}}}}
	r := newRig(b, job)
	next, live, done := 0, 0, 0
	before := childCPU(r.cmd.Process.Pid)
	b.ResetTimer()
	for done < b.N {
		var idx []uint32
		for live < 128 && next < b.N {
			idx = append(idx, uint32(next))
			next++
			live++
		}
		if len(idx) > 0 {
			r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Launch{Launch: &execpb.Launch{Indices: idx}}})
		}
		m, err := r.conn.Recv()
		if err != nil {
			b.Fatal(err)
		}
		if s := m.GetState(); s.GetError() != "" {
			b.Fatal(s.Error)
		}
		var acks []uint64
		for _, u := range m.GetUpdates().GetUpdates() {
			acks = append(acks, u.Seq)
			s := model.TaskState(u.Task.State)
			if s.Terminal() {
				if s != model.TaskFinished {
					b.Fatal(u)
				}
				done++
				live--
			}
		}
		if len(acks) > 0 {
			r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Acknowledge{Acknowledge: &execpb.Acknowledge{Seqs: acks}}})
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((childCPU(r.cmd.Process.Pid)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// childCPU is the CPU time of a process and its collected children.
func childCPU(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	var f [17]int64
	s := string(raw[len(fmt.Sprint(pid))+1:])
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == ')' {
			s = s[i+2:]
			break
		}
	}
	var state string
	fmt.Sscan(s, &state, &f[0], &f[1], &f[2], &f[3], &f[4], &f[5], &f[6], &f[7], &f[8], &f[9], &f[10], &f[11], &f[12], &f[13])
	return time.Duration(f[10]+f[11]+f[12]+f[13]) * 10 * time.Millisecond
}

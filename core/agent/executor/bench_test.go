package executor

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

func trueJob() *model.Job {
	j := sh("")
	j.Groups[0].Tasks[0].Config = model.TaskConfig{Command: "/bin/true"}
	return j
}

// BenchmarkTrue runs tasks that do nothing, 128 at once, with limits and logs.
// own is the executor's CPU time, task that of what it ran.
func BenchmarkTrue(b *testing.B) {
	r := newRig(b, trueJob())
	own, tasks := cpuOf(b, r.cmd.Process.Pid)
	next, ended := 0, 0
	b.ResetTimer()
	for ended < b.N {
		var indices []uint32
		for next < b.N && next-ended < 128 {
			indices = append(indices, uint32(next))
			next++
		}
		if len(indices) > 0 {
			r.launch(0, indices...)
		}
		r.must(r.receive())
		ended = len(r.last)
	}
	b.StopTimer()
	ownAfter, tasksAfter := cpuOf(b, r.cmd.Process.Pid)
	b.ReportMetric(float64((ownAfter-own).Microseconds())/float64(b.N), "own-µs/op")
	b.ReportMetric(float64((tasksAfter-tasks).Microseconds())/float64(b.N), "task-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkXargs is the plainest way to run the same.
func BenchmarkXargs(b *testing.B) {
	cmd := exec.Command("sh", "-c", fmt.Sprintf("seq %d | xargs -P2 -n1 /bin/true", b.N))
	b.ResetTimer()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "all-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkFirstTask is what the first task of a job waits for: a spare is
// adopted, and one task runs to its end.
func BenchmarkFirstTask(b *testing.B) {
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		r := newSpare(b)
		awaitWarm(r)
		b.StartTimer()
		begin := time.Now()
		r.adopt(trueJob())
		r.launch(0, 0)
		r.await(lifecycle.Key{})
		spent += time.Since(begin)
		b.StopTimer()
		r.end()
		b.StartTimer()
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(b.N), "first-µs/op")
}

// awaitWarm waits until the spare has made its cell: on v1, until its thread is
// in the last controller's group.
func awaitWarm(r *rig) {
	for {
		names, _ := r.host.List(r.cgroup)
		pids, _ := r.host.Tree(r.cgroup + "/1")[len(r.host.Tree(r.cgroup))-2:].Pids()
		if len(names) > 0 && (len(pids) > 0 || r.host.Mode == isolation.ModeV2) {
			return
		}
	}
}

// cpuOf is the CPU time of a process, and of its collected children.
func cpuOf(t testing.TB, pid int) (own, children time.Duration) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	var ticks [4]int64
	for i, f := range strings.Fields(rest)[11:15] { // utime, stime, cutime, cstime: proc_pid_stat(5)
		if ticks[i], err = strconv.ParseInt(f, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	const tick = time.Second / 100
	return time.Duration(ticks[0]+ticks[1]) * tick, time.Duration(ticks[2]+ticks[3]) * tick
}

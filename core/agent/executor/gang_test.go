package executor

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

func (r *rig) startGang(keys ...lifecycle.Key) {
	s := &execpb.Start{}
	for _, k := range keys {
		s.Tasks = append(s.Tasks, wireTask(k, model.TaskStarting))
	}
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Start{Start: s}})
}

// gangJob has one group whose allocations are a gang with so many ranks each.
func gangJob(launch string, ranks int, script string) *model.Job {
	return &model.Job{Name: "gang", Groups: []model.Group{{
		Name: "g", Count: 2, Gang: &model.Gang{Launch: launch, Ranks: ranks},
		Tasks: []model.TaskSpec{{
			Name: "t", Driver: model.DriverExec, Config: model.TaskConfig{Script: script},
			Resources: model.TaskResources{CPUMilli: 500, MemoryBytes: 64 << 20},
			Logs:      model.LogConfig{MaxFiles: 1, MaxFileBytes: 1 << 20},
		}},
	}}}
}

// onTwoNodes is a gang of which this executor has the second allocation.
var onTwoNodes = &execpb.Gang{Size: 2, Nodes: []string{"n1", "n2"}, Runs: []uint32{0, 1, 1, 1}}

// TestGangWaitsForStart: everything is made ready, nothing runs; then all does,
// however often it is told to.
func TestGangWaitsForStart(t *testing.T) {
	r := newRig(t, gangJob("none", 2, `echo "rank $TENDER_RANK of $TENDER_WORLD_SIZE, node $SLURM_NODEID"; exit $((TENDER_RANK - 2))`))
	k := lifecycle.Key{Index: 1}
	r.launchWith(&execpb.Launch{Indices: []uint32{k.Index}, Gang: onTwoNodes})
	r.awaitReached(k, model.TaskStarting)
	if _, err := os.Stat(LogDir(r.dir, "g", 1, 0)); err == nil {
		t.Error("something has run before the start")
	}
	r.startGang(k)
	r.startGang(k)
	u := r.await(k)
	if u.Result.GetExitCode() != 1 || u.Message != "rank 3 on node n2 exited with code 1" {
		t.Errorf("result %v: %q", u.Result, u.Message)
	}
	if want := []model.TaskState{model.TaskStarting, model.TaskRunning, model.TaskFailed}; !slices.Equal(r.states[k], want) {
		t.Errorf("states %v, want %v", r.states[k], want)
	}
	for rank, want := range map[int]string{2: "rank 2 of 4, node 1\n", 3: "rank 3 of 4, node 1\n"} {
		job := gangJob("none", 2, "")
		name := StreamName(&job.Groups[0], &job.Groups[0].Tasks[0], rank, false)
		if got := r.outputOf(k, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestGangStoppedWhileItWaits: what was prepared is given back.
func TestGangStoppedWhileItWaits(t *testing.T) {
	r := newRig(t, gangJob("pmi", 2, "exit 0"))
	k := lifecycle.Key{Index: 1}
	r.launchWith(&execpb.Launch{Indices: []uint32{k.Index}, Gang: onTwoNodes})
	r.awaitReached(k, model.TaskStarting)
	r.kill(&execpb.Kill{Tasks: []*execpb.Task{wireTask(k, model.TaskStarting)}})
	if u := r.await(k); model.TaskState(u.Task.State) != model.TaskKilled || u.Message != "killed before it started" {
		t.Errorf("%v", u)
	}
	r.startGang(k)
}

// TestRankThatDoesNotSpeak: a rank that ends well without PMI has not been the
// rank that was asked for.
func TestRankThatDoesNotSpeak(t *testing.T) {
	r := newRig(t, gangJob("pmi", 1, "exit 0"))
	k := lifecycle.Key{Index: 1}
	r.launchWith(&execpb.Launch{Indices: []uint32{k.Index}, Gang: onTwoNodes})
	r.awaitReached(k, model.TaskStarting)
	r.startGang(k)
	u := r.await(k)
	if model.TaskState(u.Task.State) != model.TaskFailed || u.Result.GetExitCode() == 0 || !strings.Contains(u.Message, `launch = "mpirun"`) {
		t.Errorf("%v", u)
	}
}

// TestRanksOverPMI speaks PMI by hand: with the rank on the other node, which is
// the test, in the barrier.
func TestRanksOverPMI(t *testing.T) {
	r := newRig(t, gangJob("pmi", 1, `
say() { echo "$1" >&3; [ "$2" = quiet ] || head -n 1 <&3; }
say "cmd=init pmi_version=1 pmi_subversion=1"
say "cmd=get kvsname=tender_$TENDER_JOB_ID key=PMI_process_mapping"
say "cmd=put kvsname=tender_$TENDER_JOB_ID key=card value=$PMI_RANK/$PMI_SIZE"
say "cmd=barrier_in"
say "cmd=finalize"`))
	k := lifecycle.Key{Index: 1}
	r.launchWith(&execpb.Launch{Indices: []uint32{k.Index}, Gang: onTwoNodes})
	r.awaitReached(k, model.TaskStarting)
	r.startGang(k)
	for len(r.messages) == 0 {
		r.must(r.receive())
	}
	m := r.messages[0]
	if m.From.Index != 1 || m.To.Index != 0 || !strings.Contains(string(m.Data), "card\x031/2") {
		t.Errorf("the executor says %v", m)
	}
	// All are in the barrier: what mpi's Machine of rank 0 would answer.
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_JobMessage{JobMessage: &execpb.JobMessage{
		From: m.To, To: m.From, Data: []byte("\x01o\x01\x00"),
	}}})
	if u := r.await(k); model.TaskState(u.Task.State) != model.TaskFinished {
		t.Errorf("%v", u)
	}
	want := "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n" +
		"cmd=get_result rc=0 msg=success value=(vector,(0,2,1))\ncmd=put_result rc=0 msg=success\n" +
		"cmd=barrier_out rc=0\ncmd=finalize_ack rc=0\n"
	if got := r.outputOf(k, "t.stdout"); got != want {
		t.Errorf("the rank was told\n%swant\n%s", got, want)
	}
}

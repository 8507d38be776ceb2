package batch

import (
	"fmt"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

func newBench(b *testing.B) *Framework {
	f, err := New(DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	f.Step(sdktest.Start, model.Leading{})
	return f
}

// benchJob is an array of n, with what a real job of one command has.
func benchJob(n int) *model.Job {
	return &model.Job{
		Name: "bench", Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority,
		Groups: []model.Group{{
			Name: "main", Array: &model.Array{Ranges: []model.IndexRange{{Last: uint32(n - 1), Step: 1}}},
			Restart: model.RestartPolicy{Mode: model.RestartFail},
			Tasks: []model.TaskSpec{{
				Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"},
				Resources:   model.TaskResources{CPUMilli: 1000, MemoryBytes: 256 << 20},
				KillTimeout: model.Duration(5 * time.Second), Logs: model.LogConfig{MaxFiles: 5, MaxFileBytes: 10 << 20},
			}},
		}},
	}
}

// play takes an array of n over agents from submission to its end the way the
// master does: one staging a launch, statuses in batches of an agent's.
func play(f *Framework, id model.JobID, n, agents int) {
	now := sdktest.Start
	f.Step(now, model.Request{ID: 1, Body: model.Submit{ID: id, Job: benchJob(n)}})
	o := model.Offer{ID: 1, Demand: string(id) + "/0"}
	for i := range agents {
		o.Parts = append(o.Parts, model.OfferPart{Agent: model.AgentID(fmt.Sprintf("agent-%04d", i)), Count: n / agents})
	}
	e := f.Step(now, model.Offers{o})
	accept := e.Calls[0].(model.Accept)
	for i := range accept.Launches {
		f.Step(now, model.Staged{Launches: accept.Launches[i : i+1], At: now})
	}
	result := &model.Result{Cause: model.CauseFinished}
	usage := &model.Usage{CPU: model.Duration(1234567), PeakMemoryBytes: 3 << 20}
	for _, state := range []model.TaskState{model.TaskRunning, model.TaskFinished} {
		for i := range accept.Launches {
			l := &accept.Launches[i]
			sts := make(model.Statuses, len(l.Tasks))
			for k := range l.Tasks {
				at := now.Add(time.Duration(i*1000+k) * 37 * time.Microsecond)
				sts[k] = model.TaskStatus{Task: l.ID(k), Agent: l.Agent, State: state, At: at, Started: at}
				if state == model.TaskFinished {
					sts[k].Finished, sts[k].Result, sts[k].Usage = at.Add(3*time.Millisecond), result, usage
				}
			}
			f.Step(now, sts)
		}
	}
	if j := f.jobs[id]; j.state != model.JobSucceeded {
		panic("the job is " + j.state)
	}
}

// BenchmarkArray100k is the whole of the policy's work for 100,000 tasks:
// submitted, staged, running, finished. Building the statuses is counted too.
func BenchmarkArray100k(b *testing.B) {
	for b.Loop() {
		play(newBench(b), "bench001", 100_000, 1000)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/task")
}

// BenchmarkStatus is one status, folded and decided, in batches of 100.
func BenchmarkStatus(b *testing.B) {
	f := newBench(b)
	now := sdktest.Start
	f.Step(now, model.Request{Body: model.Submit{ID: "bench001", Job: benchJob(100_000)}})
	e := f.Step(now, model.Offers{{ID: 1, Demand: "bench001/0", Parts: []model.OfferPart{{Agent: "a", Count: 100_000}}}})
	f.Step(now, model.Staged{Launches: e.Calls[0].(model.Accept).Launches, At: now})
	states := [...]model.TaskState{model.TaskRunning, model.TaskKilling, model.TaskUnreachable}
	sts := make(model.Statuses, 100)
	at := 0
	for b.Loop() {
		for i := range sts {
			sts[i] = model.TaskStatus{Task: model.TaskID{Job: "bench001", Index: uint32(at % 100_000)}, State: states[at/100_000%3], At: now}
			at++
		}
		f.Step(now, sts)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(at), "ns/status")
}

// BenchmarkSubmit is one job of one task, with 10,000 in the queue.
func BenchmarkSubmit(b *testing.B) {
	f := newBench(b)
	job := benchJob(1)
	n := 0
	for b.Loop() {
		if n == 10_000 {
			b.StopTimer()
			f, n = newBench(b), 0
			b.StartTimer()
		}
		n++
		e := f.Step(sdktest.Start, model.Request{ID: 1, Body: model.Submit{ID: model.JobID(fmt.Sprintf("j%07d", n)), Job: job, User: "ada"}})
		if e.Replies[0].Err != nil {
			b.Fatal(e.Replies[0].Err)
		}
	}
}

// BenchmarkNextOfMillion is taking the next slots of an array of a million,
// most of which are done, and giving one back.
func BenchmarkNextOfMillion(b *testing.B) {
	f := newBench(b)
	f.Step(sdktest.Start, model.Request{Body: model.Submit{ID: "bench001", Job: benchJob(1_000_000)}})
	g := &f.jobs["bench001"].groups[0]
	for n := range 999_000 {
		g.ready.Remove(n)
	}
	for b.Loop() {
		e := f.Step(sdktest.Start, model.Offers{{ID: 1, Demand: "bench001/0", Parts: []model.OfferPart{{Agent: "a", Count: 1}}}})
		f.Step(sdktest.Start, model.Refused{Call: e.Calls[0], Refusal: model.Refuse(model.ReasonStaleOffer, "stale")})
		g.refusals = sdk.Refusals{}
	}
}

func BenchmarkSnapshotArray100k(b *testing.B) {
	f := newBench(b)
	play(f, "bench001", 100_000, 1000)
	benchSnapshot(b, f)
}

func BenchmarkSnapshotHistory10k(b *testing.B) {
	f := newBench(b)
	for i := range 10_000 {
		play(f, model.JobID(fmt.Sprintf("j%07d", i)), 1, 1)
	}
	benchSnapshot(b, f)
}

func benchSnapshot(b *testing.B, f *Framework) {
	var snap []byte
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			var err error
			if snap, err = f.Snapshot(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(snap)), "bytes")
	})
	b.Run("read", func(b *testing.B) {
		g := newBench(b)
		for b.Loop() {
			if err := g.Restore(snap); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("lead", func(b *testing.B) {
		g := newBench(b)
		if err := g.Restore(snap); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			g.Step(sdktest.Start, model.Leading{})
		}
	})
}

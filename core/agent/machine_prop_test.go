package agent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// TestMachineProperties drives an agent, its executors and its master through
// random interleavings of work, crashes and disconnections. The world itself
// checks what must never happen; in the end, with everything healed, every task
// must have ended exactly once for the master, with nothing left over.
func TestMachineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"connect":         func(*rapid.T) { w.connect() },
			"disconnect":      func(*rapid.T) { w.disconnect() },
			"launch":          func(*rapid.T) { w.launch() },
			"kill":            func(*rapid.T) { w.kill() },
			"job done":        func(*rapid.T) { w.jobsDone() },
			"ping":            func(*rapid.T) { w.ping() },
			"master reads":    func(*rapid.T) { w.masterReads() },
			"agent reads":     func(*rapid.T) { w.agentReads() },
			"agent hears":     func(*rapid.T) { w.agentHears() },
			"executor reads":  func(*rapid.T) { w.someExecutor(w.executorReads) },
			"task ends":       func(*rapid.T) { w.taskEnds() },
			"executor dies":   func(*rapid.T) { w.executorDies() },
			"process is done": func(*rapid.T) { w.process(w.pick(8) > 0) },
			"agent restarts":  func(*rapid.T) { w.boot() },
			"new leader":      func(*rapid.T) { w.disconnect(); w.epoch++ },
			"progress 1":      func(*rapid.T) { w.progress() },
			"progress 2":      func(*rapid.T) { w.progress() },
			"progress 3":      func(*rapid.T) { w.progress() },
			"launch and go":   func(*rapid.T) { w.connect(); w.progress(); w.launch(); w.progress() },
			"time passes":     func(*rapid.T) { w.pass(time.Duration(w.pick(20)) * time.Second) },
		})
		w.heal()
	})
}

func (w *world) connect() {
	if !w.connected {
		w.connected = true
		w.step(StreamUp{})
	}
}

func (w *world) disconnect() {
	if w.connected {
		w.connected, w.registered = false, false
		w.toMaster, w.toAgent = nil, nil
		w.step(StreamDown{})
	}
}

func (w *world) launch() {
	if !w.registered {
		return
	}
	job := model.JobID(fmt.Sprint("j", w.pick(3)))
	if !w.specs[job] {
		w.specs[job] = true
		w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobSpec{JobSpec: &agentpb.JobSpec{Job: string(job), Spec: []byte("{}")}}})
	}
	l := &agentpb.Launch{Job: string(job)}
	for range 1 + w.pick(3) {
		id := model.TaskID{Job: job, Index: w.next}
		w.next++
		l.Indices = append(l.Indices, id.Index)
		w.believed[id] = model.TaskStaging
	}
	w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: l}})
	if w.pick(4) == 0 { // and once more
		w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: l}})
	}
}

func (w *world) kill() {
	if !w.registered || len(w.believed) == 0 {
		return
	}
	ids := sortedTasks(w.believed)
	id := ids[w.pick(len(ids))]
	w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Kill{Kill: &agentpb.Kill{
		Tasks: []*agentpb.TaskId{keyOfID(id).wire(id.Job)},
	}}})
}

func sortedTasks(set map[model.TaskID]model.TaskState) []model.TaskID {
	out := make([]model.TaskID, 0, len(set))
	for id := range set {
		out = append(out, id)
	}
	slices.SortFunc(out, model.TaskID.Compare)
	return out
}

// progress lets messages and processes move on for a while, each a bit.
func (w *world) progress() {
	for range w.pick(12) {
		for range w.pick(3) {
			w.masterReads()
		}
		for range w.pick(3) {
			w.agentReads()
		}
		for range w.pick(3) {
			w.agentHears()
		}
		w.process(true)
		w.someExecutor(w.executorReads)
	}
}

// jobsDone ends the jobs of which the master believes nothing to run.
func (w *world) jobsDone() {
	if !w.registered {
		return
	}
	for i := range 3 {
		job := model.JobID(fmt.Sprint("j", i))
		if !slices.ContainsFunc(sortedTasks(w.believed), func(id model.TaskID) bool { return id.Job == job }) {
			delete(w.specs, job)
			w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobDone{JobDone: &agentpb.JobDone{Job: string(job)}}})
		}
	}
}

func (w *world) ping() {
	if w.registered {
		w.pingSeq++
		w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Ping{Ping: &agentpb.Ping{Seq: w.pingSeq}}})
	}
}

func (w *world) agentReads() {
	if len(w.toAgent) > 0 {
		msg := w.toAgent[0]
		w.toAgent = w.toAgent[1:]
		w.step(FromMaster{msg})
	}
}

func (w *world) agentHears() {
	if len(w.inputs) > 0 {
		in := w.inputs[0]
		w.inputs = w.inputs[1:]
		w.step(in)
	}
}

func (w *world) someExecutor(do func(*fakeExecutor)) {
	var alive []*fakeExecutor
	for _, id := range w.execIDs() {
		if x := w.execs[id]; x.alive {
			alive = append(alive, x)
		}
	}
	if len(alive) > 0 {
		do(alive[w.pick(len(alive))])
	}
}

func (w *world) taskEnds() {
	w.someExecutor(func(x *fakeExecutor) {
		keys := x.log().Live
		if len(keys) > 0 {
			st := []model.TaskState{model.TaskFinished, model.TaskFailed}[w.pick(2)]
			w.executorEnds(x, keyOf(keys[w.pick(len(keys))]), st, 0)
		}
	})
}

// executorDies leaves the tasks' processes running: it is for the agent to kill them.
func (w *world) executorDies() {
	w.someExecutor(func(x *fakeExecutor) {
		x.alive, x.conn, x.in = false, false, nil
		w.inputs = append(w.inputs, ExecutorDied{x.id})
	})
}

// process carries out the oldest start or kill that was asked for.
func (w *world) process(works bool) {
	if len(w.asked) == 0 {
		return
	}
	e := w.asked[0]
	w.asked = w.asked[1:]
	switch e := e.(type) {
	case StartExecutor:
		w.executorStarts(e, works)
	case KillTree:
		w.treeKilled(e.Exec)
	}
}

// pass lets time go by, with the ticks that the machine asks for at their times.
func (w *world) pass(d time.Duration) {
	end := w.now.Add(d)
	for w.m.armed.After(w.now) && !w.m.armed.After(end) {
		w.now = w.m.armed
		w.step(Tick{})
	}
	w.now = end
	w.step(Tick{})
}

// heal lets everything come to an end.
func (w *world) heal() {
	for range 50 {
		w.connect()
		w.ping()
		for range 200 {
			w.masterReads()
			w.agentReads()
			w.agentHears()
			w.process(true)
			for _, id := range w.execIDs() {
				if x := w.execs[id]; x != nil && x.alive {
					w.executorReads(x)
					for _, t := range x.log().Live {
						w.executorEnds(x, keyOf(t), model.TaskFinished, 0)
					}
				}
			}
		}
		w.jobsDone()
		w.pass(time.Second)
	}
	if len(w.believed) > 0 {
		w.t.Fatalf("the master still waits for %v", sortedTasks(w.believed))
	}
	if w.m.LiveTasks() != 0 || w.m.Unacknowledged() != 0 {
		w.t.Fatalf("left: %d live tasks, %d updates", w.m.LiveTasks(), w.m.Unacknowledged())
	}
	for id, x := range w.execs {
		if x.alive || len(x.live) > 0 {
			w.t.Fatalf("executor %s is left", id)
		}
		if !w.settled[id] {
			w.t.Fatalf("executor %s is not settled", id)
		}
	}
	w.pass(2 * time.Hour)
	if len(w.execs) > 0 || len(w.m.jobs) > 0 {
		w.t.Fatalf("left: directories %v, jobs %v", w.execIDs(), w.m.sortedJobs())
	}
}

// TestAttemptSet compares the spans with a plain set.
func TestAttemptSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s attemptSet
		plain := map[taskKey]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			k, _ := newKey(uint32(rapid.IntRange(0, 1).Draw(t, "group")),
				rapid.OneOf(rapid.Uint32Range(0, 12), rapid.Uint32Range(1<<32-4, 1<<32-1)).Draw(t, "index"),
				uint32(rapid.IntRange(0, 1).Draw(t, "attempt")))
			if fresh := s.add(k); fresh == plain[k] {
				t.Fatalf("add %x: %v, but it was in the set: %v", k, fresh, plain[k])
			}
			plain[k] = true
		}
		n := 0
		for _, r := range s.rows {
			for i, sp := range r.spans {
				n += int(sp.last-sp.first) + 1
				if i > 0 && uint64(r.spans[i-1].last)+1 >= uint64(sp.first) {
					t.Fatalf("spans %v touch", r.spans)
				}
			}
		}
		if n != len(plain) {
			t.Fatalf("the set holds %d, want %d", n, len(plain))
		}
	})
}

package agent

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// world is everything around one Machine, as simple as it can be while it can
// still fail: executors that keep a log, a master that believes only what it is
// told, and queues between them that a crash or a disconnection empties.
type world struct {
	t    *rapid.T
	rand *rand.Rand
	now  time.Time
	m    *Machine
	meta Meta

	connected  bool
	registered bool
	toMaster   []*agentpb.AgentMessage
	toAgent    []*agentpb.MasterMessage
	inputs     []Input // from executors
	contact    time.Time

	execs   map[ExecID]*fakeExecutor
	asked   []Effect // StartExecutor and KillTree that wait to be carried out
	settled map[ExecID]bool
	stopped bool
	verbose bool

	epoch    int64
	pingSeq  uint64
	believed map[model.TaskID]model.TaskState // by the master, launched and not ended
	ended    map[model.TaskID]model.TaskState
	bySeq    map[uint64]string
	starts   map[model.TaskID]int
	specs    map[model.JobID]bool // on this stream
	next     uint32
}

// fakeExecutor logs before it acts, as the real one does.
type fakeExecutor struct {
	id      ExecID
	alive   bool
	conn    bool
	in      []*execpb.ToExecutor
	live    map[taskKey]model.TaskState
	unacked []*execpb.Update
	done    []*execpb.Task // ended and acknowledged
	lost    []*execpb.Task // killed with the executor: the log has no end of them
	seq     uint64
}

func newWorld(t *rapid.T) *world {
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), now: epoch, meta: Meta{AgentID: "a1"},
		execs: map[ExecID]*fakeExecutor{}, settled: map[ExecID]bool{},
		believed: map[model.TaskID]model.TaskState{}, ended: map[model.TaskID]model.TaskState{},
		bySeq: map[uint64]string{}, starts: map[model.TaskID]int{}, specs: map[model.JobID]bool{},
		epoch: 1, verbose: testing.Verbose(),
	}
	w.boot()
	return w
}

const worldFence = 40 * time.Second

// boot starts the agent on what is there.
func (w *world) boot() {
	w.meta.Boot++
	w.m = NewMachine(Options{Meta: w.meta, Keep: Keep{For: time.Hour, MaxTasks: 5}, Recovery: time.Minute})
	w.connected, w.registered = false, false
	w.inputs, w.toMaster, w.toAgent, w.asked = nil, nil, nil, nil
	rec := Recovered{LastContact: w.contact}
	for _, id := range w.execIDs() {
		x := w.execs[id]
		if x.alive {
			// What the earlier agent had written may still be read, or not.
			x.conn = false
			for range w.pick(len(x.in) + 1) {
				w.executorReads(x)
			}
			x.in, x.conn = nil, true
		}
		rec.Executors = append(rec.Executors, RecoveredExecutor{
			Exec: id, Alive: x.alive, Settled: w.settled[id], Log: x.log(),
		})
	}
	w.step(rec)
	for _, id := range w.execIDs() {
		if x := w.execs[id]; x.alive {
			w.inputs = append(w.inputs, ExecutorUp{id, x.state()})
			w.repeat(x)
		}
	}
}

// pick draws from one seed of the case: a draw of rapid's own for each choice
// would be most of the run's time.
func (w *world) pick(n int) int { return w.rand.IntN(n) }

func (w *world) execIDs() []ExecID {
	return slices.SortedFunc(maps.Keys(w.execs), func(a, b ExecID) int {
		return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Gen, b.Gen))
	})
}

func (x *fakeExecutor) log() (l ExecutorLog) {
	for _, k := range slices.Sorted(maps.Keys(x.live)) {
		l.Live = append(l.Live, k.exec(x.live[k]))
	}
	l.Live = append(l.Live, x.lost...)
	l.Unacked = slices.Clone(x.unacked)
	l.Ended = slices.Clone(x.done)
	return l
}

func (x *fakeExecutor) state() *execpb.State {
	return &execpb.State{Job: string(x.id.Job), Live: x.log().Live}
}

func (w *world) repeat(x *fakeExecutor) {
	if len(x.unacked) > 0 {
		w.inputs = append(w.inputs, FromExecutor{x.id, slices.Clone(x.unacked)})
	}
}

func (w *world) step(in Input) {
	if w.verbose {
		w.t.Logf("INPUT %T %+v", in, in)
	}
	for _, e := range w.m.Step(w.now, in) {
		if w.verbose {
			w.t.Log("  ", formatEffect(w.now, e))
		}
		w.carryOut(e)
	}
}

func (w *world) carryOut(e Effect) {
	switch e := e.(type) {
	case Persist:
		w.meta = e.Meta
	case Contact:
		w.contact = e.At
	case Send:
		if w.connected {
			w.toMaster = append(w.toMaster, e.Message)
		}
	case Redial:
		w.connected, w.registered = false, false
		w.toMaster, w.toAgent = nil, nil
	case StartExecutor, KillTree:
		w.asked = append(w.asked, e)
	case SendExecutor:
		if x := w.execs[e.Exec]; x != nil && x.alive && x.conn {
			x.in = append(x.in, e.Message)
		}
	case Settle:
		w.settled[e.Exec] = true
	case RemoveExecutor:
		if x := w.execs[e.Exec]; x != nil && (x.alive || len(x.live) > 0) {
			w.t.Fatalf("%s removed while it lives", e.Exec)
		}
		delete(w.execs, e.Exec)
		delete(w.settled, e.Exec)
	case Stop:
		w.stopped = true
	}
}

// executorStarts carries out a StartExecutor.
func (w *world) executorStarts(e StartExecutor, works bool) {
	if !works {
		w.inputs = append(w.inputs, ExecutorFailed{e.Exec, "no room"})
		return
	}
	for id, x := range w.execs {
		if id.Job == e.Exec.Job && (x.alive || len(x.live) > 0) {
			w.t.Fatalf("%s started while %s still runs", e.Exec, id)
		}
	}
	x := &fakeExecutor{id: e.Exec, alive: true, conn: true, live: map[taskKey]model.TaskState{}}
	w.execs[e.Exec] = x
	w.inputs = append(w.inputs, ExecutorUp{e.Exec, x.state()})
}

func (w *world) treeKilled(id ExecID) {
	x := w.execs[id]
	if x == nil {
		w.inputs = append(w.inputs, TreeKilled{Exec: id})
		return
	}
	log := x.log()
	x.alive, x.conn, x.in = false, false, nil
	x.live, x.lost = map[taskKey]model.TaskState{}, log.Live
	w.inputs = append(w.inputs, TreeKilled{id, log})
}

// executorReads takes one message of the agent in.
func (w *world) executorReads(x *fakeExecutor) {
	if len(x.in) == 0 {
		return
	}
	msg := x.in[0]
	x.in = x.in[1:]
	switch k := msg.Kind.(type) {
	case *execpb.ToExecutor_Launch:
		for _, key := range launchKeys(k.Launch) {
			id := key.id(x.id.Job)
			w.starts[id]++
			if w.starts[id] > 1 {
				w.t.Fatalf("task %s was started twice", id)
			}
			if st, gone := w.ended[id]; gone {
				w.t.Fatalf("task %s starts, but the master was told it is %s", id, st)
			}
			x.live[key] = model.TaskRunning
			w.update(x, key, model.TaskRunning, 0)
		}
	case *execpb.ToExecutor_Kill:
		keys := slices.Sorted(maps.Keys(x.live))
		if k.Kill.Tasks != nil {
			keys = nil
			for _, t := range k.Kill.Tasks {
				keys = append(keys, keyOf(t))
			}
		}
		for _, key := range keys {
			w.executorEnds(x, key, model.TaskKilled, k.Kill.Reason)
		}
	case *execpb.ToExecutor_Acknowledge:
		x.unacked = slices.DeleteFunc(x.unacked, func(u *execpb.Update) bool {
			acked := slices.Contains(k.Acknowledge.Seqs, u.Seq)
			if acked && model.TaskState(u.Task.State).Terminal() {
				x.done = append(x.done, u.Task)
				if id := keyOf(u.Task).id(x.id.Job); w.ended[id] == 0 && w.believed[id] != 0 {
					w.t.Fatalf("the end of task %s is forgotten, but the master does not know of it", id)
				}
			}
			return acked
		})
	case *execpb.ToExecutor_Hello:
		w.inputs = append(w.inputs, ExecutorUp{x.id, x.state()})
		w.repeat(x)
	case *execpb.ToExecutor_Exit:
		if len(x.live) > 0 || len(x.unacked) > 0 {
			w.t.Fatalf("%s told to exit with %d tasks and %d updates", x.id, len(x.live), len(x.unacked))
		}
		x.alive, x.conn = false, false
		w.inputs = append(w.inputs, ExecutorDied{x.id})
	}
}

func (w *world) executorEnds(x *fakeExecutor, k taskKey, st model.TaskState, reason uint32) {
	if _, live := x.live[k]; !live {
		return
	}
	delete(x.live, k)
	w.update(x, k, st, reason)
}

func (w *world) update(x *fakeExecutor, k taskKey, st model.TaskState, reason uint32) {
	x.seq++
	u := &execpb.Update{Seq: x.seq, Task: k.exec(st), Reason: reason}
	if st.Terminal() {
		u.Result = &execpb.Result{Cause: string(model.CauseFinished)}
	}
	x.unacked = append(x.unacked, u)
	if x.conn {
		w.inputs = append(w.inputs, FromExecutor{x.id, []*execpb.Update{u}})
	}
}

// masterReads takes one message of the agent in, as a master would.
func (w *world) masterReads() {
	if len(w.toMaster) == 0 {
		return
	}
	msg := w.toMaster[0]
	w.toMaster = w.toMaster[1:]
	switch k := msg.Kind.(type) {
	case *agentpb.AgentMessage_Register:
		w.masterRegisters(k.Register)
	case *agentpb.AgentMessage_Updates:
		ack := &agentpb.Acknowledge{}
		for _, u := range k.Updates.Updates {
			w.masterUpdate(u)
			ack.Seqs = append(ack.Seqs, u.Seq)
		}
		w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Acknowledge{Acknowledge: ack}})
	case *agentpb.AgentMessage_LaunchRefused:
		for _, i := range k.LaunchRefused.Launch.Indices {
			w.masterEnds(model.TaskID{Job: model.JobID(k.LaunchRefused.Launch.Job), Index: i}, model.TaskDropped)
		}
	}
}

func (w *world) masterRegisters(r *agentpb.Register) {
	known := map[model.TaskID]bool{}
	for _, t := range r.Tasks {
		known[model.TaskID{Job: model.JobID(t.Id.Job), Group: uint16(t.Id.Group), Index: t.Id.Index, Attempt: uint16(t.Id.Attempt)}] = true
	}
	for id := range w.believed {
		if known[id] {
			continue
		}
		for _, x := range w.execs {
			if _, live := x.live[keyOfID(id)]; live && x.id.Job == id.Job {
				w.t.Fatalf("the agent registers without task %s, which runs", id)
			}
		}
		w.masterEnds(id, model.TaskDropped)
	}
	jobs := map[string]bool{}
	for id := range w.believed {
		jobs[string(id.Job)] = true
	}
	w.specs = map[model.JobID]bool{}
	w.registered = true
	w.say(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Registered{Registered: &agentpb.Registered{
		ClusterId: "c1", Epoch: w.epoch, PingIntervalNs: int64(2 * time.Second), FenceAfterNs: int64(worldFence),
		Jobs: slices.Sorted(maps.Keys(jobs)),
	}}})
}

func keyOfID(id model.TaskID) taskKey {
	k, _ := newKey(uint32(id.Group), id.Index, uint32(id.Attempt))
	return k
}

func (w *world) masterUpdate(u *agentpb.Update) {
	id := model.TaskID{Job: model.JobID(u.Task.Job), Group: uint16(u.Task.Group), Index: u.Task.Index, Attempt: uint16(u.Task.Attempt)}
	st := model.TaskState(u.State)
	what := fmt.Sprint(id, st)
	if old, seen := w.bySeq[u.Seq]; seen && old != what {
		w.t.Fatalf("update %d was %s and is now %s", u.Seq, old, what)
	}
	w.bySeq[u.Seq] = what
	if st.Terminal() {
		for _, x := range w.execs {
			if _, live := x.live[keyOfID(id)]; live && x.id.Job == id.Job {
				w.t.Fatalf("task %s is reported %s but runs", id, st)
			}
		}
		if old, twice := w.ended[id]; twice && old != st && old != model.TaskDropped {
			w.t.Fatalf("task %s ended as %s and again as %s", id, old, st)
		}
		w.masterEnds(id, st)
	}
}

func (w *world) masterEnds(id model.TaskID, st model.TaskState) {
	if _, twice := w.ended[id]; twice {
		return
	}
	delete(w.believed, id)
	w.ended[id] = st
}

func (w *world) say(msg *agentpb.MasterMessage) {
	if w.connected {
		w.toAgent = append(w.toAgent, msg)
	}
}

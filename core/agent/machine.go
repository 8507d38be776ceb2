package agent

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// Options are what a Machine is made of.
type Options struct {
	Meta Meta            // with Boot already raised and stored
	Info model.AgentInfo // ID is taken from Meta
	Keep Keep
	// Recovery is how long executors go on without an agent, as the first Hello
	// to each says. The fence shortens it; 0 = they never give up by themselves.
	Recovery time.Duration
	// GPUNodes are the device nodes that a task needs for each device, by UUID.
	GPUNodes map[string][]string
}

// Machine is an agent without its IO. It is owned by one goroutine.
type Machine struct {
	info     model.AgentInfo
	meta     Meta
	keep     Keep
	recovery time.Duration
	gpuNodes map[string][]string

	now   time.Time
	out   []Effect
	dirty []*process // touched in this step

	stream       streamState
	heard        time.Time     // any message on this stream, or its start
	askedAt      time.Time     // Register or the latest pong was sent
	contact      time.Time     // a leading master is known to have heard of the agent
	contactNoted time.Time     // the last Contact effect
	pingInterval time.Duration // as the master said, 0 = it does not ping
	fenced       bool          // tasks were killed for want of contact, and there was none since

	samples   map[string]model.GPUSample // of GPUs, the latest by UUID
	usageTold time.Time                  // when the master was last told of them
	gpuUsers  int                        // executors that want to be told
	gpusTold  bool                       // the master of this stream knows info.GPUs as they are
	recovered bool
	jobs      map[model.JobID]*job
	live      int // tasks that have not ended, over all jobs
	updates   updateQueue
	ended     sandboxes
	doomed    []*process    // those with a killBy
	told      time.Duration // patience, to all executors that are up
	measureAt time.Time     // zero = never
	leaving   *leaving
	armed     time.Time // of the last Wake, zero when it has come
	tally     tally
}

type streamState uint8

const (
	streamDown       streamState = iota
	streamUp                     // Register was sent, or will be once recovered
	streamRegistered             // a leading master has answered
)

// job is what the agent knows of a job whose tasks it runs or has run.
type job struct {
	id      model.JobID
	spec    []byte // of the latest JobSpec; nil if none came since the start
	gen     uint16 // of the latest executor
	execs   []*process
	waiting []*execpb.Launch // until an executor is up
	tasks   map[taskKey]task
	ran     attemptSet // every task that was ever handed over here
	done    bool       // no task will be launched any more
}

// task is one that has not ended, or whose last update is not acknowledged.
type task struct {
	given   int64 // when it was launched, Unix nanoseconds; 0 = before this start, or it has run
	state   model.TaskState
	gen     uint16 // of its executor, 0 while it waits for one
	pending uint16 // updates not acknowledged
}

// NewMachine returns a Machine that waits for its Recovered.
func NewMachine(o Options) *Machine {
	o.Info.ID = o.Meta.AgentID
	return &Machine{
		info:     o.Info,
		meta:     o.Meta,
		keep:     o.Keep,
		recovery: o.Recovery,
		gpuNodes: o.GPUNodes,
		jobs:     map[model.JobID]*job{},
		updates:  newUpdateQueue(o.Meta.Boot),
	}
}

// Step takes one input and returns what is to be done, in order. The slice is
// valid until the next Step. Times are only compared with each other, so any
// clock that does not run backwards will do.
func (m *Machine) Step(now time.Time, in Input) []Effect {
	m.now = now
	clear(m.out)
	m.out = m.out[:0]
	m.checkLease()
	switch in := in.(type) {
	case Recovered:
		m.recover(in)
	case StreamUp:
		m.streamOpened()
	case StreamDown:
		m.stream = streamDown
	case FromMaster:
		m.fromMaster(in.Message)
	case ExecutorUp:
		m.executorUp(in)
	case FromExecutor:
		m.executorUpdates(in)
	case GPUWanted:
		if x := m.process(in.Exec); x != nil && x.state == execUp {
			m.gpuWanted(x, in.On)
		}
	case RemoteWanted:
		m.remoteWanted(in)
	case ExecutorSays:
		m.executorSays(in)
	case ExecutorDied:
		m.executorDied(in.Exec)
	case ExecutorFailed:
		m.executorFailed(in)
	case TreeKilled:
		m.treeKilled(in)
	case Measured:
		m.measured(in)
	case GPUHealth:
		m.gpuHealth(in)
	case GPUUsage:
		m.gpuUsage(in)
	case StopTasks:
		m.stopTasks(in)
	case Tick:
		m.armed = time.Time{}
	default:
		panic(fmt.Sprintf("agent: step with unknown input %T", in))
	}
	m.checkTimers()
	m.tellGPUs()
	m.flushUpdates()
	m.finishStep()
	return m.out
}

// Meta returns what would be persisted now.
func (m *Machine) Meta() Meta { return m.meta }

// Info returns what the agent says of itself.
func (m *Machine) Info() model.AgentInfo { return m.info }

// Registered reports whether a leading master has answered on the present stream.
func (m *Machine) Registered() bool { return m.stream == streamRegistered }

// LiveTasks returns how many tasks have not ended.
func (m *Machine) LiveTasks() int { return m.live }

// Unacknowledged returns how many updates the master has not acknowledged.
func (m *Machine) Unacknowledged() int { return m.updates.unacked }

// Tasks yields every task that has not ended or whose last update is not
// acknowledged, ordered by id.
func (m *Machine) Tasks() iter.Seq2[model.TaskID, model.TaskState] {
	return func(yield func(model.TaskID, model.TaskState) bool) {
		for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
			j := m.jobs[id]
			for _, k := range slices.Sorted(maps.Keys(j.tasks)) {
				if !yield(k.id(id), j.tasks[k].state) {
					return
				}
			}
		}
	}
}

// Lives reports whether a task is here and has not ended.
func (m *Machine) Lives(id model.TaskID) bool {
	j := m.jobs[id.Job]
	if j == nil {
		return false
	}
	k, _ := newKey(uint32(id.Group), id.Index, uint32(id.Attempt))
	t, known := j.tasks[k]
	return known && !t.state.Terminal()
}

// LatestAttempt returns the highest attempt at id's slot among the tasks that
// Tasks yields.
func (m *Machine) LatestAttempt(id model.TaskID) (attempt uint16, ok bool) {
	if j := m.jobs[id.Job]; j != nil {
		for k := range j.tasks {
			if t := k.id(id.Job); t.Slot() == id.Slot() {
				attempt, ok = max(attempt, t.Attempt), true
			}
		}
	}
	return attempt, ok
}

func (m *Machine) do(e Effect) { m.out = append(m.out, e) }

func (m *Machine) send(msg *agentpb.AgentMessage) { m.do(Send{msg}) }

func (m *Machine) job(id model.JobID) *job {
	j := m.jobs[id]
	if j == nil {
		j = &job{id: id, tasks: map[taskKey]task{}}
		m.jobs[id] = j
	}
	return j
}

// sortedJobs is for the rare inputs that concern all jobs: effects must come in
// the same order for the same inputs.
func (m *Machine) sortedJobs() []*job {
	out := make([]*job, 0, len(m.jobs))
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		out = append(out, m.jobs[id])
	}
	return out
}

// finishStep carries on what the step made possible: acknowledgements go to
// their executors in one message each, empty executors of ended jobs are told to
// exit, and the wake-up is set.
func (m *Machine) finishStep() {
	for i := 0; i < len(m.dirty); i++ {
		x := m.dirty[i]
		x.touched = false
		m.flushAcks(x)
		m.endIfEmpty(x)
	}
	clear(m.dirty)
	m.dirty = m.dirty[:0]
	m.leaveIfEmpty()
	m.arm()
}

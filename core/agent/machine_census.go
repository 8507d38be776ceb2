package agent

import (
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// tally counts what has happened since the agent's start, for those who watch it.
type tally struct {
	launched uint64
	ended    map[model.TaskState]uint64
	start    model.Histogram
}

// update counts an update of t, which has its state already.
func (y *tally) update(now time.Time, t *task, u *agentpb.Update) {
	if t.state == model.TaskRunning && t.given != 0 {
		y.start.Observe(now.Sub(time.Unix(0, t.given)))
		t.given = 0
	}
	if t.state.Terminal() {
		if y.ended == nil {
			y.ended = map[model.TaskState]uint64{}
		}
		y.ended[t.state]++
	}
}

// Census is an agent in numbers.
type Census struct {
	Registered     bool
	Contact        time.Time // a leading master is known to have heard of the agent
	Fenced         bool
	Tasks          map[model.TaskState]int
	Jobs           int // that the agent keeps something of
	Executors      map[string]int
	Unacknowledged int
	GPUs           []model.GPU
	Samples        map[string]model.GPUSample // of GPUs, by UUID

	// Since the agent's start.
	Launched uint64
	Ended    map[model.TaskState]uint64
	Start    model.Histogram // from a launch's arrival to the process running
}

// Census counts. It changes nothing.
func (m *Machine) Census() Census {
	c := Census{
		Registered: m.Registered(), Contact: m.contact, Fenced: m.fenced, Tasks: map[model.TaskState]int{}, Jobs: len(m.jobs),
		Executors: map[string]int{}, Unacknowledged: m.updates.unacked, GPUs: m.info.GPUs, Samples: m.samples,
		Launched: m.tally.launched, Ended: map[model.TaskState]uint64{}, Start: m.tally.start,
	}
	for s, n := range m.tally.ended {
		c.Ended[s] = n
	}
	for _, j := range m.jobs {
		for _, t := range j.tasks {
			if !t.state.Terminal() {
				c.Tasks[t.state]++
			}
		}
		for _, x := range j.execs {
			if x.state != execOver {
				c.Executors[executorStates[x.state]]++
			}
		}
	}
	return c
}

var executorStates = map[execState]string{execStarting: "starting", execFound: "connecting", execUp: "up", execLost: "dying"}

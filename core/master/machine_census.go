package master

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// tally counts what has happened since this machine began to lead. It is for
// those who watch the cluster; nothing is decided by it.
type tally struct {
	offers   map[model.FrameworkID]*OfferTally
	launched uint64
	ended    map[model.Cause]uint64
	start    model.Histogram
}

// OfferTally is what became of the offers to one framework.
type OfferTally struct{ Made, Accepted, Declined, Refused, Rescinded uint64 }

func newTally() tally {
	return tally{offers: map[model.FrameworkID]*OfferTally{}, ended: map[model.Cause]uint64{}}
}

func (t *tally) of(fw model.FrameworkID) *OfferTally {
	o := t.offers[fw]
	if o == nil {
		o = &OfferTally{}
		t.offers[fw] = o
	}
	return o
}

// status counts a task's new state; from is the one before.
func (t *tally) status(now time.Time, x *task, from model.TaskState, st *model.TaskStatus) {
	if st.State == model.TaskRunning && (from == model.TaskStaging || from == model.TaskStarting) {
		t.start.Observe(now.Sub(x.batch.at))
	}
	if st.State.Terminal() {
		cause := model.CauseKilled
		if st.Result != nil {
			cause = st.Result.Cause
		}
		t.ended[cause]++
	}
}

// Census is a leader's cluster in numbers.
type Census struct {
	Sessions  int
	Agents    map[model.NodeState]int
	Tasks     map[model.TaskState]int
	Jobs      map[model.FrameworkID]model.JobCounts
	Backlogs  map[string]offers.Backlog // by role
	Capacity  model.Resources           // of the agents in contact
	Allocated model.Resources           // of all
	Offered   model.Resources
	Out       map[model.FrameworkID]int // offers outstanding
	Holds     int
	GPUs      []GPUCensus

	// Since this machine began to lead.
	Offers   map[model.FrameworkID]OfferTally
	Launched uint64
	Ended    map[model.Cause]uint64
	Start    model.Histogram // from a launch's commit to the task running
}

// GPUCensus is one device.
type GPUCensus struct {
	Node           string
	GPU            model.GPU
	AllocatedMilli int64
	Sample         *model.GPUSample // nil where its agent has not said
}

// Census counts. It changes nothing.
func (m *Machine) Census(now time.Time) Census {
	c := Census{
		Sessions: len(m.sessions), Agents: map[model.NodeState]int{model.NodeReady: 0, model.NodeUnreachable: 0},
		Tasks: map[model.TaskState]int{}, Jobs: map[model.FrameworkID]model.JobCounts{}, Backlogs: m.book.Backlogs(now),
		Out: map[model.FrameworkID]int{}, Holds: len(m.book.Holds(now)),
		Offers: map[model.FrameworkID]OfferTally{}, Launched: m.tally.launched, Ended: map[model.Cause]uint64{}, Start: m.tally.start,
	}
	for _, t := range m.state.tasks {
		c.Tasks[t.state]++
	}
	for _, o := range m.book.Offers() {
		c.Out[o.Framework]++
	}
	for _, id := range m.order {
		c.Offers[id] = *m.tally.of(id)
		if q, ok := m.frameworks[id].(model.Querier); ok {
			if answer, refusal := q.Query(now, model.CountJobs{}); refusal == nil {
				c.Jobs[id] = answer.(model.JobCounts)
			}
		}
	}
	for cause, n := range m.tally.ended {
		c.Ended[cause] = n
	}
	for _, id := range m.agentIDs() {
		m.countAgent(id, &c)
	}
	return c
}

func (m *Machine) countAgent(id model.AgentID, c *Census) {
	a, lk := m.state.agents[id], m.links[id]
	u, _ := m.book.Agent(id)
	c.Allocated, c.Offered = c.Allocated.Add(u.Allocated), c.Offered.Add(u.Offered)
	if lk == nil || lk.session == nil {
		c.Agents[model.NodeUnreachable]++
		return
	}
	c.Agents[model.NodeReady]++
	c.Capacity = c.Capacity.Add(a.info.Capacity)
	if len(a.info.GPUs) == 0 {
		return
	}
	use := map[string]int64{}
	for _, d := range m.book.DeviceUse(id) {
		use[d.UUID] = d.AllocatedMilli
	}
	for i := range a.info.GPUs {
		g := GPUCensus{Node: a.info.Name, GPU: a.info.GPUs[i], AllocatedMilli: use[a.info.GPUs[i].UUID]}
		if s, ok := lk.samples[g.GPU.UUID]; ok {
			g.Sample = &s
		}
		c.GPUs = append(c.GPUs, g)
	}
}

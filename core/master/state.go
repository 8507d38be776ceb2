package master

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// state is what the journal holds of the master: a fold over its records.
type state struct {
	clusterID string
	agents    map[model.AgentID]*agentRecord
	tasks     map[model.TaskID]*task
	jobAgents map[model.JobID][]model.AgentID // the inverse of agentRecord.jobs
	roles     roleTree
	policies  map[string]nodePolicy // by the node's name
	gangs     map[gangID]*gang      // derived from tasks, but for what has run
}

// agentRecord is an agent that may have tasks.
type agentRecord struct {
	info       model.AgentInfo
	registered time.Time
	tasks      map[model.TaskID]*task
	// jobs are those with launches here whose JobDone has not come; the agent
	// keeps their executors.
	jobs map[model.JobID]struct{}
}

// task is one live task. Ended ones are the framework's to remember.
type task struct {
	id    model.TaskID
	state model.TaskState
	batch *launchBatch
	grant *model.Grant // the named things it has; nil = none
	// health is what its checks said last; nil = nothing yet, or it has none.
	health *model.Health
}

// launchBatch is what the tasks of one launch share.
type launchBatch struct {
	claim offers.Claim
	agent model.AgentID
	shape model.Shape
	limit model.Duration
	at    time.Time
	facts *model.LaunchFacts // nil where there is nothing to know
	gang  int                // how many start together; 0 = each by itself
}

func newState() state {
	return state{
		agents:    map[model.AgentID]*agentRecord{},
		tasks:     map[model.TaskID]*task{},
		jobAgents: map[model.JobID][]model.AgentID{},
		roles:     newRoleTree(),
		policies:  map[string]nodePolicy{},
		gangs:     map[gangID]*gang{},
	}
}

func (s *state) setAgent(info model.AgentInfo, at time.Time) {
	a := s.agents[info.ID]
	if a == nil {
		a = &agentRecord{registered: at, tasks: map[model.TaskID]*task{}, jobs: map[model.JobID]struct{}{}}
		s.agents[info.ID] = a
	}
	a.info = info
}

func (s *state) stage(b *launchBatch, l *model.Launch) error {
	a := s.agents[b.agent]
	if a == nil {
		return fmt.Errorf("stage tasks of job %s: no agent %s", l.Job, b.agent)
	}
	if n := len(l.Grants); n != 0 && n != len(l.Tasks) {
		return fmt.Errorf("stage tasks of job %s: %d grants for %d tasks", l.Job, n, len(l.Tasks))
	}
	s.addJob(a, l.Job)
	for i := range l.Tasks {
		id := l.ID(i)
		if s.tasks[id] != nil {
			return fmt.Errorf("stage task %s: it is live already", id)
		}
		t := &task{id: id, state: model.TaskStaging, batch: b}
		if len(l.Grants) > 0 {
			t.grant = &l.Grants[i]
		}
		s.tasks[id], a.tasks[id] = t, t
		s.joinGang(t)
	}
	return nil
}

// update folds one status; a terminal one ends the task.
func (s *state) update(st *model.TaskStatus) error {
	t := s.tasks[st.Task]
	if t == nil {
		return fmt.Errorf("update task %s: it is not live", st.Task)
	}
	next, err := t.state.Next(st.State)
	if err != nil {
		return fmt.Errorf("update task %s: %w", st.Task, err)
	}
	s.moveInGang(t, t.state, next)
	t.state = next
	if st.Health != nil {
		t.health = st.Health
	}
	if next.Terminal() {
		delete(s.tasks, st.Task)
		if a := s.agents[t.batch.agent]; a != nil {
			delete(a.tasks, st.Task)
		}
	}
	return nil
}

func (s *state) addJob(a *agentRecord, job model.JobID) {
	if _, ok := a.jobs[job]; !ok {
		a.jobs[job] = struct{}{}
		s.jobAgents[job] = append(s.jobAgents[job], a.info.ID)
	}
}

func (s *state) jobDone(job model.JobID) {
	for _, id := range s.jobAgents[job] {
		if a := s.agents[id]; a != nil {
			delete(a.jobs, job)
		}
	}
	delete(s.jobAgents, job)
}

// removeAgent forgets an agent none of whose tasks is live any more.
func (s *state) removeAgent(id model.AgentID) error {
	a := s.agents[id]
	if a == nil {
		return fmt.Errorf("remove agent %s: no such agent", id)
	}
	if len(a.tasks) > 0 {
		return fmt.Errorf("remove agent %s: %d of its tasks are live", id, len(a.tasks))
	}
	for job := range a.jobs {
		rest := slices.DeleteFunc(s.jobAgents[job], func(x model.AgentID) bool { return x == id })
		if len(rest) == 0 {
			delete(s.jobAgents, job)
		} else {
			s.jobAgents[job] = rest
		}
	}
	delete(s.agents, id)
	return nil
}

// snapshotState is the JSON form of state, everything sorted.
type snapshotState struct {
	Cluster string          `json:"cluster"`
	Agents  []snapshotAgent `json:"agents"`
	Batches []snapshotBatch `json:"batches"`

	Roles        []model.RoleConfig  `json:"roles,omitempty"`
	Reservations []model.Reservation `json:"reservations,omitempty"`
	Nodes        []nodePolicy        `json:"nodes,omitempty"`
	Gangs        []snapshotGang      `json:"gangs,omitempty"`
}

type snapshotAgent struct {
	Info       model.AgentInfo `json:"info"`
	Registered time.Time       `json:"registered"`
	Jobs       []model.JobID   `json:"jobs,omitempty"`
}

type snapshotBatch struct {
	stagedRecord
	States []model.TaskState `json:"states"` // beside Launch.Tasks
	// Health is beside Launch.Tasks, or nil if nothing is known of any.
	Health []*model.Health `json:"health,omitempty"`
}

func (s *state) snapshot() snapshotState {
	out := snapshotState{Cluster: s.clusterID, Roles: s.roles.sortedConfigs(), Reservations: s.roles.sortedReservations(""), Nodes: s.sortedPolicies()}
	for _, a := range s.agents {
		sa := snapshotAgent{Info: a.info, Registered: a.registered}
		for j := range a.jobs {
			sa.Jobs = append(sa.Jobs, j)
		}
		slices.Sort(sa.Jobs)
		out.Agents = append(out.Agents, sa)
	}
	slices.SortFunc(out.Agents, func(x, y snapshotAgent) int { return cmp.Compare(x.Info.ID, y.Info.ID) })
	out.Batches = s.snapshotBatches()
	out.Gangs = s.snapshotGangs()
	return out
}

// snapshotBatches writes every live task under a batch of its launch and job
// group, in an order that depends on nothing but the tasks.
func (s *state) snapshotBatches() []snapshotBatch {
	tasks := make([]*task, 0, len(s.tasks))
	for _, t := range s.tasks {
		tasks = append(tasks, t)
	}
	slices.SortFunc(tasks, func(x, y *task) int {
		if c := cmp.Compare(x.batch.agent, y.batch.agent); c != 0 {
			return c
		}
		return x.id.Compare(y.id)
	})
	var out []snapshotBatch
	for _, t := range tasks {
		n := len(out)
		if n == 0 || !out[n-1].holds(t) {
			out = append(out, newSnapshotBatch(t))
			n++
		}
		last := &out[n-1]
		last.Launch.Tasks = append(last.Launch.Tasks, model.Attempt{Index: t.id.Index, Attempt: t.id.Attempt})
		last.States = append(last.States, t.state)
		if t.health != nil && last.Health == nil {
			last.Health = make([]*model.Health, len(last.States)-1)
		}
		if last.Health != nil {
			last.Health = append(last.Health, t.health)
		}
		if t.grant != nil {
			last.Launch.Grants = append(last.Launch.Grants, *t.grant)
		}
	}
	return out
}

func newSnapshotBatch(t *task) snapshotBatch {
	b := t.batch
	return snapshotBatch{stagedRecord: stagedRecord{
		Claim: b.claim, At: b.at,
		Launch: model.Launch{Agent: b.agent, Job: t.id.Job, Group: t.id.Group, Shape: b.shape, TimeLimit: b.limit, GangSize: b.gang, Facts: b.facts},
	}}
}

// holds compares by value, not by pointer: two launches that differ in nothing
// must give the same bytes on a master that saw them as one and one that saw two.
func (sb *snapshotBatch) holds(t *task) bool {
	b := t.batch
	return (len(sb.Launch.Grants) > 0) == (t.grant != nil) && sb.Launch.Agent == b.agent && sb.Launch.Job == t.id.Job && sb.Launch.Group == t.id.Group &&
		sb.Claim == b.claim && sb.Launch.GangSize == b.gang && sb.At.Equal(b.at) && sb.Launch.TimeLimit == b.limit && sb.Launch.Shape.Equal(&b.shape) &&
		sb.Launch.Facts.Equal(b.facts)
}

func (s *state) restore(in snapshotState) error {
	*s = newState()
	s.clusterID = in.Cluster
	for _, c := range in.Roles {
		s.roles.configs[c.Role] = c
	}
	for _, r := range in.Reservations {
		s.roles.reserve(r)
	}
	for _, p := range in.Nodes {
		s.setPolicy(p)
	}
	for _, a := range in.Agents {
		s.setAgent(a.Info, a.Registered)
		for _, j := range a.Jobs {
			s.addJob(s.agents[a.Info.ID], j)
		}
	}
	for i := range in.Batches {
		sb := &in.Batches[i]
		if len(sb.States) != len(sb.Launch.Tasks) {
			return fmt.Errorf("restore tasks of job %s: %d states for %d tasks", sb.Launch.Job, len(sb.States), len(sb.Launch.Tasks))
		}
		a := s.agents[sb.Launch.Agent]
		if a == nil {
			return fmt.Errorf("restore tasks of job %s: no agent %s", sb.Launch.Job, sb.Launch.Agent)
		}
		if _, ok := a.jobs[sb.Launch.Job]; !ok {
			return fmt.Errorf("restore tasks of job %s: agent %s does not list the job", sb.Launch.Job, sb.Launch.Agent)
		}
		if err := s.stage(sb.batch(), &sb.Launch); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		if len(sb.Health) != 0 && len(sb.Health) != len(sb.States) {
			return fmt.Errorf("restore tasks of job %s: health of %d for %d tasks", sb.Launch.Job, len(sb.Health), len(sb.States))
		}
		for n, st := range sb.States {
			t := s.tasks[sb.Launch.ID(n)]
			s.moveInGang(t, t.state, st)
			t.state = st
			if len(sb.Health) > 0 {
				t.health = sb.Health[n]
			}
		}
	}
	s.restoreGangs(in.Gangs)
	return nil
}

// snapshotHead begins a snapshot; see Machine.Snapshot.
type snapshotHead struct {
	Version    int            `json:"version"`
	Master     snapshotState  `json:"master"`
	Frameworks []snapshotPart `json:"frameworks"` // in the order of what follows
}

type snapshotPart struct {
	ID    model.FrameworkID `json:"id"`
	Bytes int               `json:"bytes"`
}

// snapshotVersion is raised when the form changes; an older build refuses a newer one.
// Version 1 knew no roles, version 2 no node policies and no health.
const snapshotVersion = 3

package batch

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// A sysbatch job's group has a slot for each agent that matches, made when the
// master says that it does. A slot stays its agent's; one that never ran, and whose
// agent does not match any more, is vacant: it counts as nothing, and is its agent's
// again should that come back.

// hosts is the agents of a sysbatch group's slots.
type hosts struct {
	byAgent map[model.AgentID]int
	agents  []model.AgentID // by slot
	vacant  map[int]bool

	// Transient.
	watched bool
	told    *model.Hosts    // what the master said last in this term
	asked   []model.AgentID // of the demand that was sent last, sorted
}

// hostsChanged says that agents have come to match a group, or do not any more.
type hostsChanged struct {
	ID    model.JobID     `json:"id"`
	Group uint16          `json:"group"`
	At    sdk.Micros      `json:"at"`
	Came  []model.AgentID `json:"came,omitempty"`
	Left  []model.AgentID `json:"left,omitempty"`
}

func everywhere(spec *model.Job) bool { return spec.Type == model.JobSysBatch }

// isVacant reports whether a slot stands for nothing.
func (g *group) isVacant(n int) bool { return g.hosts != nil && g.hosts.vacant[n] }

// filled is how many slots stand for something.
func (g *group) filled() int {
	if g.hosts == nil {
		return g.size
	}
	return g.size - len(g.hosts.vacant)
}

// likeSize is a size that groups alike have in common: how many agents there are is
// no matter of what a job is like.
func (g *group) likeSize() int64 {
	if g.hosts != nil {
		return 0
	}
	return int64(g.size)
}

// watchHosts has the framework told which agents match, while the group's job is
// not over.
func (f *Framework) watchHosts(g *group) {
	h := g.hosts
	if h == nil || h.watched == g.job.active() {
		return
	}
	h.watched, h.told = g.job.active(), nil
	w := model.WatchHosts{ID: g.demand()}
	if h.watched {
		w.Group = &f.anyHost(w.ID, g).Groups[0]
	}
	f.out.Calls = append(f.out.Calls, w)
}

// hostsAre takes in which agents match. Those out of contact are waited for, also by
// a job that is newer than that: a leader that has just begun has heard of few, and the
// job would be over with them. Who stays away is given up in time, and its slot with it.
func (f *Framework) hostsAre(id string, in *model.Hosts) {
	g := f.groupOf(id)
	if g == nil || g.hosts == nil || !g.job.active() {
		return
	}
	was := g.hosts.told
	g.hosts.told = in
	e := &hostsChanged{ID: g.job.id, Group: g.num, At: sdk.MicrosOf(f.out.Now)}
	for _, a := range in.Fit {
		n, known := g.hosts.byAgent[a]
		if !known || g.isVacant(n) || g.leftBehind(n) && (was == nil || !was.Matches(a)) {
			e.Came = append(e.Came, a)
		}
	}
	for _, a := range in.Away {
		if _, known := g.hosts.byAgent[a]; !known {
			e.Came = append(e.Came, a)
		}
	}
	for n, a := range g.hosts.agents {
		if g.isVacant(n) || in.Has(a) {
			continue
		}
		if c := g.peek(n).state.class(); c == classWaiting || c == classDelayed {
			e.Left = append(e.Left, a)
		}
	}
	if e.Came != nil || e.Left != nil {
		f.emit(e)
	}
}

// recheckHosts gives up slots that have come to wait since for an agent that does
// not match any more.
func (f *Framework) recheckHosts() {
	for _, g := range f.out.dirty {
		if g.hosts != nil && g.hosts.told != nil {
			f.hostsAre(g.demand(), g.hosts.told)
		}
	}
}

func (f *Framework) foldHosts(e *hostsChanged) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	if int(e.Group) >= len(j.groups) || j.groups[e.Group].hosts == nil {
		return errNoGroup(j, e.Group)
	}
	f.tick(e.At)
	g := &j.groups[e.Group]
	before := g.size
	for _, a := range e.Came {
		if n, known := g.hosts.byAgent[a]; known {
			g.comeBack(n)
		}
	}
	g.grow(slices.DeleteFunc(slices.Clone(e.Came), func(a model.AgentID) bool { _, known := g.hosts.byAgent[a]; return known }))
	f.counts.openSlots += g.size - before
	for _, a := range e.Left {
		if n, known := g.hosts.byAgent[a]; known {
			g.leave(n, e.At)
		}
	}
	f.touch(g)
	f.endIfOver(j, e.At)
	return nil
}

// grow adds a waiting slot for each agent.
func (g *group) grow(agents []model.AgentID) {
	if len(agents) == 0 {
		return
	}
	for _, a := range agents {
		g.hosts.byAgent[a] = len(g.hosts.agents)
		g.hosts.agents = append(g.hosts.agents, a)
	}
	was := g.size
	g.size += len(agents)
	for len(g.pages) < (g.size+pageSlots-1)/pageSlots {
		g.pages = append(g.pages, nil)
	}
	for i, p := range g.pages { // the last one was as long as the group
		if want := min(pageSlots, g.size-i*pageSlots); p != nil && len(p) < want {
			g.pages[i] = append(p, make([]slot, want-len(p))...)
		}
	}
	g.counts[classWaiting] += len(agents)
	g.job.open += len(agents)
	ready := sdk.NewSlotSet(g.size)
	for n := range g.size {
		if n >= was || g.ready.Has(n) {
			ready.Add(n)
		}
	}
	g.ready = ready
}

// leave gives up a slot that waits for an agent which does not match any more.
func (g *group) leave(n int, at sdk.Micros) {
	s := g.peek(n)
	switch c := s.state.class(); {
	case c != classWaiting && c != classDelayed:
	case s.attempts == 0:
		g.vacate(n)
	default:
		s := g.at(n)
		g.set(n, s, taskSlot(g.lastState(s)))
		s.finished = max(s.finished, s.started)
		if s.finished == 0 {
			s.finished = at
		}
	}
}

// lastState is how the attempt ended after which a slot went back to the queue.
func (g *group) lastState(s *slot) model.TaskState {
	switch causes[s.cause] {
	case model.CauseDrained, model.CausePreempted:
		return model.TaskKilled
	case model.CauseNodeLost, model.CauseExecutorLost:
		return model.TaskGone
	}
	return model.TaskFailed
}

// leftBehind reports whether a slot's agent was gone or drained before its run had
// come to an end.
func (g *group) leftBehind(n int) bool {
	s := g.peek(n)
	c := s.state.class()
	return c == classLost || c == classKilled && causes[s.cause] == model.CauseDrained
}

// leftBehind counts the slots of a job that runs everywhere whose node was drained
// before they had come to an end: nothing that the job is blamed for.
func (j *job) leftBehind() (count int) {
	for i := range j.groups {
		g := &j.groups[i]
		if g.hosts != nil {
			g.launched(func(n int, s *slot) {
				if s.state.class() == classKilled && g.leftBehind(n) {
					count++
				}
			})
		}
	}
	return count
}

// comeBack has a slot wait again, for an agent that matches again.
func (g *group) comeBack(n int) {
	switch {
	case g.isVacant(n):
		g.fill(n)
	case g.leftBehind(n):
		g.set(n, g.at(n), slotWaiting)
	}
}

func (g *group) vacate(n int) {
	g.hosts.vacant[n] = true
	g.counts[classWaiting]--
	g.job.open--
	g.ready.Remove(n)
}

func (g *group) fill(n int) {
	delete(g.hosts.vacant, n)
	g.counts[classWaiting]++
	g.job.open++
	g.ready.Add(n)
}

// only returns the agents of the slots that could be launched now, sorted.
func (g *group) only() []model.AgentID {
	out := []model.AgentID{}
	for n := range g.size {
		if g.ready.Has(n) {
			out = append(out, g.hosts.agents[n])
		}
	}
	slices.Sort(out)
	return out
}

// anyHost is the demand by which it can be explained where a group would run: on
// whichever agent matches.
func (f *Framework) anyHost(id string, g *group) model.Demand {
	d := f.buildDemand(id, g, 1)
	d.Groups[0].Only = nil
	return d
}

// assign takes for each part of an offer the slot of its agent.
func (g *group) assign(parts []model.OfferPart, limit int) []sdk.Placement {
	if g.hosts == nil {
		return sdk.Assign(parts, 0, &g.ready, limit)
	}
	var out []sdk.Placement
	for i := range parts {
		if n, ok := g.hosts.byAgent[parts[i].Agent]; ok && g.ready.Has(n) {
			g.ready.Remove(n)
			out = append(out, sdk.Placement{Part: i, Slots: []int{n}})
		}
	}
	return out
}

// noHosts reports whether a job that runs everywhere has found no agent that
// matches.
func (j *job) noHosts() bool {
	if !everywhere(j.spec) {
		return false
	}
	for i := range j.groups {
		if j.groups[i].filled() > 0 {
			return false
		}
	}
	return true
}

// hostRecord is what a snapshot says of a group's hosts.
type hostRecord struct {
	Agents []model.AgentID `json:"agents,omitempty"`
	Vacant []int           `json:"vacant,omitempty"` // ascending
}

func (j *job) hostRecords() []hostRecord {
	if !everywhere(j.spec) {
		return nil
	}
	out := make([]hostRecord, len(j.groups))
	for i := range j.groups {
		h := j.groups[i].hosts
		out[i].Agents = h.agents
		for n := range h.agents {
			if h.vacant[n] {
				out[i].Vacant = append(out[i].Vacant, n)
			}
		}
	}
	return out
}

func (j *job) restoreHosts(records []hostRecord) {
	for i := range min(len(records), len(j.groups)) {
		g := &j.groups[i]
		if g.hosts == nil {
			continue
		}
		g.grow(records[i].Agents)
		for _, n := range records[i].Vacant {
			if n >= 0 && n < g.size {
				g.vacate(n)
			}
		}
	}
}

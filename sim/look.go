package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// servedWithin is how long a demand that would fit may wait: an offer that was
// declined comes again after seconds.
const servedWithin = 40 * time.Second

// lookAtWaiting asks why every job waits that does. Every slot must be covered
// by an explanation, and a demand that would fit must not wait long.
func (c *checks) lookAtWaiting(t *term) {
	w := c.w
	now := t.m.time()
	answer, refusal := t.m.machine.Query(now, model.ListJobs{})
	if refusal != nil {
		w.fail("queries", "ListJobs: %s", refusal.Message)
		return
	}
	fitting := map[string]time.Duration{}
	for _, j := range answer.(model.JobList).Jobs {
		if j.State.Ended() || j.Slots.Waiting == 0 {
			continue
		}
		answer, refusal := t.m.machine.Query(now, model.Why{Selector: string(j.ID)})
		if refusal != nil {
			w.fail("queries", "Why %s: %s", j.Name, refusal.Message)
			return
		}
		asked := 0
		why := answer.(model.WhyView)
		for _, e := range why.Explanations {
			asked += e.Asked
			if e.Summary == "" || len(e.Why) == 0 && e.Fits < e.Asked {
				w.fail("waiting is explained", "job %s (%s): no reason in %+v", j.Name, j.ID, e)
			}
			if e.Fits > 0 && (e.Fits >= e.Asked || !isGang(&why, e.Demand)) && e.Tier != model.TierBlocked {
				since, ok := c.fitting[e.Demand]
				if !ok {
					since = w.now
				}
				fitting[e.Demand] = since
				if w.now-since > servedWithin {
					w.fail("no demand starves", "demand %s of job %s: %d of %d tasks would fit, but wait since %s", e.Demand, j.Name, e.Fits, e.Asked, w.now-since)
				}
			}
		}
		if asked < j.Slots.Waiting {
			w.fail("waiting is explained", "job %s (%s, %s): %d slots wait, %d are explained: %+v", j.Name, j.ID, j.State, j.Slots.Waiting, asked, answer)
		}
	}
	c.fitting = fitting
}

func isGang(v *model.WhyView, demand string) bool {
	return slices.ContainsFunc(v.Demands, func(d model.Demand) bool { return d.ID == demand && d.AllOrNothing })
}

// lookAtStopping finds cancelled jobs whose tasks go on: a kill was lost for good.
func (c *checks) lookAtStopping() {
	w := c.w
	longest := w.timing.FenceAfter + w.timing.FenceSlack + longestKill + 2*time.Minute
	running := map[model.JobID]bool{}
	for _, p := range w.truth.slots {
		running[p.id.Job] = true
	}
	for _, o := range w.people.owners {
		v, ok := w.auditor.job(string(o.id))
		if !ok || v.State != model.JobStopping || !running[o.id] {
			delete(c.stopping, o.id)
			continue
		}
		since, ok := c.stopping[o.id]
		if !ok {
			since = w.now
			c.stopping[o.id] = since
		}
		if w.now-since > longest {
			w.fail("kills are heeded", "job %s (%s) was cancelled %s ago, and tasks of it run", v.Name, o.id, w.now-since)
		}
	}
}

// lookAtNodes compares what a leader says of its agents with what they have.
func (c *checks) lookAtNodes(t *term) {
	answer, refusal := t.m.machine.Query(t.m.time(), model.ListNodes{})
	if refusal != nil {
		c.w.fail("queries", "ListNodes: %s", refusal.Message)
		return
	}
	names := map[string]bool{}
	for _, n := range answer.(model.NodeList).Nodes {
		if !n.Allocated.Add(n.Offered).Fits(n.Capacity) {
			c.w.fail("never more than there is", "agent %s: allocated %s and offered %s of %s", n.Name, n.Allocated, n.Offered, n.Capacity)
		}
		if names[n.Name] {
			c.w.fail("node names", "two agents are called %s", n.Name)
		}
		names[n.Name] = true
	}
}

// lookAtGangs finds gangs that run in part, which they may only for a while:
// until their start is through, or a fault has been dealt with.
func (c *checks) lookAtGangs() {
	w := c.w
	running := map[gangAttempt]int{}
	for _, p := range w.truth.slots {
		id := groupID{p.id.Job, p.id.Group}
		if g := w.auditor.groups[id]; g != nil && g.spec.Gang != nil {
			running[gangAttempt{id, p.id.Attempt}]++
		}
	}
	longest := w.timing.FenceAfter + w.timing.FenceSlack + 90*time.Second
	halves := map[gangAttempt]time.Duration{}
	var worst gangAttempt
	for g, n := range running {
		if n+c.succeeded(g) >= w.auditor.groups[g.id].spec.Size() {
			continue
		}
		halves[g] = w.now
		if since, ok := c.halves[g]; ok {
			halves[g] = since
		}
		if worst.id.job == "" || cmp.Or(cmp.Compare(halves[g], halves[worst]), cmp.Compare(g.id.job, worst.id.job)) < 0 {
			worst = g
		}
	}
	c.halves = halves
	if since := w.now - halves[worst]; len(halves) > 0 && since > longest {
		w.fail("gangs whole", "group %d of job %s is a gang and runs in part for %s: %s", worst.id.group, worst.id.job, since, w.gangText(worst.id))
	}
}

// gangAttempt is one attempt at a gang.
type gangAttempt struct {
	id      groupID
	attempt uint16
}

// succeeded counts a gang's members that are through.
func (c *checks) succeeded(g gangAttempt) int {
	n := 0
	for i := range c.w.auditor.groups[g.id].spec.Size() {
		t := model.TaskID{Job: g.id.job, Group: g.id.group, Index: uint32(i), Attempt: g.attempt}
		if p := c.w.truth.processes[t]; p != nil && p.over && !p.started.IsZero() && p.ending.result().Code() == 0 {
			n++
		}
	}
	return n
}

func (w *world) gangText(id groupID) string {
	var ps []*process
	for _, p := range w.truth.processes {
		if p.id.Job == id.job && p.id.Group == id.group {
			ps = append(ps, p)
		}
	}
	slices.SortFunc(ps, func(a, b *process) int { return cmp.Compare(a.id.String(), b.id.String()) })
	text := ""
	for _, p := range ps {
		text += fmt.Sprintf("\n  %s on %s running=%t ended %q", p.id, p.host.name, p.running, p.ending.why)
	}
	return text
}

package service

import (
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// maxPlanRounds bounds how many decisions one look at a job makes. Each makes the
// next one possible at most once per slot and deployment; more is a mistake here.
const maxPlanRounds = 1000

// planner looks at one job and decides what is due.
type planner struct {
	*Framework
	j    *job
	now  time.Time
	at   sdk.Micros
	next time.Time // when to look again
}

// planDirty looks at the jobs about which something changed.
func (f *Framework) planDirty() {
	for n := 0; n < len(f.out.dirty); n++ {
		j := f.out.dirty[n]
		j.dirty = false
		if f.jobs[j.ID] != j {
			f.withdraw(j)
			continue
		}
		f.plan(j)
	}
	f.out.dirty = nil
}

func (f *Framework) plan(j *job) {
	p := &planner{Framework: f, j: j, now: f.out.Now, at: sdk.MicrosOf(f.out.Now)}
	for range maxPlanRounds {
		p.next = time.Time{}
		if !p.decide() {
			break
		}
	}
	j.dirty = false
	p.kill()
	p.release()
	f.wantDemands(j)
	j.look = p.next
	f.arm(j)
}

// later has the job looked at again at a time.
func (p *planner) later(t time.Time) {
	if p.next.IsZero() || t.Before(p.next) {
		p.next = t
	}
}

// past reports whether a time has come, and has the job looked at again if not.
func (p *planner) past(t time.Time) bool {
	if t.After(p.now) {
		p.later(t)
		return false
	}
	return true
}

// decide makes one decision and reports whether it did.
func (p *planner) decide() bool {
	if p.j.stopping() {
		return false
	}
	return p.mark() || p.deploy() || p.move()
}

// mark finds those whose time of being healthy is up, and those that are late.
func (p *planner) mark() bool {
	e := &marked{ID: p.j.ID, At: p.at}
	d := p.j.rolling()
	p.j.allocs(func(g *group, s *slot, a *alloc) {
		spec := g.want()
		if spec == nil || a.Marked || a.Stop != 0 || s.Drop || a.First == 0 {
			return
		}
		least, limit := p.terms(d, g, s, spec)
		if limit < 0 {
			return // nobody waits for it
		}
		where := place{g.Name, s.Index, a == s.Next}
		if a.healthy() {
			if p.past(a.seen.Add(least)) {
				e.Healthy = append(e.Healthy, where)
				return
			}
		}
		if !a.Late && limit > 0 && p.past(a.First.Time().Add(limit)) {
			e.Late = append(e.Late, where)
		}
	})
	if e.Healthy == nil && e.Late == nil {
		return false
	}
	p.emit(e)
	return true
}

// terms returns for how long a slot's allocation is to be healthy and by when it
// is to be; limit is negative if it does not matter.
func (p *planner) terms(d *deployment, g *group, s *slot, spec *model.Group) (least, limit time.Duration) {
	if s.Moving && spec.Migrate != nil {
		return spec.Migrate.MinHealthyTime.Std(), spec.Migrate.HealthyDeadline.Std()
	}
	if s.Next == nil && (d == nil || d.part(g.Name) == nil) {
		return 0, -1
	}
	if spec.Update == nil {
		return 0, 0
	}
	if g.manual() { // whoever said so has looked long enough
		return 0, spec.Update.HealthyDeadline.Std()
	}
	return spec.Update.MinHealthyTime.Std(), spec.Update.HealthyDeadline.Std()
}

// kill sends the kills whose time has come.
func (p *planner) kill() {
	p.j.allocs(func(g *group, s *slot, a *alloc) {
		if a.Stop == 0 || !a.Live || a.killed {
			return
		}
		if a.Grace > 0 && !p.past(a.Stop.Time().Add(a.Grace.Std())) {
			if !a.withdrawn {
				a.withdrawn = true
				p.out.Calls = append(p.out.Calls, model.Withdraw{Tasks: []model.TaskID{a.taskID(g, s)}})
			}
			return
		}
		a.killed = true
		p.out.kill(a.taskID(g, s), model.ReasonNone)
		p.wantRekill()
	})
}

// release looks again when a delay ends.
func (p *planner) release() {
	p.j.allocs(func(g *group, s *slot, a *alloc) {
		if a.waiting() && a.due.After(p.now) {
			p.later(a.due)
		}
	})
	for _, g := range p.j.Groups {
		if u := g.refusals.Until; u.After(p.now) {
			p.later(u)
		}
	}
}

// unwell counts the slots of a group that have nothing healthy.
func (g *group) unwell() (without int) {
	for _, s := range g.Slots {
		if !s.Drop && !s.Cur.works() && !s.Next.works() {
			without++
		}
	}
	return without
}

// fitsInPlace reports whether what a slot is to run next certainly finds room
// where what it runs now is, once that has ended.
func (g *group) fitsInPlace(s *slot, base uint32) bool {
	if s.Cur == nil || !s.Cur.Live {
		return false
	}
	oldJob, on := g.runs(s.Cur.Base)
	newJob, nn := g.runs(base)
	if on < 0 || nn < 0 || newJob.Role != oldJob.Role {
		return false
	}
	og, ng := &oldJob.Groups[on], &newJob.Groups[nn]
	was, is := og.Shape(), ng.Shape()
	if !is.Resources.Fits(was.Resources) || !slices.Equal(is.GPUs, was.GPUs) || ng.Exclusive && !og.Exclusive {
		return false
	}
	for _, port := range is.Ports {
		if !slices.ContainsFunc(was.Ports, func(x model.PortRequest) bool { return x.Static == port.Static }) {
			return false
		}
	}
	oc, _ := sdk.Constraints(oldJob, og)
	nc, _ := sdk.Constraints(newJob, ng)
	for _, c := range nc {
		if !slices.Contains(oc, c) {
			return false
		}
	}
	return len(is.Ports) <= len(was.Ports)
}

// clashes reports whether a slot's next allocation cannot be beside the present
// one on the same agent: both want the same port.
func (g *group) clashes(s *slot, base uint32) bool {
	oldJob, on := g.runs(s.Cur.Base)
	newJob, nn := g.runs(base)
	if on < 0 || nn < 0 {
		return false
	}
	was := oldJob.Groups[on].Shape().Ports
	return slices.ContainsFunc(newJob.Groups[nn].Shape().Ports, func(p model.PortRequest) bool {
		return p.Static != 0 && slices.ContainsFunc(was, func(o model.PortRequest) bool { return o.Static == p.Static })
	})
}

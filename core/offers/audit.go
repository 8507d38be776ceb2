package offers

import (
	"errors"
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
)

// Audit recomputes every sum from its parts and returns what does not agree, or
// where more is promised than there is. It costs as much as the book is large:
// it is for the simulator and for tests.
func (b *Book) Audit() error {
	var faults []error
	report := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	tasks := 0
	for pos, a := range b.agents {
		if a == nil {
			continue
		}
		if a.pos != pos || b.byID[a.info.ID] != a {
			report("agent %s: is not where it says", a.info.Name)
		}
		auditAgent(a, report)
		tasks += a.tasks
	}
	if tasks != b.tasks.count {
		report("%d tasks on the agents, %d by their ids", tasks, b.tasks.count)
	}
	b.auditTasks(report)
	b.auditDemands(report)
	b.auditShares(report)
	return errors.Join(faults...)
}

func auditAgent(a *agent, report func(string, ...any)) {
	var used, offered, lasting model.Resources
	tasks, promise, exclusive := 0, 0, 0
	for s := range a.stakes() {
		switch {
		case s.agent != a:
			report("agent %s: has a stake of agent %s", a.info.Name, s.agent.info.Name)
		case s.count <= 0:
			report("agent %s: has a stake of %d tasks", a.info.Name, s.count)
		}
		room := s.shape.Times(int64(s.count))
		if s.offer != nil {
			offered, promise = offered.Add(room), promise+s.count
		} else {
			used, tasks = used.Add(room), tasks+s.count
		}
		if s.Exclusive {
			exclusive += s.count
		}
		if s.stays() {
			lasting = lasting.Add(room)
		}
	}
	if lasting != a.lasting {
		report("agent %s: counts %s of lasting tasks; its stakes make %s", a.info.Name, a.lasting, lasting)
	}
	if used != a.used || offered != a.offered || tasks != a.tasks || promise != a.promise || exclusive != a.exclusive {
		report("agent %s: sums are off: allocated %s, offered %s, %d+%d tasks; its stakes make %s, %s, %d+%d",
			a.info.Name, a.used, a.offered, a.tasks, a.promise, used, offered, tasks, promise)
	}
	if !a.promised() {
		report("agent %s: allocated %s + offered %s is more than its %s", a.info.Name, used, offered, a.info.Capacity)
	}
	if free := a.free(); !a.excess && (free.CPUMilli < 0 || free.MemoryBytes < 0 || free.DiskBytes < 0 || free.GPUMilli < 0) {
		report("agent %s: allocated %s is more than its %s", a.info.Name, used, a.info.Capacity)
	}
	if exclusive > 0 && tasks+promise > 1 && !a.excess {
		report("agent %s: %d tasks beside an exclusive one", a.info.Name, tasks+promise-1)
	}
	if promise > 0 && !a.usable() {
		report("agent %s: takes no tasks and has %d tasks on offer", a.info.Name, promise)
	}
}

func (b *Book) auditTasks(report func(string, ...any)) {
	counts := map[*stake]int{}
	b.tasks.all(func(id model.TaskID, s *stake) {
		if s == claimed || s.offer != nil || s.job != id.Job {
			report("task %s: has no room, or another job's", id)
			return
		}
		counts[s]++
	})
	for s, n := range counts {
		if s.count != n {
			report("agent %s: a stake of %d tasks of job %s has %d by their ids", s.agent.info.Name, s.count, s.job, n)
		}
	}
}

func (b *Book) auditDemands(report func(string, ...any)) {
	type account struct {
		d     *demand
		group int
	}
	offered := map[account]int{}
	n := 0
	for o := b.first; o != nil; o = o.next {
		n++
		if o.classic != nil {
			b.auditClassic(o, report)
			continue
		}
		if b.offers.get(o.ID) != o || b.demands[demandID{o.Framework, o.Demand}] != o.demand {
			report("offer %s: is for no demand in the book", o.ID)
		}
		for i, p := range o.Parts {
			if s := o.stakes[i]; s.count != p.Count || s.agent.info.ID != p.Agent || s.Group != p.Group {
				report("offer %s: part %d is not backed by its stake", o.ID, i)
			}
			offered[account{o.demand, p.Group}] += p.Count
		}
	}
	if n != b.offers.n {
		report("%d offers in order, %d by id", n, b.offers.n)
	}
	for _, d := range b.demands {
		for i := range d.groups {
			if have := offered[account{d, i}]; have != d.groups[i].offered {
				report("demand %s/%s: group %d has %d tasks on offer and believes in %d", d.Framework, d.ID, i, have, d.groups[i].offered)
			}
		}
	}
}

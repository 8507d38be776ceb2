package service

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// giveBack does what an inverse offer asks for.
//
// What another demand needs the room of is stopped. The end of each task has its
// allocation wait for room again, without using up a restart. Nothing of it is
// journaled: what a new leader still wants back it asks for again.
//
// What is on a node that is drained moves: each task gets a successor elsewhere, and
// is stopped when that is healthy, as many at once as its migrate policy says. A
// system job's task has nowhere to go and is stopped.
func (f *Framework) giveBack(o *model.InverseOffer) {
	f.out.Call(model.AcceptInverse{Offer: o.ID})
	moves := map[*job]*leaving{}
	for _, id := range o.Tasks {
		g, s, a := f.find(id)
		switch {
		case a == nil || a.Stop != 0:
		case o.Drain == nil:
			f.out.kill(id, model.ReasonContainerPreempted)
		case g.job.system():
			if !o.Drain.IgnoreSystem {
				f.out.kill(id, model.ReasonAgentDraining)
			}
		case o.Drain.Force:
			f.out.kill(id, model.ReasonAgentDraining)
		default:
			where := place{Group: g.Name, Index: s.Index, Next: a == s.Next}
			f.drains[o.ID] = append(f.drains[o.ID], moved{g.job, where})
			if s.Leave != 0 {
				continue
			}
			e := moves[g.job]
			if e == nil {
				e = &leaving{ID: g.job.ID, At: sdk.MicrosOf(f.out.Now)}
				moves[g.job] = e
			}
			e.Slots = append(e.Slots, where)
		}
	}
	for _, j := range f.order {
		if e := moves[j]; e != nil {
			f.emit(e)
		}
	}
}

// moved is a slot that was asked to leave its agent.
type moved struct {
	job   *job
	where place
}

// rescinded takes back that slots are to leave: the drain has ended. What has a
// successor by then moves all the same.
func (f *Framework) rescinded(id model.OfferID) {
	back := map[*job]*leaving{}
	for _, m := range f.drains[id] {
		if _, s, _ := m.job.at(m.where); s == nil || s.Leave == 0 || s.Moving || f.jobs[m.job.ID] != m.job {
			continue
		}
		if back[m.job] == nil {
			back[m.job] = &leaving{ID: m.job.ID, At: sdk.MicrosOf(f.out.Now), Stay: true}
		}
		back[m.job].Slots = append(back[m.job].Slots, m.where)
	}
	delete(f.drains, id)
	for _, j := range f.order {
		if e := back[j]; e != nil {
			f.emit(e)
		}
	}
}

package service

import "github.com/tender-scheduler/tender/core/model"

// giveBack stops what an inverse offer asks for. The end of each task has its
// allocation wait for room again, without using up a restart. Nothing of it is
// journaled: what a new leader still wants back it asks for again.
func (f *Framework) giveBack(o *model.InverseOffer) {
	f.out.calls = append(f.out.calls, model.AcceptInverse{Offer: o.ID})
	for _, id := range o.Tasks {
		if _, _, a := f.find(id); a != nil && a.Stop == 0 {
			f.out.kill(id, model.ReasonContainerPreempted)
		}
	}
}

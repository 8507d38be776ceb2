package service

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// A system job has a slot for each agent that an offer came from. The slot goes
// when its task has ended because of the agent, or the agent is gone: an agent that
// comes back, or that fits later, brings an offer again.

// agentRemoved drops the slots of system jobs that wait for an agent which is gone.
func (f *Framework) agentRemoved(agent model.AgentID) {
	for _, j := range f.order {
		if j.State.Ended() || !j.system() {
			continue
		}
		e := &dismissed{ID: j.ID, At: sdk.MicrosOf(f.out.Now)}
		for _, g := range j.Groups {
			for _, s := range g.Slots {
				if s.Agent == agent {
					e.Slots = append(e.Slots, place{Group: g.Name, Index: s.Index})
				}
			}
		}
		if e.Slots != nil {
			f.emit(e)
		}
	}
}

// foldDismissed drops slots.
func (f *Framework) foldDismissed(e *dismissed) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	for _, p := range e.Slots {
		if g, s, _ := j.at(p); s != nil {
			f.drop(g, s, e.At, "its agent is gone")
		}
	}
	return nil
}

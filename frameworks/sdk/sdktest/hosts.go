package sdktest

import (
	"maps"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// tellHosts tells who watches which agents match, where that has changed.
func (m *Master) tellHosts() {
	for _, id := range slices.Sorted(maps.Keys(m.hosts)) {
		w := m.hosts[id]
		if w == nil {
			continue
		}
		d := model.Demand{Groups: []model.DemandGroup{*w.group}}
		in := model.Hosts{ID: id}
		for _, a := range m.agents {
			if a.Gone {
				continue
			}
			if a.Away {
				in.Away = append(in.Away, a.ID)
			} else if meets(&d, a) && w.group.Shape.TimesIn(a.Capacity, 1) > 0 {
				in.Fit = append(in.Fit, a.ID)
			}
		}
		slices.Sort(in.Fit)
		slices.Sort(in.Away)
		if w.told == nil || !slices.Equal(w.told.Fit, in.Fit) || !slices.Equal(w.told.Away, in.Away) {
			w.told = &in
			m.step(in)
			m.carryOut()
			m.check()
		}
	}
}

// hostWatch is a model.WatchHosts, and what was last said to it.
type hostWatch struct {
	group *model.DemandGroup
	told  *model.Hosts
}

func (m *Master) watchHosts(c model.WatchHosts) {
	if c.Group == nil {
		delete(m.hosts, c.ID)
		return
	}
	m.hosts[c.ID] = &hostWatch{group: c.Group}
}

// SetAgent says what an agent is from now on: barred, out of contact, gone for good.
func (m *Master) SetAgent(id model.AgentID, down, away, gone bool) {
	a := m.agent(id)
	a.Down, a.Away, a.Gone = down, away, gone
	m.tellHosts()
}

package master

import (
	"maps"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// hostWatch is a framework's wish to know which agents match a group of its own.
type hostWatch struct {
	framework model.FrameworkID
	group     model.DemandGroup
	told      model.Hosts
	fleet     uint64 // of the book when it was told; 0 = it was not
}

func (m *Machine) watchHosts(fw model.FrameworkID, c model.WatchHosts) {
	key := string(fw) + "/" + c.ID
	if c.Group == nil {
		delete(m.hosts, key)
		return
	}
	m.hosts[key] = &hostWatch{framework: fw, group: *c.Group, told: model.Hosts{ID: c.ID}}
}

// tellHosts tells those who watch which agents match, where that has changed. It
// costs a comparison each while the fleet stays as it is.
func (m *Machine) tellHosts() {
	if len(m.hosts) == 0 {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m.hosts)) {
		w := m.hosts[key]
		if w == nil || w.fleet == m.book.Fleet() {
			continue
		}
		fit, away := m.book.Hosts(&w.group)
		// Those that are in the journal and have not been heard of in this term are
		// not in the book, or without what is known of them.
		for _, id := range m.agentIDs() {
			if !m.book.Knows(id) {
				away = append(away, id)
			}
		}
		slices.Sort(away)
		away = slices.Compact(away)
		first := w.fleet == 0
		w.fleet = m.book.Fleet()
		if !first && slices.Equal(fit, w.told.Fit) && slices.Equal(away, w.told.Away) {
			continue
		}
		w.told.Fit, w.told.Away = fit, away
		m.stepFramework(w.framework, w.told)
	}
	m.carryOut()
}

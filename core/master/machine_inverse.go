package master

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// tellInverse passes on what the allocator wants back, and what it does not want
// back any more. It reports whether there was any.
func (m *Machine) tellInverse() bool {
	for _, o := range m.book.RescindedInverse() {
		delete(m.inverse, o.ID)
		if m.frameworks[o.Framework] != nil {
			m.stepFramework(o.Framework, model.RescindInverse{Offer: o.ID})
		}
	}
	made := m.book.Inverse()
	byFramework := map[model.FrameworkID]model.InverseOffers{}
	for _, o := range made {
		m.inverse[o.ID] = o
		byFramework[o.Framework] = append(byFramework[o.Framework], o)
	}
	for _, id := range m.order {
		if o := byFramework[id]; o != nil {
			m.stepFramework(id, o)
			m.carryOut()
		}
	}
	m.carryOut()
	return len(made) > 0
}

// runInverse stops what was asked back and still runs at its deadline.
func (m *Machine) runInverse() {
	for _, id := range slices.Sorted(maps.Keys(m.inverse)) {
		o := m.inverse[id]
		if o.Deadline.After(m.now) {
			continue
		}
		for _, t := range o.Tasks {
			m.kill(model.Kill{Task: t, Reason: model.ReasonContainerPreempted})
		}
		// It stays, as its tasks' ends are still to be named after it, but not
		// for ever: an agent that is cut off ends it too.
		delete(m.inverse, id)
		m.overdue = append(m.overdue, o)
	}
	m.overdue = slices.DeleteFunc(m.overdue, func(o model.InverseOffer) bool { return !m.anyLive(o.Tasks) })
}

func (m *Machine) anyLive(tasks []model.TaskID) bool {
	return slices.ContainsFunc(tasks, func(id model.TaskID) bool { return m.state.tasks[id] != nil })
}

// inverseNext is the first deadline that is still to come.
func (m *Machine) inverseNext() (next time.Time) {
	for _, o := range m.inverse {
		next = sooner(next, o.Deadline)
	}
	return next
}

// nameDemand says in a preempted task's last status what needed its room. It is
// part of the journal, as nobody could tell later.
func (m *Machine) nameDemand(st *model.TaskStatus) {
	if st.Reason != model.ReasonContainerPreempted && (st.Result == nil || st.Result.Cause != model.CausePreempted) {
		return
	}
	if label := m.preemptedFor(st.Task); label != "" {
		rest, known := strings.CutPrefix(st.Message, "preempted")
		if !known && rest != "" {
			rest = ": " + rest // an agent's own words for how it ended
		}
		st.Message = "preempted for " + label + rest
	}
}

// preemptedFor finds the demand that a task was stopped for. The rest of a gang
// is stopped for the same one.
func (m *Machine) preemptedFor(id model.TaskID) string {
	near := ""
	look := func(o *model.InverseOffer) bool {
		for _, t := range o.Tasks {
			switch {
			case t == id:
				near = o.For
				return true
			case t.Job == id.Job && t.Group == id.Group:
				near = o.For
			}
		}
		return false
	}
	for i := range m.overdue {
		if look(&m.overdue[i]) {
			return near
		}
	}
	for _, oid := range slices.Sorted(maps.Keys(m.inverse)) {
		o := m.inverse[oid]
		if look(&o) {
			break
		}
	}
	return near
}

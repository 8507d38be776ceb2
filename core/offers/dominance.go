package offers

import "github.com/tender-scheduler/tender/core/model"

// hopeless are shapes for which a search has found no agent. A room that asks
// for no less, and is no less particular, needs no search of its own: in a pass
// over many kinds of demands that do not fit, the smallest few decide for all.
type hopeless struct {
	gains uint64 // Book.gains at the time; nothing of it holds later
	found []dead
}

type dead struct {
	need  model.Resources
	rules string // ruleKey of the room
}

// maxHopeless bounds how many shapes are kept, and so what a look costs.
const maxHopeless = 16

// covers reports whether r is known to have no agent as of gain count now.
func (h *hopeless) covers(r *room, now uint64) bool {
	if h.gains != now {
		return false
	}
	for i := range h.found {
		d := &h.found[i]
		if (d.rules == "" || d.rules == r.ruleKey) && covers(&r.shape.Resources, &d.need) {
			return true
		}
	}
	return false
}

// add notes that a search for r found no agent at gain count now. What is said
// of an exclusive room does not hold for others, which may share agents, nor what
// is said of one that asks for devices or ports: amounts alone do not tell.
func (h *hopeless) add(r *room, now uint64) {
	if h.gains != now {
		h.gains, h.found = now, h.found[:0]
	}
	if r.exclusive || !r.unnamed {
		return
	}
	d := dead{r.shape.Resources, r.ruleKey}
	for i := range h.found {
		if h.found[i].rules == d.rules && covers(&h.found[i].need, &d.need) {
			h.found[i] = d // the smaller says more
			return
		}
	}
	if len(h.found) < maxHopeless {
		h.found = append(h.found, d)
	}
}

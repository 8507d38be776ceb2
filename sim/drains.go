package sim

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// steward is who drains nodes and makes them ineligible, and what the answers
// promised. In some runs there is none.
type steward struct {
	w      *world
	person *owner
	nodes  []string               // that were asked about
	barred map[model.AgentID]bool // nothing may be staged there
	freed  map[string]bool        // of these nodes the bar may have been lifted
}

// withDrains is the share of runs that have a steward.
const withDrains = 0.5

func (s *steward) init(w *world) {
	s.w, s.barred, s.freed = w, map[model.AgentID]bool{}, map[string]bool{}
	s.person = &owner{w: w, name: "steward"}
	r := newRandom(w.options.Seed, forDrains)
	if !r.chance(withDrains) {
		return
	}
	for _, n := range r.Perm(len(w.hosts))[:min(r.count(1, 4), len(w.hosts))] {
		name := w.hosts[n].name
		d := model.DrainNode{Node: name, IgnoreSystem: r.chance(0.3)}
		switch {
		case r.chance(0.3):
			d.Force = true
		case r.chance(0.2):
			d.NoDeadline = true
		default:
			d.Deadline = model.Duration(r.between(time.Second, time.Minute))
		}
		only := r.chance(0.2)
		at := r.between(0, w.options.Length*3/4)
		s.nodes = append(s.nodes, name)
		w.at(at, func() { s.drain(d, only) })
		if r.chance(0.8) {
			w.at(at+r.between(5*time.Second, 90*time.Second), func() { s.free(name) })
		}
	}
}

// drain empties a node, or only makes it ineligible.
func (s *steward) drain(d model.DrainNode, only bool) {
	var body any = d
	if only {
		body = model.SetEligibility{Node: d.Node}
	}
	s.w.say("steward", "asks for %T %+v", body, body)
	s.person.ask(func() any { return body }, func(r model.Reply) {
		switch {
		case r.Err != nil && r.Err.Reason != model.ReasonNotFound: // it has not registered yet
			s.w.fail("requests", "draining %s was refused: %s: %s", d.Node, r.Err.Reason, r.Err.Message)
		case r.Err == nil && !s.freed[d.Node]:
			s.w.stats.Drains++
			s.barred[r.Body.(model.NodeView).ID] = true
		}
	})
}

// free lets a node take tasks again, in the middle of its drain or after it.
func (s *steward) free(name string) {
	s.freed[name] = true
	for _, h := range s.w.hosts {
		if h.name == name {
			for id, o := range s.w.auditor.owner {
				if o == h {
					delete(s.barred, id)
				}
			}
		}
	}
	s.person.ask(func() any { return model.SetEligibility{Node: name, Eligible: true, EndDrain: true} }, func(r model.Reply) {
		if r.Err != nil && r.Err.Reason != model.ReasonNotFound {
			s.w.fail("requests", "making %s eligible was refused: %s: %s", name, r.Err.Reason, r.Err.Message)
		}
	})
}

// mend makes all nodes eligible, so that all work can come to its end.
func (s *steward) mend() {
	for _, name := range s.nodes {
		s.free(name)
	}
}

// checkBarred looks, when tasks are staged, whether their node takes any. A drain
// that is acknowledged holds for all that comes after.
func (a *auditor) checkBarred(l *model.Launch) {
	if a.w.steward.barred[l.Agent] {
		a.w.fail("drains", "tasks of job %s are staged on %s, which is drained or ineligible", l.Job, l.Agent)
	}
}

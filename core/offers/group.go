package offers

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tender-scheduler/tender/core/model"
)

// group is what the book keeps for one group of a demand.
type group struct {
	room    *room
	kind    *kind   // of the stakes made for it, which outlive the demand
	offered int     // tasks on offer
	caps    *caps   // nil for most
	rank    *ranker // for groups whose agents are chosen by score
}

// caps bound where a group's tasks may be by where others of it are.
type caps struct {
	perAgent int // tasks on one agent at most; 0 = no bound
	avoid    []model.AgentID
	only     []model.AgentID // sorted; nil = no bound
	spread   []property
	fault    string // what can never be met about them, for people
	scout    scout  // fewer agents have room for the group than for its room
}

// property is a distinct_property constraint: at most limit tasks of the group
// on the agents with the same value of name.
type property struct {
	name   operand
	limit  int
	source model.Constraint
}

// placement reports whether op is about where the group's other tasks are.
func placement(op string) bool { return op == "distinct_hosts" || op == "distinct_property" }

// plainGroup compiles a demand's group, all but its room.
func plainGroup(d *model.Demand, i int) group {
	dg := &d.Groups[i]
	g := group{kind: &kind{
		Claim: Claim{
			Key: Key{Framework: d.Framework, Demand: cmp.Or(d.Kin, d.ID), Group: i}, Exclusive: dg.Exclusive,
			Label: d.Label, Role: d.Role, Priority: d.Priority, Preemptible: d.Preemptible, Grace: d.Grace, Lasting: d.Lasting,
		},
		shape: dg.Shape.Resources,
	}}
	var c caps
	c.perAgent, c.avoid, c.only = max(dg.MaxPerAgent, 0), dg.Avoid, dg.Only
	for _, k := range dg.Constraints {
		switch {
		case k.Operator == "distinct_hosts" && k.Value != "false":
			c.perAgent = 1
		case k.Operator == "distinct_property":
			limit, err := 1, error(nil)
			if k.Value != "" {
				limit, err = strconv.Atoi(k.Value)
			}
			if err != nil || limit < 1 {
				c.fault = "constraint \"" + describe(k) + "\": the value must be a number of tasks, 1 or more"
			}
			c.spread = append(c.spread, property{parseOperand(k.Attribute), limit, k})
		}
	}
	if c.perAgent > 0 || c.spread != nil || c.avoid != nil || c.only != nil {
		kept := c
		g.caps = &kept
	}
	return g
}

// fault says why nothing can ever meet what g asks, empty if something might.
func (g *group) fault() string {
	if g.room.fault == "" && g.caps != nil {
		return g.caps.fault
	}
	return g.room.fault
}

// possible reports whether some agent might meet what g asks.
func (g *group) possible() bool { return g.fault() == "" }

// tally counts a group's tasks by the value of each of its distinct_property
// attributes; nil for a group without one.
type tally []map[string]int

// check returns how many tasks of g fit on a now, at most limit, and with 0 why:
// what the room says, then what the group's own caps say, then what holds and
// reservations leave to the window's demand. Without a window these do not count.
func (g *group) check(a *agent, limit int, t tally, w *window) (int, verdict) {
	n, v := g.room.check(a, limit)
	if n > 0 && g.caps != nil {
		n, v = g.checkCaps(a, n, t)
	}
	if n > 0 && w != nil && (len(a.holds) > 0 || len(a.reserved) > 0) {
		n, v = w.clip(a, g, n)
	}
	return n, v
}

// checkCaps returns how many of n tasks of g the caps allow on a.
func (g *group) checkCaps(a *agent, n int, t tally) (int, verdict) {
	if most := g.caps.perAgent; most > 0 {
		if n = min(n, most-a.count(&g.kind.Key)); n <= 0 {
			return 0, capped
		}
	}
	if slices.Contains(g.caps.avoid, a.info.ID) {
		return 0, capped
	}
	if g.caps.only != nil {
		if _, ok := slices.BinarySearch(g.caps.only, a.info.ID); !ok {
			return 0, capped
		}
	}
	for i := range t {
		p := &g.caps.spread[i]
		value, ok := p.name.value(a.info.Attributes)
		if !ok {
			return 0, constrained
		}
		if n = min(n, p.limit-t[i][value]); n <= 0 {
			return 0, crowded
		}
	}
	return n, fits
}

// tallyOf counts g's tasks on agents as they are, offered ones included.
func tallyOf(agents []*agent, g *group) tally {
	if g.caps == nil || g.caps.spread == nil {
		return nil
	}
	t := make(tally, len(g.caps.spread))
	for i := range t {
		t[i] = map[string]int{}
	}
	for _, a := range agents {
		if a != nil {
			t.add(g, a, a.count(&g.kind.Key))
		}
	}
	return t
}

// add counts n more tasks of g on a.
func (t tally) add(g *group, a *agent, n int) {
	if n == 0 {
		return
	}
	for i := range t {
		if v, ok := g.caps.spread[i].name.value(a.info.Attributes); ok {
			t[i][v] += n
		}
	}
}

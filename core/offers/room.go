package offers

import (
	"encoding/binary"

	"github.com/tender-scheduler/tender/core/model"
)

// room is what one task needs of an agent, shared by all groups of demands that
// ask the same: its shape, its constraints on the agent, and whether it wants
// the agent for itself.
type room struct {
	key       string
	ruleKey   string // the part of key about constraints; empty without any
	shape     model.Shape
	rules     rules
	pins      []pin
	exclusive bool
	fault     string // why nothing can ever meet it, for people; empty if something might
	named     named
	unnamed   bool   // nothing is asked for by name
	serial    uint64 // names it in class keys
	users     int    // groups of demands in the book

	scout  scout // of what is near
	far    scout // of what is far, as of farGen
	farGen uint64
	solo   *class // the one used last, of demands that have just one group, of this room, no gang and no cap

	// total bounds how many tasks of this room fit in all, as long as no agent
	// has gained since gain count totalAt.
	total   int
	totalAt uint64
}

// verdict is what check found: fits, or the first thing in the way.
type verdict uint8

const (
	fits        verdict = iota
	constrained         // by a constraint on the agent's attributes
	noGPU               // the agent has no such device, or hands out no such ports
	tooBig              // larger than the agent, even empty
	unreachable         // the agent is out of contact, or not known but by its tasks
	barred              // an operator wants nothing placed there
	taken               // an exclusive task has the agent
	notEmpty            // wants the agent for itself, and others are there
	busy                // too little free now
	lacking             // devices or ports that it asks for by name are not free, or not there
	capped              // as many of the group are there as may be
	crowded             // as many of the group share the agent's property as may
	behind              // free, but on offer to another demand (told by Explain only)
	held                // free, but a hold for a demand that goes first needs it
	reserved            // free, but reserved for another role
)

// needKey is the part of key that is not about constraints.
func (r *room) needKey() string { return r.key[:len(r.key)-len(r.ruleKey)] }

// check returns how many tasks of r fit on a now, at most limit, and with 0 why.
// It is the filter of both Plan and Explain.
func (r *room) check(a *agent, limit int) (int, verdict) {
	if v := r.checkAmounts(a); v != fits {
		return 0, v
	}
	switch {
	case !a.known || !a.available:
		return 0, unreachable
	case a.barred != "":
		return 0, barred
	case a.exclusive > 0:
		return 0, taken
	case r.exclusive && !a.empty():
		return 0, notEmpty
	}
	if r.exclusive {
		limit = min(limit, 1)
	}
	n := int(r.shape.TimesIn(a.free(), int64(limit)))
	if n == 0 {
		return 0, busy
	}
	if !r.unnamed {
		if n = r.named.fits(a.names(), n); n == 0 {
			return 0, lacking
		}
	}
	return n, fits
}

// checkEmpty returns what would be in the way even if nothing ran on a.
func (r *room) checkEmpty(a *agent) verdict {
	if v := r.checkAmounts(a); v != fits || r.unnamed {
		return v
	}
	if m := r.named.whyEmpty(a.names()); !m.none() {
		return noGPU
	}
	return fits
}

// checkAmounts is checkEmpty but for things that are asked for by name.
func (r *room) checkAmounts(a *agent) verdict {
	switch {
	case !a.known:
		return unreachable
	case r.fault != "" || r.rules.firstFailing(a.info.Attributes) >= 0:
		return constrained
	case !r.shape.Fits(a.info.Capacity):
		return tooBig
	}
	return fits
}

// newRoom compiles what a demand's group asks of an agent. It never fails: what
// cannot be understood cannot be met, and fault says why.
func newRoom(g *model.DemandGroup) *room {
	r := &room{shape: g.Shape, exclusive: g.Exclusive}
	r.rules, r.fault = compileRules(g.Constraints)
	r.named = newNamed(&r.shape)
	if r.unnamed = r.named.none(); !r.unnamed && r.fault == "" {
		r.fault = r.named.fault()
	}
	if s := g.Shape; s.CPUMilli < 0 || s.MemoryBytes < 0 || s.DiskBytes < 0 || s.GPUMilli < 0 {
		r.fault = "asks for a negative amount: " + s.Resources.String()
	}
	return r
}

// appendRoomKey appends an encoding of what newRoom reads of g: equal keys mean
// equal rooms. What it appends from rules on is about constraints.
func appendRoomKey(key []byte, g *model.DemandGroup) (all []byte, rules int) {
	key = binary.AppendVarint(key, g.Shape.CPUMilli)
	key = binary.AppendVarint(key, g.Shape.MemoryBytes)
	key = binary.AppendVarint(key, g.Shape.DiskBytes)
	key = binary.AppendVarint(key, g.Shape.GPUMilli)
	key = appendBool(key, g.Exclusive)
	key = binary.AppendUvarint(key, uint64(len(g.Shape.GPUs)))
	for i := range g.Shape.GPUs {
		u := &g.Shape.GPUs[i]
		key = binary.AppendVarint(key, int64(u.Count))
		key = binary.AppendVarint(key, u.MemoryMinBytes)
		key = binary.AppendVarint(key, int64(u.ShareMilli))
		key = appendString(key, u.Model)
		key = appendString(key, u.MIG)
	}
	key = binary.AppendUvarint(key, uint64(len(g.Shape.Ports)))
	for i := range g.Shape.Ports {
		key = binary.AppendUvarint(key, uint64(g.Shape.Ports[i].Static))
	}
	rules = len(key)
	for i := range g.Constraints {
		c := &g.Constraints[i]
		if !placement(c.Operator) {
			key = appendString(appendString(appendString(key, c.Attribute), c.Operator), c.Value)
		}
	}
	return key, rules
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

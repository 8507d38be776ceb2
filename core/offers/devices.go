package offers

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// things are an agent's named things: which of its devices and ports are free.
// What is counted rather than named is in model.Resources.
type things struct {
	kind  string // equal for agents with equal devices
	gpus  gpu.State
	ports ports
}

// newThings returns all of an agent's, free.
func newThings(info *model.AgentInfo) things {
	t := things{ports: newPorts(info.Ports)}
	if len(info.GPUs) > 0 {
		t.gpus = gpu.NewState(gpu.NewDevices(info.GPUs))
		for i := range info.GPUs {
			g := &info.GPUs[i]
			t.kind += fmt.Sprintf("%s %d %d %s %d %s %t\n", g.Model, g.MemoryBytes, g.Milli, g.MIG, g.NUMA, g.Island, g.Unhealthy == "")
		}
	}
	return t
}

// copyFrom makes t equal to o, in t's memory where that is enough. A zero things
// becomes a copy of its own.
func (t *things) copyFrom(o *things) {
	t.kind = o.kind
	t.gpus.CopyFrom(&o.gpus)
	t.ports.copyFrom(&o.ports)
}

// take marks what g names as taken, whether or not it was free: what runs is a
// fact. It reports whether all of it was.
func (t *things) take(g *model.Grant) bool {
	ok := t.gpus.Take(g.GPUs)
	for _, p := range g.Ports {
		ok = t.ports.take(p) && ok
	}
	return ok
}

// release undoes take.
func (t *things) release(g *model.Grant) {
	t.gpus.Release(g.GPUs)
	for _, p := range g.Ports {
		t.ports.release(p)
	}
}

// holds reports whether all that g names is there and free.
func (t *things) holds(g *model.Grant) bool {
	for i, p := range g.Ports {
		if p == 0 || t.ports.isTaken(p) {
			return false
		}
		for _, q := range g.Ports[:i] {
			if p == q {
				return false
			}
		}
	}
	if len(g.GPUs) == 0 {
		return true
	}
	c := t.gpus.Clone()
	return c.Take(g.GPUs)
}

// within reports whether nothing is taken twice.
func (t *things) within() bool { return t.gpus.Within() && t.ports.within() }

// named are the named things that a shape asks for, compiled.
type named struct {
	gpus    gpu.Want
	shape   *model.Shape
	statics []uint16
	dynamic int // ports, any of the agent's
}

func newNamed(s *model.Shape) named {
	n := named{gpus: gpu.NewWant(s.GPUs), shape: s}
	for _, p := range s.Ports {
		if p.Static > 0 {
			n.statics = append(n.statics, p.Static)
		} else {
			n.dynamic++
		}
	}
	return n
}

// none reports whether nothing is asked for by name.
func (n *named) none() bool { return n.gpus.None() && len(n.statics) == 0 && n.dynamic == 0 }

// fault says what no agent can ever meet, for people; empty if one might.
func (n *named) fault() string {
	for i, p := range n.statics {
		for _, q := range n.statics[:i] {
			if p == q {
				return fmt.Sprintf("asks for port %d twice", p)
			}
		}
	}
	return ""
}

// fits returns how many tasks' things are free on t, at most limit.
func (n *named) fits(t *things, limit int) int {
	if n.none() {
		return limit
	}
	limit = min(limit, n.portsFit(&t.ports))
	if limit <= 0 {
		return 0
	}
	return n.gpus.Fits(&t.gpus, limit)
}

func (n *named) portsFit(p *ports) int {
	free := p.free
	for _, s := range n.statics {
		if p.isTaken(s) {
			return 0
		}
		if p.handsOut(s) {
			free--
		}
	}
	switch {
	case n.dynamic > 0 && free < n.dynamic:
		return 0
	case len(n.statics) > 0:
		return 1
	case n.dynamic > 0:
		return free / n.dynamic
	}
	return unbounded
}

// unbounded is more tasks than an agent ever has.
const unbounded = 1 << 30

// pick chooses the things of one task and leaves t as it is. by chooses devices;
// nil is gpu.Want.Pick.
func (n *named) pick(t *things, by deviceChooser) (model.Grant, bool) {
	var g model.Grant
	ok := n.portsFit(&t.ports) > 0
	if !ok {
		return g, false
	}
	if !n.gpus.None() {
		if by == nil {
			g.GPUs, ok = n.gpus.Pick(&t.gpus)
		} else {
			g.GPUs, ok = by(&t.gpus)
		}
		if !ok {
			return g, false
		}
	}
	any := t.ports.next(n.dynamic, n.statics)
	for _, p := range n.shape.Ports {
		if p.Static > 0 {
			g.Ports = append(g.Ports, p.Static)
		} else {
			g.Ports, any = append(g.Ports, any[0]), any[1:]
		}
	}
	return g, true
}

// deviceChooser picks one task's devices.
type deviceChooser func(s *gpu.State) ([]model.GPUShare, bool)

// grant picks and takes the things of up to count tasks, one after another, and
// returns one grant for each that there was; nil where nothing is asked for by
// name.
func (n *named) grant(t *things, count int, by deviceChooser) []model.Grant {
	if n.none() {
		return nil
	}
	out := make([]model.Grant, 0, count)
	for range count {
		g, ok := n.pick(t, by)
		if !ok {
			break
		}
		t.take(&g)
		out = append(out, g)
	}
	return out
}

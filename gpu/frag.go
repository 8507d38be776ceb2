package gpu

import (
	"math"

	"github.com/tender-scheduler/tender/core/model"
)

// Lost returns how much of an agent's free GPU capacity, in thousandths of
// devices, a task of the mix is expected to find of no use. free is what else
// the agent has free.
//
// This is the fragmentation of Weng et al., "Beware of Fragmentation: Scheduling
// GPU-Sharing Workloads with Fragmentation Gradient Descent" (USENIX ATC 2023),
// the mean over the mix of what is lost to each class; but what is lost to a
// class is the mean of two answers. Theirs asks for the next task: all that is
// free if it does not fit, and if it does, the devices that have too little for
// it. It cannot see an agent's last CPUs going to tasks that use few GPUs until
// they are gone. The other asks for all tasks of the class that could still
// come: of the free devices no more is of use than CPUs and memory will last
// for. See docs/adr/0020.
func (m *Mix) Lost(free model.Resources, s *State) float64 {
	var v view
	v.look(s)
	return m.lost(&free, &v)
}

// Place chooses devices for a task such that what is lost grows least, and
// returns by how much it grows. A task that asks for no GPU gets none, and may
// still make devices useless by what else it takes. s is left as it is; need is
// taken to fit into free.
func (m *Mix) Place(free model.Resources, s *State, w *Want, need *model.Resources) (shares []model.GPUShare, growth float64, ok bool) {
	var v view
	v.look(s)
	before := m.lost(&free, &v)
	left := free.Sub(*need)
	if len(w.asks) == 1 && w.asks[0].count == 1 && w.asks[0].milli > 0 {
		shares, after, ok := m.placeShare(&left, &v, &w.asks[0])
		return shares, after - before, ok
	}
	shares, ok = w.Pick(s)
	if !ok {
		return nil, 0, false
	}
	for i := range shares {
		at, _ := s.index(shares[i].UUID)
		v.free[at] -= int16(shares[i].Milli)
	}
	return shares, m.lost(&left, &v) - before, true
}

// placeShare tries each device, but only one of those with the same free.
func (m *Mix) placeShare(left *model.Resources, v *view, a *ask) (shares []model.GPUShare, after float64, ok bool) {
	var buf [16]int
	best, least := -1, math.Inf(1)
	eligible := a.eligible(v.state, buf[:0])
	fullestFirst(v.state, eligible)
	for i, at := range eligible {
		if i > 0 && v.free[at] == v.free[eligible[i-1]] && v.state.dev.kind[at] == v.state.dev.kind[eligible[i-1]] {
			continue
		}
		v.free[at] -= a.milli
		if l := m.lost(left, v); l < least-epsilon {
			best, least = at, l
		}
		v.free[at] += a.milli
	}
	if best < 0 {
		return nil, 0, false
	}
	return []model.GPUShare{{UUID: v.state.dev.all[best].UUID, Milli: int64(a.milli)}}, least, true
}

// epsilon is below any difference that means something: results of equal states
// may differ by rounding.
const epsilon = 1e-6

// view is an agent's devices as lost sees them.
type view struct {
	state *State
	free  []int16 // usable
	buf   [16]int16
	total int64
}

func (v *view) look(s *State) {
	v.state = s
	v.free = v.buf[:0]
	for at := range s.free {
		v.free = append(v.free, s.usable(at))
	}
}

func (m *Mix) lost(free *model.Resources, v *view) float64 {
	v.total = 0
	for _, n := range v.free {
		v.total += int64(n)
	}
	if v.total == 0 {
		return 0
	}
	sum := 0.0
	for i := range m.classes {
		sum += m.classes[i].popularity * m.classes[i].lost(free, v)
	}
	return sum
}

// lost returns what of v is of no use to c.
func (c *class) lost(free *model.Resources, v *view) float64 {
	fit, usable, pieces := 0, int64(0), int64(0)
	dev, last, matches := v.state.dev, -1, false
	for at, n := range v.free {
		if k := dev.kind[at]; k != last {
			last, matches = k, c.ask.matches(&dev.kinds[k])
		}
		if need := c.ask.need(dev, at); matches && n > 0 && n >= need {
			fit++
			usable += int64(n)
			pieces += int64(n - n%need)
		}
	}
	if fit < c.ask.count {
		return float64(v.total)
	}
	next := float64(usable)
	if c.cpuMilli > free.CPUMilli || c.memoryBytes > free.MemoryBytes {
		next = 0
	}
	all := min(float64(pieces), c.lasting(free))
	return float64(v.total) - (next+all)/2
}

// lasting returns how much of devices tasks of c use until CPUs or memory run
// out.
func (c *class) lasting(free *model.Resources) float64 {
	tasks := math.Inf(1)
	if c.cpuMilli > 0 {
		tasks = float64(free.CPUMilli) / float64(c.cpuMilli)
	}
	if c.memoryBytes > 0 {
		tasks = min(tasks, float64(free.MemoryBytes)/float64(c.memoryBytes))
	}
	return tasks * float64(c.ask.total())
}

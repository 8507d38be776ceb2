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
	left := free.Sub(*need)
	if len(w.asks) == 1 && w.asks[0].count == 1 && w.asks[0].milli > 0 {
		return m.placeShare(&free, &left, &v, &w.asks[0])
	}
	before := m.lost(&free, &v)
	shares, ok = w.Pick(s)
	if !ok {
		return nil, 0, false
	}
	for i := range shares {
		at, _ := s.index(shares[i].UUID)
		v.free[at] -= int16(shares[i].Milli)
		v.total -= shares[i].Milli
	}
	return shares, m.lost(&left, &v) - before, true
}

// placeShare tries each device, but only one of those with the same free. What a
// class finds of use is added up once; with a share of one device gone, only that
// device's part is another.
func (m *Mix) placeShare(free, left *model.Resources, v *view, a *ask) (shares []model.GPUShare, growth float64, ok bool) {
	var buf [16]int
	var sums [16]float64
	devices := v.distinct(fullestFirst(v.state, a.eligible(v.state, buf[:0])))
	if len(devices) == 0 {
		return nil, 0, false
	}
	growths := append(sums[:0], make([]float64, len(devices))...)
	for i := range m.classes {
		c := &m.classes[i]
		have := c.finds(v)
		before := c.lost(&have, v.total, free)
		for n, at := range devices {
			less := have
			less.add(c, v.state.dev, at, v.free[at], -1)
			less.add(c, v.state.dev, at, v.free[at]-a.milli, 1)
			growths[n] += c.popularity * (c.lost(&less, v.total-int64(a.milli), left) - before)
		}
	}
	best := 0
	for n := range growths {
		if growths[n] < growths[best]-epsilon {
			best = n
		}
	}
	return []model.GPUShare{{UUID: v.state.dev.all[devices[best]].UUID, Milli: int64(a.milli)}}, growths[best], true
}

// epsilon is below any difference that means something: results of equal states
// may differ by rounding.
const epsilon = 1e-6

// view is an agent's devices with what of them is usable.
type view struct {
	state *State
	free  []int16
	buf   [16]int16
	total int64
}

func (v *view) look(s *State) {
	v.state = s
	v.free = v.buf[:0]
	for at := range s.free {
		n := s.usable(at)
		v.free = append(v.free, n)
		v.total += int64(n)
	}
}

// distinct leaves one of the devices of a kind with the same free, which must be
// beside each other.
func (v *view) distinct(devices []int) []int {
	kept := devices[:0]
	for i, at := range devices {
		if i == 0 || v.free[at] != v.free[devices[i-1]] || v.state.dev.kind[at] != v.state.dev.kind[devices[i-1]] {
			kept = append(kept, at)
		}
	}
	return kept
}

func (m *Mix) lost(free *model.Resources, v *view) float64 {
	if v.total == 0 {
		return 0
	}
	sum := 0.0
	for i := range m.classes {
		c := &m.classes[i]
		have := c.finds(v)
		sum += c.popularity * c.lost(&have, v.total, free)
	}
	return sum
}

// finding is what a class finds of use on an agent's devices: how many have
// enough for it, what is free of these, and what of that tasks of the class could
// take until none fits any more; in thousandths.
type finding struct {
	fit            int
	usable, pieces int64
}

// add adds device at, of which free is usable, n times.
func (f *finding) add(c *class, d *Devices, at int, free int16, n int) {
	if need := c.ask.need(d, at); free > 0 && free >= need && c.ask.matches(&d.kinds[d.kind[at]]) {
		f.fit += n
		f.usable += int64(n) * int64(free)
		f.pieces += int64(n) * int64(free-free%need)
	}
}

func (c *class) finds(v *view) (f finding) {
	dev, last, matches := v.state.dev, -1, false
	for at, n := range v.free {
		if k := dev.kind[at]; k != last {
			last, matches = k, c.ask.matches(&dev.kinds[k])
		}
		if need := c.ask.need(dev, at); matches && n > 0 && n >= need {
			f.fit++
			f.usable += int64(n)
			if f.pieces += int64(need); n >= 2*need {
				f.pieces += int64(n - n%need - need)
			}
		}
	}
	return f
}

// lost returns what of total is of no use to c.
func (c *class) lost(f *finding, total int64, free *model.Resources) float64 {
	if f.fit < c.ask.count {
		return float64(total)
	}
	next := float64(f.usable)
	if c.cpuMilli > free.CPUMilli || c.memoryBytes > free.MemoryBytes {
		next = 0
	}
	all := min(float64(f.pieces), c.lasting(free))
	return float64(total) - (next+all)/2
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

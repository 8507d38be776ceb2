package gpu

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

const (
	// maxClasses bounds a mix: the most popular classes are what it is about.
	maxClasses = 96
	// maxKept bounds what is remembered of classes that are not among those.
	maxKept = 1024
	// maxSeen is what one demand counts for at most, however many tasks it has:
	// one large array says little of what comes next.
	maxSeen = 256
	// halfLife is after how many tasks seen an earlier one counts half.
	halfLife = 16384
	// drift is by what part the tasks seen may grow before the mix is settled
	// anew. All scores change then.
	drift = 0.1
)

// Mix is which tasks with GPUs were asked for lately: classes of tasks that ask
// the same, each with its popularity. It is learnt from demands as they come, so
// nothing has to be known beforehand.
//
// The zero Mix knows no tasks. Between changes of Version all that is computed
// from it stays the same, for others to cache.
type Mix struct {
	seen    map[string]*class
	unit    float64 // weight of a task seen now; grows, which makes earlier ones count less
	since   float64 // tasks seen since classes were last chosen
	settled float64 // weight of all tasks then, in units of one seen then
	classes []class // those that count, most popular first
	version uint64
}

// class is tasks that ask the same.
type class struct {
	key         string
	cpuMilli    int64
	memoryBytes int64
	ask         ask // of a task's requests, the one that takes most
	weight      float64
	popularity  float64 // part of all, 0..1
}

// Version changes when scores do.
func (m *Mix) Version() uint64 { return m.version }

// See counts a demand of n tasks of a shape. Shapes without GPUs do not count.
func (m *Mix) See(s *model.Shape, n int) {
	if len(s.GPUs) == 0 || n <= 0 {
		return
	}
	if m.seen == nil {
		m.seen, m.unit = map[string]*class{}, 1
	}
	n = min(n, maxSeen)
	m.find(s).weight += m.unit * float64(n)
	m.unit *= math.Exp2(float64(n) / halfLife)
	if m.since += float64(n); m.since >= drift*m.settled {
		m.settle()
	}
}

func (m *Mix) find(s *model.Shape) *class {
	c := classOf(s)
	if old := m.seen[c.key]; old != nil {
		return old
	}
	m.seen[c.key] = &c
	return &c
}

// settle chooses the classes that count from now on.
func (m *Mix) settle() {
	all := make([]*class, 0, len(m.seen))
	for _, c := range m.seen {
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y *class) int { return cmp.Or(cmp.Compare(y.weight, x.weight), cmp.Compare(x.key, y.key)) })
	for _, c := range all[min(len(all), maxKept):] {
		delete(m.seen, c.key)
	}
	all = all[:min(len(all), maxKept)]
	m.settled, m.since = 0, 0
	for _, c := range all {
		c.weight /= m.unit
		m.settled += c.weight
	}
	m.unit = 1
	m.classes = nil
	counted := 0.0
	for _, c := range all[:min(len(all), maxClasses)] {
		m.classes = append(m.classes, *c)
		counted += c.weight
	}
	for i := range m.classes {
		m.classes[i].popularity = m.classes[i].weight / counted
	}
	m.version++
}

func classOf(s *model.Shape) class {
	c := class{cpuMilli: s.CPUMilli, memoryBytes: s.MemoryBytes}
	w := NewWant(s.GPUs)
	c.ask = slices.MaxFunc(w.asks, func(x, y ask) int { return cmp.Compare(x.total(), y.total()) })
	k := binary.AppendVarint(nil, c.cpuMilli)
	for _, n := range [...]int64{c.memoryBytes, int64(c.ask.count), int64(c.ask.milli), c.ask.memoryBytes, int64(len(c.ask.model))} {
		k = binary.AppendVarint(k, n)
	}
	c.key = string(append(append(k, c.ask.model...), c.ask.mig...))
	return c
}

func (a *ask) total() int {
	if a.milli > 0 {
		return a.count * int(a.milli)
	}
	return a.count * Whole
}

package openb

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// cluster is the nodes with what is free on them.
type cluster struct {
	nodes     []host
	tasks     []model.Shape
	classOf   []int // by task: the number of its class
	classes   []class
	capacity  model.Resources
	allocated model.Resources

	policy string
	rng    *rand.Rand
	mix    gpu.Mix
	states map[string]int // numbers of host states
	kinds  map[string]int
}

type host struct {
	capacity model.Resources
	free     model.Resources
	gpus     gpu.State
	kind     int // hosts of one kind have equal devices
	state    int // hosts in one state are as good as each other
}

// class is tasks that ask the same, with the scores of host states for them.
type class struct {
	shape   model.Shape
	want    gpu.Want
	scores  map[int]score
	version uint64 // of the mix that scores are from
}

type score struct {
	ok   bool
	cost [2]float64 // less is better; the second among equal firsts
}

func newCluster(w *Workload, policy string, rng *rand.Rand) *cluster {
	c := &cluster{tasks: w.Tasks, policy: policy, rng: rng, states: map[string]int{}, kinds: map[string]int{}}
	for i := range w.Nodes {
		n := &w.Nodes[i]
		h := host{capacity: n.Capacity, free: n.Capacity, gpus: gpu.NewState(gpu.NewDevices(n.GPUs))}
		kind := ""
		for _, g := range n.GPUs {
			kind += g.Model + "\x00"
		}
		h.kind = number(c.kinds, kind)
		c.nodes = append(c.nodes, h)
		c.capacity = c.capacity.Add(n.Capacity)
		c.changed(&c.nodes[i])
	}
	numbers := map[string]int{}
	for i := range w.Tasks {
		t := &w.Tasks[i]
		n := number(numbers, fmt.Sprintf("%+v", *t))
		if n == len(c.classes) {
			c.classes = append(c.classes, class{shape: *t, want: gpu.NewWant(t.GPUs)})
		}
		c.classOf = append(c.classOf, n)
	}
	return c
}

func number(seen map[string]int, key string) int {
	n, ok := seen[key]
	if !ok {
		n = len(seen)
		seen[key] = n
	}
	return n
}

// changed finds the number of h's state.
func (c *cluster) changed(h *host) {
	k := binary.AppendVarint(nil, int64(h.kind))
	for _, n := range [...]int64{h.free.CPUMilli, h.free.MemoryBytes, h.capacity.CPUMilli, h.capacity.MemoryBytes} {
		k = binary.AppendVarint(k, n)
	}
	h.state = number(c.states, string(h.gpus.AppendKey(k)))
}

// place puts task t somewhere, if there is room.
func (c *cluster) place(t int) bool {
	k := &c.classes[c.classOf[t]]
	c.mix.See(&k.shape, 1)
	if v := c.mix.Version(); k.scores == nil || k.version != v {
		k.scores, k.version = map[int]score{}, v
	}
	best, ties := -1, 0
	var least score
	for i := range c.nodes {
		s := c.score(k, &c.nodes[i])
		if !s.ok {
			continue
		}
		switch d := s.compare(&least); {
		case best < 0 || d < 0:
			best, least, ties = i, s, 1
		case d == 0 && c.policy == "random":
			if ties++; c.rng.IntN(ties) == 0 {
				best = i
			}
		}
	}
	if best < 0 {
		return false
	}
	h := &c.nodes[best]
	shares, ok := c.devices(k, h)
	if !ok || !h.gpus.Take(shares) {
		panic("a task that fits cannot be placed")
	}
	h.free = h.free.Sub(k.shape.Resources)
	c.allocated = c.allocated.Add(k.shape.Resources)
	c.changed(h)
	return true
}

func (c *cluster) totals() (capacity, allocated model.Resources) { return c.capacity, c.allocated }

func (c *cluster) devices(k *class, h *host) ([]model.GPUShare, bool) {
	if c.policy == "fgd" {
		shares, _, ok := c.mix.Place(h.free, &h.gpus, &k.want, &k.shape.Resources)
		return shares, ok
	}
	return k.want.Pick(&h.gpus)
}

// score returns what it costs to place one of k on h.
func (c *cluster) score(k *class, h *host) score {
	s, known := k.scores[h.state]
	if !known {
		s = c.cost(k, h)
		k.scores[h.state] = s
	}
	return s
}

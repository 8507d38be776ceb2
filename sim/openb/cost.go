package openb

import (
	"cmp"
	"math"

	"github.com/tender-scheduler/tender/core/model"
)

// cost says what the policy thinks of one of k on h; not ok if it does not fit.
func (c *cluster) cost(k *class, h *host) score {
	need := k.shape.Resources
	if !need.Fits(h.free) || k.want.Fits(&h.gpus, 1) == 0 {
		return score{}
	}
	left := h.free.Sub(need)
	s := score{ok: true}
	switch c.policy {
	case "fgd":
		_, growth, ok := c.mix.Place(h.free, &h.gpus, &k.want, &need)
		s.ok = ok
		s.cost = [2]float64{growth, c.remains(left)}
	case "pack": // the node with the fewest devices left, and of those the fullest
		s.cost = [2]float64{float64(left.GPUMilli), c.remains(left)}
	case "bestfit":
		s.cost[0] = c.remains(left)
	case "spread":
		s.cost[0] = -c.remains(left)
	case "dotprod": // the node whose free resources look least like the task's
		s.cost[0] = c.dot(h.free, need)
	}
	return s
}

func (s *score) compare(o *score) int {
	if d := s.cost[0] - o.cost[0]; math.Abs(d) > 1e-6 {
		return cmp.Compare(d, 0)
	}
	return cmp.Compare(s.cost[1], o.cost[1])
}

// remains adds up what is left, each resource as a part of all there is.
func (c *cluster) remains(r model.Resources) float64 {
	return part(r.CPUMilli, c.capacity.CPUMilli) + part(r.MemoryBytes, c.capacity.MemoryBytes) + part(r.GPUMilli, c.capacity.GPUMilli)
}

func (c *cluster) dot(a, b model.Resources) float64 {
	return part(a.CPUMilli, c.capacity.CPUMilli)*part(b.CPUMilli, c.capacity.CPUMilli) +
		part(a.MemoryBytes, c.capacity.MemoryBytes)*part(b.MemoryBytes, c.capacity.MemoryBytes) +
		part(a.GPUMilli, c.capacity.GPUMilli)*part(b.GPUMilli, c.capacity.GPUMilli)
}

func part(n, of int64) float64 { return float64(n) / float64(max(of, 1)) }

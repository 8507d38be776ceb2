package shares

import (
	"math"

	"github.com/tender-scheduler/tender/core/model"
)

// kind is a resource kind: a position in vec.
type kind uint8

const kinds = 4

// kindNames are those that people and Mesos use.
var kindNames = [kinds]string{"cpus", "memory", "disk", "gpus"}

func (k kind) String() string { return kindNames[k] }

// vec is model.Resources by kind.
type vec [kinds]int64

func of(r model.Resources) vec { return vec{r.CPUMilli, r.MemoryBytes, r.DiskBytes, r.GPUMilli} }

func (v *vec) resources() model.Resources {
	return model.Resources{CPUMilli: v[0], MemoryBytes: v[1], DiskBytes: v[2], GPUMilli: v[3]}
}

func (v *vec) add(o *vec) {
	for k := range v {
		v[k] += o[k]
	}
}

// unlimited stands for no limit.
const unlimited = math.MaxInt64

func limitsOf(l model.Limits) vec {
	v := vec{unlimited, unlimited, unlimited, unlimited}
	for k, p := range [...]*int64{l.CPUMilli, l.MemoryBytes, l.DiskBytes, l.GPUMilli} {
		if p != nil {
			v[k] = *p
		}
	}
	return v
}

// kindSet is a set of resource kinds, one bit each.
type kindSet uint8

const kindSets = 1 << kinds

// positive returns the kinds of which v has some.
func (v *vec) positive() kindSet {
	var s kindSet
	for k, n := range v {
		if n > 0 {
			s |= 1 << k
		}
	}
	return s
}

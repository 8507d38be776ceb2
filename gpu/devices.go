package gpu

import (
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Whole is all of a device, in thousandths.
const Whole = 1000

// Devices are one agent's GPUs, in the order it told them. They never change:
// when an agent tells of others, make new ones.
type Devices struct {
	all    []model.GPU
	byUUID map[string]int
	// Beside all:
	size   []int16 // thousandths: 1000, or what part of its parent an instance is
	kind   []int   // in kinds
	island []int   // numbered; a device without one is one of its own
	numa   []int

	kinds []kind
	milli int64 // sum of the healthy ones' sizes
}

// kind is what requests ask for. Devices of one kind are as good as each other.
type kind struct {
	model       string // lower case
	memoryBytes int64
	mig         string // lower case
}

// NewDevices returns the devices in the given order. Those that come a second
// time under one UUID are left out.
func NewDevices(all []model.GPU) *Devices {
	d := &Devices{byUUID: make(map[string]int, len(all))}
	kinds := map[kind]int{}
	islands := map[string]int{}
	for i := range all {
		g := all[i]
		if _, twice := d.byUUID[g.UUID]; twice {
			continue
		}
		at := len(d.all)
		d.byUUID[g.UUID] = at
		d.all = append(d.all, g)
		d.size = append(d.size, sizeOf(&g))
		d.kind = append(d.kind, number(kinds, kind{strings.ToLower(g.Model), g.MemoryBytes, strings.ToLower(g.MIG)}))
		if g.Island == "" {
			g.Island = "\x00" + g.UUID
		}
		d.island = append(d.island, number(islands, g.Island))
		d.numa = append(d.numa, g.NUMA)
		if g.Unhealthy == "" {
			d.milli += int64(d.size[at])
		}
	}
	d.kinds = make([]kind, len(kinds))
	for k, n := range kinds {
		d.kinds[n] = k
	}
	return d
}

// number returns what seen calls key, and gives a new one the next number.
func number[K comparable](seen map[K]int, key K) int {
	n, ok := seen[key]
	if !ok {
		n = len(seen)
		seen[key] = n
	}
	return n
}

func sizeOf(g *model.GPU) int16 {
	if g.Milli <= 0 || g.Milli > Whole {
		return Whole
	}
	return int16(g.Milli)
}

// Len returns how many devices there are, healthy or not.
func (d *Devices) Len() int {
	if d == nil {
		return 0
	}
	return len(d.all)
}

// At returns device i.
func (d *Devices) At(i int) *model.GPU { return &d.all[i] }

// Milli returns what the healthy devices have in all, in thousandths.
func (d *Devices) Milli() int64 {
	if d == nil {
		return 0
	}
	return d.milli
}

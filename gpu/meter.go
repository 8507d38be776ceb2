package gpu

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Meter adds up samples of what one task does with its devices. It is PURE: times
// and samples come from outside.
//
// What the driver tells of the task's own processes goes before what it tells of
// a device: all of a device that was given whole is the task's, but what the
// driver keeps for itself is not, and of a shared device only its processes are.
type Meter struct {
	devices []metered
	last    time.Time // of the sample before, at first the task's start
}

type metered struct {
	uuid    string
	shared  bool // others may use it too
	of      bool // a figure is the device's, not the task's
	samples int
	peak    int64         // bytes; -1 = unknown
	busy    float64       // percent × seconds
	seen    time.Duration // over which busy is known
}

// NewMeter returns a meter of a task that has these devices since start, nil if
// it has none.
func NewMeter(shares []model.GPUShare, start time.Time) *Meter {
	if len(shares) == 0 {
		return nil
	}
	m := &Meter{last: start}
	for _, s := range shares {
		m.devices = append(m.devices, metered{uuid: s.UUID, shared: s.Milli < 1000, peak: -1})
	}
	return m
}

// Sample takes in what goes on on the devices. Own reports whether a process is
// the task's; nil = that cannot be told. A sample counts for the time since the
// one before.
func (m *Meter) Sample(at time.Time, all []Usage, own func(pid int) bool) {
	span := at.Sub(m.last)
	if span <= 0 {
		return // of before the task's start, or seen
	}
	m.last = at
	for i := range m.devices {
		for k := range all {
			if all[k].UUID == m.devices[i].uuid {
				m.devices[i].sample(span, &all[k], own)
			}
		}
	}
}

func (d *metered) sample(span time.Duration, u *Usage, own func(pid int) bool) {
	d.samples++
	memory, busy := u.MemoryUsedBytes, u.BusyPercent
	var mine tally
	if own != nil && !u.ProcessesUnknown {
		mine = tallyOf(u, own)
	}
	if mine.memory {
		memory = mine.bytes
	} else if memory >= 0 {
		d.of = true
	}
	switch {
	case !d.shared:
	case mine.busy:
		busy = mine.percent
	case busy > 0:
		d.of = true
	}
	d.peak = max(d.peak, memory)
	if busy >= 0 {
		d.busy += float64(min(busy, 100)) * span.Seconds()
		d.seen += span
	}
}

// tally is a device's processes that are the task's, added up.
type tally struct {
	memory, busy bool // is known
	bytes        int64
	percent      int
}

func tallyOf(u *Usage, own func(pid int) bool) tally {
	t := tally{memory: true}
	here := false
	for _, p := range u.Processes {
		t.busy = t.busy || p.BusyPercent >= 0
		if !own(p.PID) {
			continue
		}
		here = true
		if p.MemoryUsedBytes < 0 {
			t.memory = false
		}
		t.bytes += max(p.MemoryUsedBytes, 0)
		t.percent += max(p.BusyPercent, 0)
	}
	t.busy = t.busy || !here // without a process there it does nothing
	return t
}

// Use returns what the samples say, in the order of the devices.
func (m *Meter) Use() []model.TaskGPU {
	if m == nil {
		return nil
	}
	out := make([]model.TaskGPU, len(m.devices))
	for i, d := range m.devices {
		out[i] = model.TaskGPU{UUID: d.uuid, Samples: d.samples, PeakMemoryBytes: d.peak, BusyMilli: -1, OfDevice: d.of}
		if d.seen > 0 {
			out[i].BusyMilli = int64(d.busy*10/d.seen.Seconds() + 0.5)
		}
	}
	return out
}

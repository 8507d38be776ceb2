package gpu

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
)

// Cause is the first thing in the way of a request on an agent, in the order in
// which they are looked for.
type Cause uint8

// The causes.
const (
	Nothing   Cause = iota // it fits
	NoDevice               // the agent has no GPU
	NoModel                // none of that model
	NoProfile              // none of that MIG profile, or only instances where devices are asked for
	NoMemory               // none with that much memory
	TooFew                 // fewer such devices than the task asks for, even if nothing ran
	Unhealthy              // enough of them, but for those that are unhealthy
	Fractions              // as much is free, but in pieces too small
	Taken                  // too little is free
)

// Static reports whether c does not change with what runs: only with another
// agent, or when a device's health changes.
func (c Cause) Static() bool { return c >= NoDevice && c <= Unhealthy }

// Verdict is why a want does not fit: Cause, and the numbers that show it.
type Verdict struct {
	Cause   Cause
	Request int // which of the want's requests
	Asked   int // devices it asks for
	Have    int // such devices on the agent, healthy ones
	Bad     int // such devices that are unhealthy
	Whole   int // of Have, those of which nothing is taken
	// FreeMilli is what of Have is free, in thousandths.
	FreeMilli int64
	Milli     int64 // asked of each device
}

// Why returns what is in the way of one task of w on s; Cause is Nothing if it
// fits.
func (w *Want) Why(s *State) Verdict {
	if v := w.WhyEmpty(s.dev); v.Cause != Nothing {
		return v
	}
	worst := Verdict{}
	for i := range w.asks {
		a := &w.asks[i]
		if len(a.eligible(s, nil)) >= a.count {
			continue
		}
		v := a.tally(s, i)
		v.Cause = Taken
		if v.FreeMilli >= v.Milli*int64(v.Asked) {
			v.Cause = Fractions
		}
		return v
	}
	// Each alone fits: only together they may not.
	if len(w.asks) > 1 {
		if _, ok := w.Pick(s); !ok {
			worst = w.asks[0].tally(s, 0)
			worst.Cause = Taken
		}
	}
	return worst
}

// WhyEmpty returns what would be in the way even if nothing ran there.
func (w *Want) WhyEmpty(d *Devices) Verdict {
	if len(w.asks) == 0 {
		return Verdict{}
	}
	if d == nil {
		return Verdict{Cause: NoDevice, Asked: w.asks[0].count}
	}
	empty := State{dev: d, free: d.size} // read only
	for i := range w.asks {
		a := &w.asks[i]
		v := a.tally(&empty, i)
		switch {
		case v.Have >= a.count && len(a.eligible(&empty, nil)) >= a.count:
			continue
		case v.Have+v.Bad == 0:
			v.Cause = a.lacks(d)
		case v.Have+v.Bad >= a.count && v.Have < a.count:
			v.Cause = Unhealthy
		default:
			v.Cause = TooFew
		}
		return v
	}
	if len(w.asks) > 1 {
		if _, ok := w.Pick(&empty); !ok {
			v := w.asks[0].tally(&empty, 0)
			v.Cause = TooFew
			return v
		}
	}
	return Verdict{}
}

// tally counts the devices that a asks for.
func (a *ask) tally(s *State, request int) Verdict {
	v := Verdict{Request: request, Asked: a.count, Milli: Whole}
	if a.milli > 0 {
		v.Milli = int64(a.milli)
	}
	for at := range s.free {
		switch {
		case !a.matches(&s.dev.kinds[s.dev.kind[at]]):
		case !s.healthy(at):
			v.Bad++
		default:
			v.Have++
			v.FreeMilli += int64(s.usable(at))
			if s.free[at] == s.dev.size[at] {
				v.Whole++
			}
			if a.milli == 0 {
				v.Milli = int64(s.dev.size[at])
			}
		}
	}
	return v
}

// lacks returns what no device of d has.
func (a *ask) lacks(d *Devices) Cause {
	if d.Len() == 0 {
		return NoDevice
	}
	named, profile := false, false
	for k := range d.kinds {
		if a.named(&d.kinds[k]) {
			named = true
			profile = profile || a.profile(&d.kinds[k])
		}
	}
	switch {
	case !named:
		return NoModel
	case !profile:
		return NoProfile
	}
	return NoMemory
}

// Text says v in words, of one agent, r being the request it is about:
// "2 of 4 devices are free, 3 asked for".
func (v *Verdict) Text(r *model.GPURequest) string {
	switch v.Cause {
	case NoDevice:
		return "it has no GPU"
	case NoModel:
		return fmt.Sprintf("it has no GPU of model %q", r.Model)
	case NoProfile:
		if r.MIG == "" {
			return "its GPUs are divided into MIG instances, and none is asked for"
		}
		return fmt.Sprintf("it has no MIG instance %q", r.MIG)
	case NoMemory:
		return "no such GPU has " + model.FormatBytes(r.MemoryMinBytes) + " of memory"
	case TooFew:
		return fmt.Sprintf("it has %d such GPUs, and a task asks for %d", v.Have, v.Asked)
	case Unhealthy:
		return fmt.Sprintf("%d of its %d such GPUs are unhealthy", v.Bad, v.Bad+v.Have)
	case Fractions:
		if v.Whole > 0 {
			return fmt.Sprintf("%d of its %d such GPUs are wholly free, the others in part", v.Whole, v.Have)
		}
		return fmt.Sprintf("%s of such GPUs are free, but in pieces smaller than %s", model.FormatCPU(v.FreeMilli), model.FormatCPU(v.Milli))
	case Taken:
		return fmt.Sprintf("%s of its %d such GPUs are free", model.FormatCPU(v.FreeMilli), v.Have)
	}
	return ""
}

package gpu

import (
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Want is what one task asks of an agent's devices, made ready to be asked of
// many agents. It never changes.
type Want struct {
	asks []ask
}

// ask is one request.
type ask struct {
	count       int
	milli       int16    // of each device; 0 = all of it
	model       string   // lower case, as asked for
	models      []string // what of a device's model is asked for, one of; nil = any
	mig         string
	memoryBytes int64
}

// NewWant returns the want of a task with these requests; the zero Want asks for
// nothing and fits everywhere.
func NewWant(reqs []model.GPURequest) Want {
	var w Want
	for i := range reqs {
		r := &reqs[i]
		a := ask{count: max(r.Count, 1), model: strings.ToLower(r.Model), mig: strings.ToLower(r.MIG), memoryBytes: r.MemoryMinBytes}
		if a.model != "" {
			a.models = strings.Split(a.model, "|")
		}
		if a.mig == "" && r.ShareMilli > 0 && r.ShareMilli < Whole {
			a.milli = int16(r.ShareMilli)
		}
		w.asks = append(w.asks, a)
	}
	return w
}

// None reports whether nothing is asked for.
func (w *Want) None() bool { return len(w.asks) == 0 }

// need returns the thousandths that a takes of device at.
func (a *ask) need(d *Devices, at int) int16 {
	if a.milli > 0 {
		return a.milli
	}
	return d.size[at]
}

// matches reports whether k is what a asks for, whatever is taken.
func (a *ask) matches(k *kind) bool {
	return k.memoryBytes >= a.memoryBytes && a.profile(k) && a.named(k)
}

func (a *ask) named(k *kind) bool {
	for _, name := range a.models {
		if strings.Contains(k.model, name) {
			return true
		}
	}
	return len(a.models) == 0
}

// profile: instances go to those who ask for their profile, devices to those
// who ask for none.
func (a *ask) profile(k *kind) bool { return a.mig == k.mig }

// eligible appends the devices that could be one of a's now.
func (a *ask) eligible(s *State, out []int) []int {
	if s.dev == nil {
		return out
	}
	var ok [16]bool // by kind; an agent with more is asked the slow way
	kinds := s.dev.kinds
	for k := range kinds {
		if k < len(ok) {
			ok[k] = a.matches(&kinds[k])
		}
	}
	for at, n := range s.free {
		k := s.dev.kind[at]
		if n <= 0 || n < a.need(s.dev, at) || s.dev.all[at].Unhealthy != "" {
			continue
		}
		if k < len(ok) && ok[k] || k >= len(ok) && a.matches(&kinds[k]) {
			out = append(out, at)
		}
	}
	return out
}

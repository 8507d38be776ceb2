package gpu

import "github.com/tender-scheduler/tender/core/model"

// State is what of an agent's devices is free. The zero State has no devices.
// Copying it makes a second name for the same thing; see Clone and CopyFrom.
type State struct {
	dev  *Devices
	free []int16 // thousandths by device; below 0 where facts exceed what there is
}

// NewState returns d with everything free.
func NewState(d *Devices) State {
	if d.Len() == 0 {
		return State{}
	}
	s := State{dev: d, free: make([]int16, len(d.all))}
	copy(s.free, d.size)
	return s
}

// Clone returns a copy that changes by itself.
func (s *State) Clone() State {
	if s.dev == nil {
		return State{}
	}
	return State{dev: s.dev, free: append(make([]int16, 0, len(s.free)), s.free...)}
}

// CopyFrom makes s equal to o, in the memory that s has where that is enough.
func (s *State) CopyFrom(o *State) {
	s.dev, s.free = o.dev, append(s.free[:0], o.free...)
}

// Devices returns the devices that s is about; nil without any.
func (s *State) Devices() *Devices { return s.dev }

// Take marks shares as taken, whether or not there is room: what runs is a fact.
// It reports whether all were there to be given; a device that is not there is
// passed over.
func (s *State) Take(shares []model.GPUShare) bool {
	ok := true
	for i := range shares {
		at, known := s.index(shares[i].UUID)
		if !known {
			ok = false
			continue
		}
		ok = ok && s.healthy(at) && int64(s.free[at]) >= shares[i].Milli
		s.free[at] -= int16(shares[i].Milli)
	}
	return ok
}

// Release undoes Take.
func (s *State) Release(shares []model.GPUShare) {
	for i := range shares {
		if at, known := s.index(shares[i].UUID); known {
			s.free[at] += int16(shares[i].Milli)
		}
	}
}

func (s *State) index(uuid string) (int, bool) {
	if s.dev == nil {
		return 0, false
	}
	at, ok := s.dev.byUUID[uuid]
	return at, ok
}

func (s *State) healthy(at int) bool { return s.dev.all[at].Unhealthy == "" }

// usable returns the thousandths of device at that may be given.
func (s *State) usable(at int) int16 {
	if !s.healthy(at) {
		return 0
	}
	return max(s.free[at], 0)
}

// FreeMilli returns what of the healthy devices is free, in thousandths.
func (s *State) FreeMilli() int64 {
	n := int64(0)
	for at := range s.free {
		n += int64(s.usable(at))
	}
	return n
}

// Free yields the healthy devices of which something is free, as shares.
func (s *State) Free() []model.GPUShare {
	var out []model.GPUShare
	for at := range s.free {
		if n := s.usable(at); n > 0 {
			out = append(out, model.GPUShare{UUID: s.dev.all[at].UUID, Milli: int64(n)})
		}
	}
	return out
}

// Within reports whether no more is taken of any device than it has.
func (s *State) Within() bool {
	for _, n := range s.free {
		if n < 0 {
			return false
		}
	}
	return true
}

// AppendKey appends an encoding of how much of each device is free: states of
// equal devices with equal keys are equal.
func (s *State) AppendKey(key []byte) []byte {
	for _, n := range s.free {
		key = append(key, byte(n), byte(n>>8))
	}
	return key
}

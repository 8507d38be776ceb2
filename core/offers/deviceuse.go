package offers

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// DeviceUse is how much of one device is given out, in thousandths of it.
type DeviceUse struct {
	UUID           string
	AllocatedMilli int64
	OfferedMilli   int64
}

// DeviceUse returns how much of each of an agent's devices is given out, in the
// order in which it told of them. After those come devices that it tells of no
// longer and tasks still have, by UUID.
func (b *Book) DeviceUse(id model.AgentID) []DeviceUse {
	a := b.byID[id]
	if a == nil {
		return nil
	}
	out := make([]DeviceUse, 0, len(a.info.GPUs))
	at := make(map[string]int, len(a.info.GPUs))
	find := func(uuid string) *DeviceUse {
		i, ok := at[uuid]
		if !ok {
			i = len(out)
			at[uuid], out = i, append(out, DeviceUse{UUID: uuid})
		}
		return &out[i]
	}
	for i := range a.info.GPUs {
		find(a.info.GPUs[i].UUID)
	}
	told := len(out)
	for s := range a.stakes() {
		for i := range s.grants {
			for _, g := range s.grants[i].GPUs {
				if s.offer != nil {
					find(g.UUID).OfferedMilli += g.Milli
				} else {
					find(g.UUID).AllocatedMilli += g.Milli
				}
			}
		}
	}
	slices.SortFunc(out[told:], func(x, y DeviceUse) int { return cmp.Compare(x.UUID, y.UUID) })
	return out
}

// sound reports whether all devices on offer are there and healthy. The sums do
// not tell where a has as many others free.
func (a *agent) sound() bool {
	for _, s := range a.onOffer {
		for i := range s.grants {
			for _, g := range s.grants[i].GPUs {
				at := slices.IndexFunc(a.info.GPUs, func(d model.GPU) bool { return d.UUID == g.UUID })
				if at < 0 || a.info.GPUs[at].Unhealthy != "" {
					return false
				}
			}
		}
	}
	return true
}

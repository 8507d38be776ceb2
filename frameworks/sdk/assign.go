package sdk

import "github.com/tender-scheduler/tender/core/model"

// Placement is the slots that go to one part of an offer, ascending.
type Placement struct {
	Part  int // position in the offer's Parts
	Slots []int
}

// Assign takes members of ready in ascending order for the parts of an offer
// that are for the demand's group, in the order of the parts, at most limit
// slots in all, and removes them from ready. Parts that get nothing are left
// out.
func Assign(parts []model.OfferPart, group int, ready *SlotSet, limit int) []Placement {
	var out []Placement
	next := 0
	for i := range parts {
		if parts[i].Group != group {
			continue
		}
		n := min(parts[i].Count, limit, ready.Len())
		if n <= 0 {
			continue
		}
		limit -= n
		slots := make([]int, n)
		for k := range slots {
			next = ready.Next(next)
			ready.Remove(next)
			slots[k] = next
		}
		out = append(out, Placement{Part: i, Slots: slots})
	}
	return out
}

// Room returns how many tasks of the demand's group the parts have room for.
func Room(parts []model.OfferPart, group int) int {
	n := 0
	for i := range parts {
		if parts[i].Group == group {
			n += parts[i].Count
		}
	}
	return n
}

package sdk

import "math/bits"

// slotSetLevels levels of 64-way summaries hold up to 64⁴ = 16,777,216 slots.
const slotSetLevels = 4

// SlotSet is a set of slot numbers in [0, size). Each level above the first has
// one bit per non-zero word of the level below, so that the next member is
// found in a step per level instead of a scan: one bit a slot, and O(1) in all
// but Fill.
type SlotSet struct {
	levels [slotSetLevels][]uint64
	size   int
	count  int
}

// NewSlotSet returns an empty set for slots in [0, size), size ≤ 64⁴.
func NewSlotSet(size int) SlotSet {
	if size > 1<<(6*slotSetLevels) {
		panic("sdk: slot set too large")
	}
	s := SlotSet{size: size}
	for l, n := 0, size; l == 0 || n > 1; l++ {
		n = (n + 63) / 64
		s.levels[l] = make([]uint64, n)
	}
	return s
}

// Len returns the number of members.
func (s *SlotSet) Len() int { return s.count }

// Size returns the bound that NewSlotSet was given.
func (s *SlotSet) Size() int { return s.size }

// Has reports whether slot is a member.
func (s *SlotSet) Has(slot int) bool {
	return slot >= 0 && slot < s.size && s.levels[0][slot>>6]&(1<<(slot&63)) != 0
}

// Add makes slot a member; false if it was one, or is out of range.
func (s *SlotSet) Add(slot int) bool {
	if slot < 0 || slot >= s.size || s.Has(slot) {
		return false
	}
	s.count++
	for l := range s.levels {
		if s.levels[l] == nil {
			break
		}
		w := &s.levels[l][slot>>6]
		was := *w
		*w |= 1 << (slot & 63)
		if was != 0 {
			break
		}
		slot >>= 6
	}
	return true
}

// Remove takes slot out; false if it was not a member.
func (s *SlotSet) Remove(slot int) bool {
	if !s.Has(slot) {
		return false
	}
	s.count--
	for l := range s.levels {
		if s.levels[l] == nil {
			break
		}
		w := &s.levels[l][slot>>6]
		*w &^= 1 << (slot & 63)
		if *w != 0 {
			break
		}
		slot >>= 6
	}
	return true
}

// Fill makes every slot a member.
func (s *SlotSet) Fill() {
	s.count = s.size
	for l, n := 0, s.size; l < slotSetLevels && s.levels[l] != nil; l++ {
		words := s.levels[l]
		for i := range words {
			words[i] = ^uint64(0)
		}
		if r := n & 63; r != 0 {
			words[len(words)-1] = 1<<r - 1
		}
		n = len(words)
	}
}

// Next returns the smallest member that is at least from, or -1.
func (s *SlotSet) Next(from int) int {
	if from < 0 {
		from = 0
	}
	if from >= s.size || s.count == 0 {
		return -1
	}
	for l, at := 0, from; l < slotSetLevels && s.levels[l] != nil; l++ {
		if at>>6 < len(s.levels[l]) {
			if w := s.levels[l][at>>6] &^ (1<<(at&63) - 1); w != 0 {
				return s.descend(l, at&^63+bits.TrailingZeros64(w))
			}
		}
		at = at>>6 + 1
	}
	return -1
}

// descend follows the first set bits from position at of level l to a slot.
func (s *SlotSet) descend(l, at int) int {
	for ; l > 0; l-- {
		at = at<<6 + bits.TrailingZeros64(s.levels[l-1][at])
	}
	return at
}

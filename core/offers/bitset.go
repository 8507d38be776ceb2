package offers

import "math/bits"

// bitset is a set of agents by position.
type bitset []uint64

func (s *bitset) set(i int) {
	for i>>6 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[i>>6] |= 1 << (i & 63)
}

func (s bitset) clear(i int) {
	if i>>6 < len(s) {
		s[i>>6] &^= 1 << (i & 63)
	}
}

func (s bitset) has(i int) bool { return i>>6 < len(s) && s[i>>6]>>(i&63)&1 != 0 }

// word returns 64 positions from 64×w on.
func (s bitset) word(w int) uint64 {
	if w < len(s) {
		return s[w]
	}
	return 0
}

// nextBut returns the first position from i on that is in s and not in but, or -1.
func (s bitset) nextBut(but bitset, i int) int {
	w := i >> 6
	if w >= len(s) {
		return -1
	}
	word := s[w] &^ but.word(w) & (^uint64(0) << (i & 63))
	for word == 0 {
		if w++; w >= len(s) {
			return -1
		}
		word = s[w] &^ but.word(w)
	}
	return w<<6 + bits.TrailingZeros64(word)
}

// next returns the first position from i on that is in s, or -1.
func (s bitset) next(i int) int { return s.nextBut(nil, i) }

package gpu

// Fits returns how often Pick would succeed if each pick were taken, at most
// limit.
func (w *Want) Fits(s *State, limit int) int {
	if len(w.asks) == 0 || limit <= 0 {
		return max(limit, 0)
	}
	if len(w.asks) == 1 && (w.asks[0].milli == 0 || w.asks[0].count == 1) {
		return min(w.asks[0].fits(s), limit)
	}
	c := s.Clone()
	n := 0
	for n < limit {
		shares, ok := w.Pick(&c)
		if !ok {
			break
		}
		c.Take(shares)
		n++
	}
	return n
}

// fits counts tasks of whole devices, or of one share each: whatever devices go
// first, as many tasks fit.
func (a *ask) fits(s *State) int {
	var buf [16]int
	eligible := a.eligible(s, buf[:0])
	if a.milli == 0 {
		return len(eligible) / a.count
	}
	n := 0
	for _, at := range eligible {
		n += int(s.free[at] / a.milli)
	}
	return n
}

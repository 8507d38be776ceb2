package offers

// queue is a binary heap of demands that each know their place in it, so that
// one can leave from the middle.
type queue struct {
	demands []*demand
	less    func(a, b *demand) bool
	at      func(d *demand) *int // where d keeps its place, -1 when not in the queue
}

func (q *queue) len() int { return len(q.demands) }

// peek returns the first demand, nil if there is none.
func (q *queue) peek() *demand {
	if len(q.demands) == 0 {
		return nil
	}
	return q.demands[0]
}

// push adds d, or moves it to where it belongs after a change.
func (q *queue) push(d *demand) {
	at := q.at(d)
	if *at < 0 {
		*at = len(q.demands)
		q.demands = append(q.demands, d)
	}
	q.sift(*at)
}

// remove takes d out if it is in.
func (q *queue) remove(d *demand) {
	at := q.at(d)
	i := *at
	if i < 0 {
		return
	}
	*at = -1
	last := len(q.demands) - 1
	moved := q.demands[last]
	q.demands[last] = nil
	q.demands = q.demands[:last]
	if i < last {
		q.demands[i] = moved
		*q.at(moved) = i
		q.sift(i)
	}
}

// sift moves the demand at i up or down to where it belongs.
func (q *queue) sift(i int) {
	h := q.demands
	d := h[i]
	for i > 0 {
		up := (i - 1) / 2
		if !q.less(d, h[up]) {
			break
		}
		h[i] = h[up]
		*q.at(h[i]) = i
		i = up
	}
	for {
		c := 2*i + 1
		if c+1 < len(h) && q.less(h[c+1], h[c]) {
			c++
		}
		if c >= len(h) || !q.less(h[c], d) {
			break
		}
		h[i] = h[c]
		*q.at(h[i]) = i
		i = c
	}
	h[i] = d
	*q.at(d) = i
}

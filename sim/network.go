package sim

import (
	"slices"
	"time"
)

// direction is which way a message goes between an agent and a master.
type direction uint8

const (
	toMaster direction = iota
	toAgent
)

// network is what lies between hosts and masters.
type network struct {
	blocks  [][][2]int    // per host, master and direction: how many faults block it
	slow    [][2]slowness // per host and direction
	streams []*stream     // those that at least one end has open, oldest first
}

func (n *network) init(hosts, masters int) {
	n.blocks = make([][][2]int, hosts)
	n.slow = make([][2]slowness, hosts)
	for i := range n.blocks {
		n.blocks[i] = make([][2]int, masters)
	}
}

// slowness is what a slow link adds to the latency: a random time, or if it has
// a ramp one that grows with the queue in front of it.
type slowness struct {
	most time.Duration
	from time.Duration
	ramp time.Duration // until it is at its most; 0 = random
}

func (s *slowness) delay(w *world) time.Duration {
	switch {
	case s.most <= 0:
		return 0
	case s.ramp <= 0:
		return w.random.between(0, s.most)
	}
	return time.Duration(float64(s.most) * float64(min(w.now-s.from, s.ramp)) / float64(s.ramp))
}

func (n *network) blocked(h *host, m *masterNode, d direction) bool {
	return n.blocks[h.num][m.num][d] > 0
}

// open returns the open streams that pick wants, oldest first.
func (n *network) open(pick func(*stream) bool) []*stream {
	n.streams = slices.DeleteFunc(n.streams, func(s *stream) bool { return s.over() })
	var out []*stream
	for _, s := range n.streams {
		if pick(s) {
			out = append(out, s)
		}
	}
	return out
}

// latency is one way between a host and a master.
func (w *world) latency() time.Duration {
	d := w.random.between(100*time.Microsecond, 800*time.Microsecond)
	if w.rough && w.random.chance(0.005) {
		d += w.random.exp(200 * time.Millisecond)
	}
	return d
}

// partition blocks traffic between some hosts and some masters for a while.
func (w *world) partition(hosts []*host, masters []*masterNode, ways []direction, d time.Duration) {
	change := func(by int) {
		for _, h := range hosts {
			for _, m := range masters {
				for _, way := range ways {
					w.network.blocks[h.num][m.num][way] += by
				}
			}
		}
	}
	change(1)
	w.after(d, func() {
		change(-1)
		w.say("network", "a partition of %d hosts from %d masters heals", len(hosts), len(masters))
		for _, s := range w.network.open(func(*stream) bool { return true }) {
			// TCP sends again when its timer says so, which has doubled meanwhile.
			w.after(w.random.between(0, min(d/2, 3*time.Second)), s.flow)
		}
	})
}

// pipe is one direction of a connection: what is put in comes out in order, or
// not at all from some point on.
type pipe struct {
	w       *world
	delay   func() time.Duration
	blocked func() bool // nil = never
	slow    func() time.Duration

	queue   []packet
	last    time.Duration // when the latest one is due
	pumping bool
	cutOff  bool // nothing comes out any more
}

type packet struct {
	due     time.Duration
	deliver func()
}

func (p *pipe) put(deliver func()) {
	if p.cutOff {
		return
	}
	due := p.w.now + p.delay()
	if p.slow != nil {
		due += p.slow()
	}
	p.last = max(p.last, due)
	p.queue = append(p.queue, packet{p.last, deliver})
	p.pump()
}

// pump arranges for the first packet to come out when it is due.
func (p *pipe) pump() {
	if p.pumping || len(p.queue) == 0 || p.cutOff || p.blocked != nil && p.blocked() {
		return
	}
	p.pumping = true
	p.w.at(p.queue[0].due, func() {
		p.pumping = false
		if p.cutOff || len(p.queue) == 0 {
			return
		}
		if p.blocked != nil && p.blocked() {
			return // flow starts it again
		}
		first := p.queue[0]
		if first.due <= p.w.now {
			p.queue[0] = packet{}
			if p.queue = p.queue[1:]; len(p.queue) == 0 {
				p.queue = nil
			}
			first.deliver()
		}
		p.pump()
	})
}

// drop loses everything that is still on its way, and all that follows.
func (p *pipe) drop() {
	p.cutOff, p.queue = true, nil
}

// truncate loses some of what is on its way: a random part from the end.
func (p *pipe) truncate() {
	if n := len(p.queue); n > 0 {
		p.queue = p.queue[:p.w.random.IntN(n+1)]
	}
}

package offers

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// maxAhead is how many of the demands that go before one are taken into account
// when its start is estimated.
const maxAhead = 32

// hurry is how urgently a role's demands are to be served, as of now.
type hurry struct {
	below bool // its guarantee is not met
	share float64
}

func (b *Book) hurryOf(d *demand) hurry {
	n := d.class.node
	weight := 1.0
	if c, ok := n.Config(); ok && c.Weight > 0 {
		weight = c.Weight
	}
	share, _ := n.Share()
	return hurry{n.Below(d.asks()), share / weight}
}

// queue returns the demands that wait to be served, those to be served first
// first: the order in which a pass would take them if it could serve none.
func (b *Book) queue() []*demand {
	var all []*demand
	for _, c := range b.active {
		for _, e := range c.ready.entries {
			all = append(all, e.d)
		}
	}
	if len(b.inLine) <= 1 {
		slices.SortFunc(all, planOrder)
		return all
	}
	hurries := map[*line]hurry{}
	for _, d := range all {
		if _, ok := hurries[d.class.line]; !ok {
			hurries[d.class.line] = b.hurryOf(d)
		}
	}
	slices.SortFunc(all, func(x, y *demand) int {
		hx, hy := hurries[x.class.line], hurries[y.class.line]
		switch {
		case (x.preempting > 0) != (y.preempting > 0):
			return yes(y.preempting > 0) - yes(x.preempting > 0)
		case hx.below != hy.below:
			return yes(hy.below) - yes(hx.below)
		}
		return cmp.Or(cmp.Compare(hx.share, hy.share), strings.Compare(x.Role, y.Role), planOrder(x, y))
	})
	return all
}

func yes(v bool) int {
	if v {
		return 1
	}
	return 0
}

// holdAhead puts in force the holds of at most n demands that wait and go before
// d, as the next pass would; nil stands for one behind all. It returns all of
// those that go before d.
func (b *Book) holdAhead(now time.Time, d *demand, n int) []*demand {
	b.settle()
	next := b.nextHold
	b.letGo()
	defer func() { b.nextHold = min(b.nextHold, next) }()
	b.pass.at, b.pass.now = now, now.UnixNano()
	ahead := b.queue()
	if d != nil {
		at, _ := slices.BinarySearchFunc(ahead, d, func(x, d *demand) int {
			if x == d || x.ID == d.ID && x.Framework == d.Framework {
				return 0
			}
			return b.before(x, d)
		})
		ahead = ahead[:at]
	}
	for _, x := range ahead {
		if n == 0 {
			break
		}
		if !x.hopeful() || b.headroom(x, x.total()) == 0 {
			continue
		}
		if h := b.holdFor(x); h != nil {
			b.keep(h)
			n--
		}
	}
	return ahead
}

// before compares two waiting demands as queue orders them.
func (b *Book) before(x, y *demand) int {
	if x.class.line == y.class.line {
		return planOrder(x, y)
	}
	hx, hy := b.hurryOf(x), b.hurryOf(y)
	if hx.below != hy.below {
		return yes(hy.below) - yes(hx.below)
	}
	return cmp.Or(cmp.Compare(hx.share, hy.share), strings.Compare(x.Role, y.Role), planOrder(x, y))
}

// mostHolds returns how many holds there may be.
func (b *Book) mostHolds() int {
	if b.settings.Holds < 0 {
		return math.MaxInt32
	}
	return b.settings.Holds
}

// Holds returns what is held for waiting demands, as of now.
func (b *Book) Holds(now time.Time) []model.HoldView {
	b.holdAhead(now, nil, b.mostHolds())
	out := make([]model.HoldView, 0, len(b.holds))
	for _, h := range b.holds {
		out = append(out, h.view())
	}
	return out
}

package offers

import (
	"math"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// maxAhead is how many of the demands that go before one are taken into account
// when its start is estimated.
const maxAhead = 32

// holdAhead puts in force the holds of at most n demands that wait and go before
// d, as the next pass would; nil stands for one behind all. It returns the first
// of those that go before d, and how many there are.
func (b *Book) holdAhead(now time.Time, d *demand, n int) ahead {
	b.settle()
	next := b.nextHold
	b.letGo()
	defer func() { b.nextHold = min(b.nextHold, next) }()
	b.pass.at, b.pass.now = now, now.UnixNano()
	q := b.before(d, n+min(maxPassedOver, math.MaxInt32-n))
	for _, x := range q.first {
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
	return q
}

// maxPassedOver is how many demands holdAhead passes over for which no hold can
// be found.
const maxPassedOver = 64

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

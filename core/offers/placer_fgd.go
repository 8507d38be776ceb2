package offers

import (
	"encoding/binary"
	"math"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// fgdPlacer is fragmentation gradient descent: it prefers where the GPU capacity
// that the recent mix of demands cannot use grows least (see gpu.Mix), and of
// agents where it grows alike, the fullest. One serves the whole book.
//
// A score takes much more than a look, and it is asked for of every agent with room
// for a task. So it is kept by what it depends on, what the task needs and the state
// that the agent is in: clusters have many agents and many demands of a kind, and
// demands that are alike come one after the other, as much as beside each other.
type fgdPlacer struct {
	mix  *gpu.Mix
	pack packPlacer

	// What scores were reckoned with: when it changes, none is valid any more.
	version uint64
	largest model.Resources
	term    uint64 // counts the times that happened

	states  map[string]uint32 // numbers of states
	byAgent []agentState      // by position
	needs   map[string]*fgdScores
	uses    uint64
	key     []byte
}

// agentState is the number of the state that an agent was in when it had the stamp.
type agentState struct {
	stamp uint64
	state uint32
}

// fgdScores are one need's, by the numbers of states; NaN where not known.
type fgdScores struct {
	term     uint64
	used     uint64 // when, by fgdPlacer.uses
	dropped  bool
	byNumber []float64
}

// States are forgotten when there are maxStates of them, and twice as many as
// agents; needs, those used longest ago first, when they may have come to
// maxKeptScores with all of the states.
const (
	maxStates     = 1 << 14
	maxKeptScores = 1 << 22
	minNeeds      = 64
)

func newFGDPlacer(mix *gpu.Mix, largest *model.Resources) *fgdPlacer {
	return &fgdPlacer{mix: mix, pack: packPlacer{largest}, states: map[string]uint32{}, needs: map[string]*fgdScores{}}
}

func (p *fgdPlacer) score(c *candidate, w *wanted) float64 {
	if c.stamp == 0 {
		return p.reckon(c, w)
	}
	if v := p.mix.Version(); v != p.version || *p.pack.largest != p.largest {
		p.version, p.largest = v, *p.pack.largest
		p.reset()
	}
	n := p.number(c)
	s := p.of(w)
	for len(s.byNumber) <= int(n) {
		s.byNumber = append(s.byNumber, math.NaN())
	}
	kept := &s.byNumber[n]
	if math.IsNaN(*kept) {
		*kept = p.reckon(c, w)
	}
	return *kept
}

// reset forgets all scores and states.
func (p *fgdPlacer) reset() {
	p.term++
	clear(p.states)
	clear(p.byAgent)
}

// number returns the number of the state that c is in.
func (p *fgdPlacer) number(c *candidate) uint32 {
	if missing := c.pos + 1 - len(p.byAgent); missing > 0 {
		p.byAgent = append(p.byAgent, make([]agentState, missing)...)
	}
	if kept := p.byAgent[c.pos]; kept.stamp == c.stamp {
		return kept.state
	}
	key := append(p.key[:0], c.things.kind...)
	for _, free := range [...]int64{c.free.CPUMilli, c.free.MemoryBytes, c.free.GPUMilli} {
		key = binary.AppendVarint(key, free)
	}
	key = c.things.gpus.AppendKey(key)
	p.key = key
	n, ok := p.states[string(key)]
	if !ok {
		if len(p.states) >= p.mostStates() {
			p.reset()
		}
		n = uint32(len(p.states))
		p.states[string(key)] = n
	}
	p.byAgent[c.pos] = agentState{c.stamp, n}
	return n
}

func (p *fgdPlacer) mostStates() int { return max(maxStates, 2*len(p.byAgent)) }

// of returns the scores kept for a need, without those from before the last reset.
func (p *fgdPlacer) of(w *wanted) *fgdScores {
	s := w.kept
	if s == nil || s.dropped {
		if s = p.needs[w.need]; s == nil {
			if len(p.needs) >= max(minNeeds, maxKeptScores/p.mostStates()) {
				p.dropOldest()
			}
			s = &fgdScores{}
			p.needs[w.need] = s
		}
		w.kept = s
	}
	if s.term != p.term {
		s.term, s.byNumber = p.term, s.byNumber[:0]
	}
	p.uses++
	s.used = p.uses
	return s
}

func (p *fgdPlacer) dropOldest() {
	oldest, at := "", uint64(math.MaxUint64)
	for need, s := range p.needs {
		if s.used < at {
			oldest, at = need, s.used
		}
	}
	p.needs[oldest].dropped = true
	delete(p.needs, oldest)
}

// tieBreak is how much the pack score counts: less than a thousandth of a device
// in what is lost, so that it only orders those where that is the same.
const tieBreak = 1e-5

// reckon maps growth, in thousandths of devices, to 0..1 without losing its
// order: 0 growth is 0.5.
func (p *fgdPlacer) reckon(c *candidate, w *wanted) float64 {
	_, growth, ok := p.mix.Place(c.free, &c.things.gpus, w.gpus, &w.shape)
	if !ok {
		return 0
	}
	growth = math.Round(growth*1e3) / 1e3 // equal states may differ by rounding
	squashed := 0.5 - growth/(math.Abs(growth)+gpu.Whole)/2
	return (squashed + tieBreak*p.pack.score(c, w)) / (1 + tieBreak)
}

func (p *fgdPlacer) choose(c *candidate, w *wanted) deviceChooser {
	free := c.free
	return func(s *gpu.State) ([]model.GPUShare, bool) {
		shares, _, ok := p.mix.Place(free, s, w.gpus, &w.shape)
		free = free.Sub(w.shape)
		return shares, ok
	}
}

package offers

import (
	"encoding/binary"
	"math"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// fgdPlacer is fragmentation gradient descent: it prefers where the GPU capacity
// that the recent mix of demands cannot use grows least (see gpu.Mix), and of
// agents where it grows alike, the fullest. One serves the whole book, for it
// keeps what it found out until an agent or the mix changes.
type fgdPlacer struct {
	mix    *gpu.Mix
	pack   packPlacer
	scores map[uint64]*fgdScores // by wanted.serial
	uses   uint64
	key    []byte
}

// fgdScores are one need's, by the agents' positions.
type fgdScores struct {
	mix     uint64 // the version of the mix that they are from
	used    uint64 // when, by fgdPlacer.uses
	byAgent []fgdScore
	byState map[string]float64 // what agents in the same state have in common
}

// maxStates bounds how many states of agents a need's scores are kept for.
const maxStates = 1 << 14

type fgdScore struct {
	stamp uint64
	score float64
}

// maxFGDScores bounds for how many needs scores are kept.
const maxFGDScores = 64

func newFGDPlacer(mix *gpu.Mix, largest *model.Resources) *fgdPlacer {
	return &fgdPlacer{mix: mix, pack: packPlacer{largest}, scores: map[uint64]*fgdScores{}}
}

func (p *fgdPlacer) score(c *candidate, w *wanted) float64 {
	if c.stamp == 0 {
		return p.reckon(c, w)
	}
	s := p.of(w.serial)
	for len(s.byAgent) <= c.pos {
		s.byAgent = append(s.byAgent, fgdScore{})
	}
	kept := &s.byAgent[c.pos]
	if kept.stamp != c.stamp {
		*kept = fgdScore{c.stamp, p.ofState(s, c, w)}
	}
	return kept.score
}

// of returns the scores kept for a need, without those from another mix.
func (p *fgdPlacer) of(serial uint64) *fgdScores {
	s := p.scores[serial]
	if s == nil {
		if len(p.scores) >= maxFGDScores {
			p.dropOldest()
		}
		s = &fgdScores{}
		p.scores[serial] = s
	}
	if v := p.mix.Version(); s.mix != v {
		s.mix = v
		clear(s.byAgent)
		s.byState = nil
	}
	p.uses++
	s.used = p.uses
	return s
}

// ofState returns the score of all agents that are like c: clusters have many of a
// kind, and what a score takes is much more than a look.
func (p *fgdPlacer) ofState(s *fgdScores, c *candidate, w *wanted) float64 {
	key := append(p.key[:0], c.things.kind...)
	key = binary.AppendVarint(binary.AppendVarint(key, c.free.CPUMilli), c.free.MemoryBytes)
	key = c.things.gpus.AppendKey(key)
	p.key = key
	if score, ok := s.byState[string(key)]; ok {
		return score
	}
	if s.byState == nil || len(s.byState) >= maxStates {
		s.byState = map[string]float64{}
	}
	score := p.reckon(c, w)
	s.byState[string(key)] = score
	return score
}

func (p *fgdPlacer) dropOldest() {
	oldest, at := uint64(0), uint64(math.MaxUint64)
	for serial, s := range p.scores {
		if s.used < at {
			oldest, at = serial, s.used
		}
	}
	delete(p.scores, oldest)
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

package offers

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// placer says how good an agent is for a task, as far as what is left there is
// concerned. It is asked about agents where the task fits.
type placer interface {
	// score is from 0 to 1, more is better.
	score(c *candidate, w *wanted) float64
	// choose returns a way to choose a task's devices on c, nil for the usual.
	choose(c *candidate, w *wanted) deviceChooser
}

// candidate is an agent as a placer sees it.
type candidate struct {
	pos        int // in the book
	attributes map[string]string
	free       model.Resources
	things     *things
	// stamp is another one whenever free or things may have changed, never 0;
	// 0 = what is found out about the candidate must not be kept.
	stamp uint64
}

// wanted is what one task needs, as a placer sees it.
type wanted struct {
	need  string // equal only for equal needs
	shape model.Resources
	gpus  *gpu.Want
	kept  *fgdScores // of the need; nil until asked for
}

// newPlacer returns the placer of that name for a shape. largest is, of every
// resource, the most that an agent has: what is left is measured by it.
func newPlacer(p model.Placement, s *model.Shape, largest *model.Resources, fgd *fgdPlacer) placer {
	switch {
	case p == model.PlaceSpread:
		return spreadPlacer{packPlacer{largest}}
	case p == model.PlaceFGD, len(s.GPUs) > 0:
		return fgd
	case p == "" && largest.GPUMilli > 0:
		return sparePlacer{packPlacer{largest}}
	}
	return packPlacer{largest}
}

// packPlacer prefers where least is left over (best fit).
type packPlacer struct{ largest *model.Resources }

func (p packPlacer) score(c *candidate, w *wanted) float64 {
	left := c.free.Sub(w.shape)
	return 1 - remainder(&left, p.largest)
}

func (packPlacer) choose(*candidate, *wanted) deviceChooser { return nil }

// spreadPlacer prefers where most is left over.
type spreadPlacer struct{ packPlacer }

func (p spreadPlacer) score(c *candidate, w *wanted) float64 { return 1 - p.packPlacer.score(c, w) }

// sparePlacer is for tasks without GPUs where some agents have them: it prefers
// agents that have none to lose, and packs.
type sparePlacer struct{ packPlacer }

func (p sparePlacer) score(c *candidate, w *wanted) float64 {
	spared := 1.0
	if p.largest.GPUMilli > 0 {
		spared -= min(max(float64(c.free.GPUMilli)/float64(p.largest.GPUMilli), 0), 1)
	}
	return (2*spared + p.packPlacer.score(c, w)) / 3
}

// remainder is the mean of what is left of each resource that there is any of,
// as parts of the largest: 0..1. Disk does not count: it is seldom what runs out,
// and its sizes would outweigh all else.
func remainder(left, largest *model.Resources) float64 {
	sum, n := 0.0, 0.0
	for _, r := range [...]struct{ left, most int64 }{
		{left.CPUMilli, largest.CPUMilli}, {left.MemoryBytes, largest.MemoryBytes}, {left.GPUMilli, largest.GPUMilli},
	} {
		if r.most > 0 {
			sum += min(max(float64(r.left)/float64(r.most), 0), 1)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

package offers

import (
	"container/heap"

	"github.com/tender-scheduler/tender/core/model"
)

// Where a group's agents are chosen by score, all that have room are looked at:
// for groups that ask for GPUs, that name a placement, an affinity or a spread,
// and where there are GPUs that others may need. Else a group takes the first
// agents that fit, which packs as well.

// rankFor gives group i of d a ranker, if it needs one.
func (b *Book) rankFor(d *demand, i int) {
	g, dg := &d.groups[i], &d.Groups[i]
	if d.Placement == "" && len(dg.Shape.GPUs) == 0 && len(dg.Affinities) == 0 && len(dg.Spreads) == 0 && b.largest.GPUMilli == 0 {
		return
	}
	w := wanted{need: g.room.needKey(), shape: dg.Shape.Resources, gpus: &g.room.named.gpus}
	g.rank, _ = newRanker(newPlacer(d.Placement, &dg.Shape, &b.largest, b.fgd), w, dg)
}

// seeMix lets the mix of recent demands know of d.
func (b *Book) seeMix(d *demand) {
	for i := range d.Groups {
		if g := &d.Groups[i]; len(g.Shape.GPUs) > 0 && g.Count > 0 {
			b.mix.See(&g.Shape, g.Count)
		}
	}
}

// grow keeps the largest amounts that an agent has.
func (b *Book) grow(c model.Resources) {
	b.largest = model.Resources{
		CPUMilli: max(b.largest.CPUMilli, c.CPUMilli), MemoryBytes: max(b.largest.MemoryBytes, c.MemoryBytes),
		DiskBytes: max(b.largest.DiskBytes, c.DiskBytes), GPUMilli: max(b.largest.GPUMilli, c.GPUMilli),
	}
}

// rated is an agent with room, and how good it is for one more task.
type rated struct {
	agent *agent
	score float64
}

// ratings is a heap, the best agent first, of equal ones the first in the book.
type ratings []rated

func (r ratings) Len() int { return len(r) }
func (r ratings) Less(i, j int) bool {
	if r[i].score != r[j].score {
		return r[i].score > r[j].score
	}
	return r[i].agent.pos < r[j].agent.pos
}
func (r ratings) Swap(i, j int) { r[i], r[j] = r[j], r[i] }
func (r *ratings) Push(x any)   { *r = append(*r, x.(rated)) }
func (r *ratings) Pop() any {
	old := *r
	x := old[len(old)-1]
	*r = old[:len(old)-1]
	return x
}

// rate returns the agents in sight with room for g; or, unless they are to be sure,
// those of which the index does not say that they have none.
func (b *Book) rate(g *group, t tally, s *scout, sure bool) ratings {
	out := b.scratch.rated[:0]
	for at := s.start(b.gains); ; at++ {
		if at = s.next(b, at, g); at < 0 {
			b.scratch.rated = out
			return out
		}
		a := b.agents[at]
		if sure {
			if n, _ := g.check(a, 1, t, &b.win); n == 0 {
				continue
			}
		}
		out = append(out, rated{a, 0})
	}
}

func (b *Book) score(g *group, r *rated) {
	c := &b.scratch.candidate // a placer is behind an interface: it would be on the heap each time
	*c = r.agent.candidate()
	c.stamp = r.agent.stamp
	r.score = g.rank.score(c)
}

// tallySpread counts where tasks of the group are, for its spreads.
func (b *Book) tallySpread(g *group, among ratings) {
	if len(g.rank.spreads) == 0 {
		return
	}
	for _, s := range g.rank.spreads {
		s.begin()
	}
	for _, a := range b.agents {
		if a != nil {
			if n := a.count(&g.kind.Key); n > 0 {
				g.rank.found(a.info.Attributes, n)
			}
		}
	}
	for i := range among {
		g.rank.sees(among[i].agent.info.Attributes)
	}
}

// fillBest finds places for at most want tasks of d's group i, one after the other
// where it is best, and returns how many it found.
func (b *Book) fillBest(d *demand, i, want int) int {
	g := &d.groups[i]
	t := tallyOf(b.agents, g)
	s := b.scout(g)
	// A look at an agent's devices takes more than a score that is known, and a task
	// goes to the first that it fits on of those with the best score: only they are
	// looked at, by takeBest. An even spread is over all agents that it fits on.
	among := b.rate(g, t, s, len(g.rank.spreads) > 0)
	b.tallySpread(g, among)
	got := b.takeBest(among, g, i, want, t)
	if got < want {
		b.foundNone(s, g)
	}
	return got
}

// takeBest puts up to want tasks of a group on the agents that were rated.
func (b *Book) takeBest(among ratings, g *group, i, want int, t tally) int {
	for k := range among {
		b.score(g, &among[k])
	}
	heap.Init(&among)
	got := 0
	placed := map[*agent]int{} // in this search, where there is a bound: no stake counts them yet
	for got < want && len(among) > 0 {
		a := among[0].agent
		before := len(b.scratch.places)
		if g.caps != nil && g.caps.perAgent > 0 && a.count(&g.kind.Key)+placed[a] >= g.caps.perAgent {
			heap.Pop(&among)
			continue
		}
		if n, _ := g.check(a, 1, t, &b.win); n > 0 {
			b.put(place{agent: a, group: i, count: 1}, g, t)
		}
		if len(b.scratch.places) == before {
			heap.Pop(&among)
			continue
		}
		got++
		if g.caps != nil {
			placed[a]++
		}
		if len(g.rank.spreads) > 0 { // one more here changes the score of others
			g.rank.count(a.info.Attributes, 1)
			for k := range among {
				b.score(g, &among[k])
			}
			heap.Init(&among)
			continue
		}
		b.score(g, &among[0])
		heap.Fix(&among, 0)
	}
	b.joinPlaces(i)
	return got
}

// joinPlaces joins places of group i on the same agent that follow one another.
func (b *Book) joinPlaces(i int) {
	out := b.scratch.places[:0]
	for _, p := range b.scratch.places {
		if n := len(out); n > 0 && out[n-1].agent == p.agent && out[n-1].group == i && p.group == i {
			out[n-1].count += p.count
			out[n-1].grants = append(out[n-1].grants, p.grants...)
			continue
		}
		out = append(out, p)
	}
	b.scratch.places = out
}

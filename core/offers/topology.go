package offers

import (
	"slices"
	"strings"
)

// A gang runs best close together: on one agent, else below one switch or in one
// rack, else anywhere. Agents tell where they are by attributes.

// levelsAbove are the attributes that levels are looked for in, lowest first, for
// a gang that names none.
var levelsAbove = []string{"meta.switch", "meta.rack"}

// levelsOf returns the attributes of the levels that a gang is to stay inside if
// it can be had, lowest first.
func (b *Book) levelsOf(topology string) []string {
	switch topology {
	case "":
		var out []string
		for _, l := range levelsAbove {
			if b.levels[l] > 0 {
				out = append(out, l)
			}
		}
		return out
	case "node", "island":
		return nil
	}
	name := bare(topology)
	if strings.HasPrefix(name, "meta.") || strings.HasPrefix(name, "attr.") || strings.HasPrefix(name, "node.") {
		return []string{name}
	}
	return []string{"meta." + name, "attr." + name}
}

// countLevels keeps how many agents tell of each level.
func (b *Book) countLevels(attrs map[string]string, n int) {
	for _, l := range levelsAbove {
		if _, ok := attrs[l]; ok {
			b.levels[l] += n
		}
	}
}

// mayBeClose reports whether it makes a difference where a gang's tasks go.
func (b *Book) mayBeClose(d *demand, g *group, want int) bool {
	i := slices.IndexFunc(d.groups, func(x group) bool { return x.kind == g.kind })
	if want < 2 || i < 0 {
		return false
	}
	need := g.kind.shape.Times(int64(want))
	if !g.room.exclusive && g.caps == nil && b.index.any(&need, 0) {
		return true
	}
	return len(b.levelsOf(d.Groups[i].Topology)) > 0
}

// gatherBest is gather where agents are chosen: the closest together, and by score
// if the group has one.
func (b *Book) gatherBest(d *demand, i, want int) bool {
	g := &d.groups[i]
	t := tallyOf(b.agents, g)
	s := b.scout(g)
	among := slices.Clone(b.rate(g, t, s, true))
	if g.rank != nil {
		b.tallySpread(g, among)
	}
	mark := len(b.scratch.places)
	try := func(near ratings) bool {
		take := b.takeFirst
		if g.rank != nil {
			take = b.takeBest
		}
		got := take(near, g, i, want, t)
		if got >= want {
			return true
		}
		for _, p := range b.scratch.places[mark:] {
			b.release(p, g)
			t.add(g, p.agent, -p.count)
		}
		b.scratch.places = b.scratch.places[:mark]
		return false
	}
	if near := b.oneAgent(among, g, want, t); near != nil && try(near) {
		return true
	}
	for _, level := range b.levelsOf(d.Groups[i].Topology) {
		if near := b.oneDomain(among, level, g, want, t); near != nil && try(near) {
			return true
		}
	}
	if try(among) {
		return true
	}
	if mark == 0 && b.sight == near && !b.win.barred && len(among) == 0 && g.caps == nil {
		b.hopeless.add(g.room, b.gains)
	}
	return false
}

// oneAgent returns the first agent with room for all.
func (b *Book) oneAgent(among ratings, g *group, want int, t tally) ratings {
	for i := range among {
		if n, _ := g.check(among[i].agent, want, t, &b.win); n >= want {
			return among[i : i+1 : i+1]
		}
	}
	return nil
}

// oneDomain returns the agents with the same value of an attribute that have room
// for all, of those the ones with least to spare.
func (b *Book) oneDomain(among ratings, level string, g *group, want int, t tally) ratings {
	room := map[string]int{}
	var values []string
	for i := range among {
		a := among[i].agent
		v, ok := a.info.Attributes[level]
		if !ok {
			continue
		}
		if _, seen := room[v]; !seen {
			values = append(values, v)
		}
		n, _ := g.check(a, want, t, &b.win)
		room[v] += n
	}
	best := ""
	for _, v := range values {
		if room[v] >= want && (best == "" || room[v] < room[best]) {
			best = v
		}
	}
	if best == "" {
		return nil
	}
	var out ratings
	for i := range among {
		if v, ok := among[i].agent.info.Attributes[level]; ok && v == best {
			out = append(out, rated{agent: among[i].agent})
		}
	}
	return out
}

// takeFirst puts up to want tasks of a group on agents in the order given.
func (b *Book) takeFirst(among ratings, g *group, i, want int, t tally) int {
	got := 0
	for k := range among {
		if got == want {
			break
		}
		before := len(b.scratch.places)
		if n, _ := g.check(among[k].agent, want-got, t, &b.win); n > 0 {
			b.put(place{agent: among[k].agent, group: i, count: n}, g, t)
		}
		if len(b.scratch.places) > before {
			got += b.scratch.places[before].count
		}
	}
	return got
}

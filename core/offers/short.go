package offers

import (
	"fmt"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// dimension is one component of Resources, as job files call it.
type dimension struct {
	name   string
	of     func(*model.Resources) *int64
	format func(int64) string
}

var dimensions = []dimension{
	{"cpus", func(r *model.Resources) *int64 { return &r.CPUMilli }, model.FormatCPU},
	{"memory", func(r *model.Resources) *int64 { return &r.MemoryBytes }, exactBytes},
	{"disk", func(r *model.Resources) *int64 { return &r.DiskBytes }, exactBytes},
	{"gpus", func(r *model.Resources) *int64 { return &r.GPUMilli }, model.FormatCPU},
}

// exactBytes prints a size so that it reads back as the same: what is advised
// must fit.
func exactBytes(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		switch {
		case n >= u.bytes && n%u.bytes == 0:
			return fmt.Sprintf("%d%s", n/u.bytes, u.name)
		case n >= u.bytes && n%(u.bytes/2) == 0:
			return fmt.Sprintf("%d.5%s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}

// shortage compares what a group asks with what each of some agents has of it.
// It returns the dimensions in which no agent has enough, each with the agent
// that has most; and the agent that lacks least altogether.
func shortage(need *model.Resources, agents []*agent, has func(*agent) model.Resources) (short []lack, nearest *agent) {
	type best struct {
		have int64
		who  *agent
	}
	bests := make([]best, len(dimensions))
	least := 0.0
	for _, a := range agents {
		have := has(a)
		lacks := 0.0
		for i, dim := range dimensions {
			want, got := *dim.of(need), *dim.of(&have)
			if bests[i].who == nil || got > bests[i].have {
				bests[i] = best{got, a}
			}
			if want > 0 && got < want {
				lacks += float64(want-got) / float64(want)
			}
		}
		if nearest == nil || lacks < least {
			nearest, least = a, lacks
		}
	}
	for i, dim := range dimensions {
		if want := *dim.of(need); want > 0 && bests[i].have < want {
			short = append(short, lack{dim, want, max(bests[i].have, 0), bests[i].who})
		}
	}
	return short, nearest
}

// lack is a dimension in which no agent has what is asked.
type lack struct {
	dimension
	want, most int64
	who        *agent // has most
}

func (q *inquiry) whyTooBig(g *group, r *rejects) model.WhyReason {
	w := model.WhyReason{Reason: model.WaitTooBig, Tier: model.TierNever}
	capacity := func(a *agent) model.Resources { return a.info.Capacity }
	short, nearest := shortage(&g.kind.shape, r.agents, capacity)
	var text, advice []string
	for _, s := range short {
		if s.most == 0 {
			text = append(text, fmt.Sprintf("%s=%s, of which no agent has any", s.name, s.format(s.want)))
			advice = append(advice, "no "+s.name)
			continue
		}
		text = append(text, fmt.Sprintf("%s=%s, where the largest agent (%s) has %s", s.name, s.format(s.want), s.who.info.Name, s.format(s.most)))
		advice = append(advice, "at most "+s.name+"="+s.format(s.most))
	}
	if len(short) == 0 {
		w.Text = fmt.Sprintf("asks for %s, and no one agent has all of it; nearest is %s with %s", g.kind.shape, nearest.info.Name, nearest.info.Capacity)
		w.Clears = "ask for less of one of them, or add larger agents"
		return w
	}
	w.Text = "asks for " + strings.Join(text, " and ")
	w.Clears = "ask for " + strings.Join(advice, " and ") + ", or add larger agents"
	return w
}

func (q *inquiry) whyBusy(i int, r *rejects) model.WhyReason {
	g := &q.groups[i]
	w := model.WhyReason{Reason: model.WaitBusy, Tier: model.TierWaiting, Clears: frees(r.agents)}
	if placed := q.now.placed[i] + max(q.d.Groups[i].Count, 0) - q.wants[i]; placed > 0 {
		w.Text = "no room for more beside " + plural(placed, "task that fits", "the %d tasks that fit")
		return w
	}
	short, nearest := shortage(&g.kind.shape, r.agents, (*agent).free)
	if len(short) == 0 {
		w.Text = fmt.Sprintf("asks for %s, and that is nowhere free together; nearest is %s with %s free", g.kind.shape, nearest.info.Name, nearest.free())
		return w
	}
	var text []string
	for _, s := range short {
		if s.most == 0 {
			text = append(text, fmt.Sprintf("%s=%s, of which nothing is free", s.name, s.format(s.want)))
			continue
		}
		text = append(text, fmt.Sprintf("%s=%s, where at most %s is free (%s)", s.name, s.format(s.want), s.format(s.most), s.who.info.Name))
	}
	w.Text = "asks for " + strings.Join(text, " and ")
	return w
}

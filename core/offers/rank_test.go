package offers

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

var largest = model.Resources{CPUMilli: 64000, MemoryBytes: 256 << 30, GPUMilli: 8000}

func candidateOf(pos int, cpu int64, th *things, rack string) *candidate {
	return &candidate{
		pos: pos, things: th, stamp: 1, attributes: map[string]string{"meta.rack": rack},
		free: model.Resources{CPUMilli: cpu, MemoryBytes: 64 << 30, GPUMilli: th.gpus.FreeMilli()},
	}
}

func wantOf(cpu int64, reqs ...model.GPURequest) (*model.Shape, wanted) {
	s := &model.Shape{Resources: model.Resources{CPUMilli: cpu}, GPUs: reqs}
	for i := range reqs {
		s.GPUMilli += reqs[i].Milli()
	}
	w := gpu.NewWant(reqs)
	return s, wanted{need: fmt.Sprint(cpu, s.GPUMilli), shape: s.Resources, gpus: &w}
}

// bestFirst returns the candidates' positions, best first.
func bestFirst(r *ranker, cs ...*candidate) string {
	var out []int
	left := append([]*candidate(nil), cs...)
	for len(left) > 0 {
		best := 0
		for i := range left {
			if r.score(left[i]) > r.score(left[best]) {
				best = i
			}
		}
		out = append(out, left[best].pos)
		left = append(left[:best:best], left[best+1:]...)
	}
	return fmt.Sprint(out)
}

func TestPackAndSpread(t *testing.T) {
	cs := []*candidate{candidateOf(0, 8000, thingsOf(0), ""), candidateOf(1, 2000, thingsOf(0), ""), candidateOf(2, 32000, thingsOf(0), "")}
	s, w := wantOf(1000)
	for p, want := range map[model.Placement]string{"": "[1 0 2]", model.PlacePack: "[1 0 2]", model.PlaceSpread: "[2 0 1]", model.PlaceFGD: "[1 0 2]"} {
		r, _ := newRanker(newPlacer(p, s, &largest, newFGDPlacer(&gpu.Mix{}, &largest)), w, &model.DemandGroup{})
		if got := bestFirst(r, cs...); got != want {
			t.Errorf("%q: order %s, want %s", p, got, want)
		}
	}
}

func TestFGDKeepsGPUsOfUse(t *testing.T) {
	var mix gpu.Mix
	whole, _ := wantOf(8000, model.GPURequest{Count: 1})
	for range 20 {
		mix.See(whole, 1)
	}
	broken := thingsOf(2)
	broken.take(&model.Grant{GPUs: []model.GPUShare{{UUID: "g0", Milli: 500}}})
	// 0 has whole devices only, 1 one that is broken, 2 CPUs for one task of the mix only.
	cs := []*candidate{candidateOf(0, 64000, thingsOf(2), ""), candidateOf(1, 64000, broken, ""), candidateOf(2, 10000, thingsOf(1), "")}
	fgd := newFGDPlacer(&mix, &largest)
	for _, c := range []struct {
		about string
		cpu   int64
		req   []model.GPURequest
		want  string
	}{
		{"a share goes to the broken device", 1000, []model.GPURequest{{ShareMilli: 400}}, "[1 2 0]"},
		{"CPUs are taken where they are not needed for devices", 4000, nil, "[1 0 2]"},
	} {
		s, w := wantOf(c.cpu, c.req...)
		r, _ := newRanker(newPlacer(model.PlaceFGD, s, &largest, fgd), w, &model.DemandGroup{})
		for range 2 { // computed, then remembered
			if got := bestFirst(r, cs...); got != c.want {
				t.Errorf("%s: order %s, want %s", c.about, got, c.want)
			}
		}
	}
	cs[1].things.take(&model.Grant{GPUs: []model.GPUShare{{UUID: "g0", Milli: 500}}})
	cs[1].stamp++
	s, w := wantOf(1000, model.GPURequest{ShareMilli: 400})
	r, _ := newRanker(newPlacer("", s, &largest, fgd), w, &model.DemandGroup{})
	if got := bestFirst(r, cs...); got == "[1 2 0]" {
		t.Error("a score is remembered though the agent has changed")
	}
}

func TestAffinities(t *testing.T) {
	g := &model.DemandGroup{Affinities: []model.Affinity{
		{Constraint: model.Constraint{Attribute: "${meta.rack}", Operator: "=", Value: "r2"}, Weight: 50},
		{Constraint: model.Constraint{Attribute: "${meta.rack}", Operator: "=", Value: "r1"}, Weight: -100},
	}}
	cs := []*candidate{candidateOf(0, 1000, thingsOf(0), "r1"), candidateOf(1, 8000, thingsOf(0), "r2"), candidateOf(2, 4000, thingsOf(0), "r3")}
	_, w := wantOf(1000)
	r, fault := newRanker(packPlacer{&largest}, w, g)
	if got := bestFirst(r, cs...); got != "[1 2 0]" || fault != "" {
		t.Errorf("order %s %s, want the one with the affinity first, the one against it last", got, fault)
	}
	g.Affinities[0].Operator = "~~"
	if _, fault = newRanker(packPlacer{&largest}, w, g); fault == "" {
		t.Error("an affinity nobody understands is no fault")
	}
}

// placeOn puts n tasks one by one on the best of cs and returns how many each got.
func placeOn(r *ranker, n int, cs ...*candidate) map[string]int {
	out := map[string]int{}
	for _, c := range cs {
		r.sees(c.attributes)
	}
	for range n {
		best := cs[0]
		for _, c := range cs[1:] {
			if r.score(c) > r.score(best) {
				best = c
			}
		}
		r.count(best.attributes, 1)
		out[best.attributes["meta.rack"]]++
	}
	return out
}

func TestSpreads(t *testing.T) {
	var cs []*candidate
	for i := range 6 {
		cs = append(cs, candidateOf(i, 64000-1000*int64(i), thingsOf(0), fmt.Sprint("r", i%3)))
	}
	_, w := wantOf(10)
	for _, c := range []struct {
		targets []model.SpreadTarget
		n       int
		want    string
	}{
		{nil, 9, "map[r0:3 r1:3 r2:3]"},
		{nil, 2, "map[r1:1 r2:1]"}, // pack decides between untouched racks
		{[]model.SpreadTarget{{Value: "r0", Percent: 50}, {Value: "r1", Percent: 30}, {Value: "r2", Percent: 20}}, 10, "map[r0:5 r1:3 r2:2]"},
		{[]model.SpreadTarget{{Value: "r0", Percent: 70}}, 10, "map[r0:7 r2:3]"},
	} {
		g := &model.DemandGroup{Count: c.n, Spreads: []model.Spread{{Attribute: "${meta.rack}", Weight: 100, Targets: c.targets}}}
		r, _ := newRanker(packPlacer{&largest}, w, g)
		got := placeOn(r, c.n, cs...)
		if len(c.targets) == 1 { // the rest may be anywhere
			got = map[string]int{"r0": got["r0"], "r2": got["r1"] + got["r2"]}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v: %v, want %s", c.targets, got, c.want)
		}
	}
}

// TestKeptScores holds that a score that was kept is what would be reckoned now,
// whatever happens to agents, the mix and the largest amounts in between.
func TestKeptScores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var mix gpu.Mix
		most := largest
		fgd := newFGDPlacer(&mix, &most)
		var cs []*candidate
		for pos := range 4 {
			cs = append(cs, candidateOf(pos, 8000, thingsOf(2), ""))
		}
		var needs []*wanted
		for _, r := range []model.GPURequest{{ShareMilli: 400}, {ShareMilli: 700}, {Count: 1}} {
			_, w := wantOf(1000, r)
			needs = append(needs, &w)
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			c := rapid.SampledFrom(cs).Draw(t, "agent")
			w := rapid.SampledFrom(needs).Draw(t, "need")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				c.things.take(&model.Grant{GPUs: []model.GPUShare{{UUID: "g0", Milli: 100}}})
				c.free.GPUMilli = c.things.gpus.FreeMilli()
				c.stamp++
			case 1:
				c.free.CPUMilli -= 1000
				c.stamp++
			case 2:
				s := model.Shape{Resources: model.Resources{CPUMilli: 1000 * rapid.Int64Range(1, 8).Draw(t, "cpus")}, GPUs: []model.GPURequest{{Count: 1}}}
				mix.See(&s, 1)
			case 3:
				most.CPUMilli += 1000
			case 4: // as when the last demand with the need has gone, and another comes
				*w = wanted{need: w.need, shape: w.shape, gpus: w.gpus}
			}
			for _, c := range cs {
				if got, want := fgd.score(c, w), fgd.reckon(c, w); got != want {
					t.Fatalf("agent %d has a score of %v for %s, %v if reckoned", c.pos, got, w.need, want)
				}
			}
		}
		if len(fgd.needs) > len(needs) {
			t.Fatalf("scores are kept for %d needs, there are %d", len(fgd.needs), len(needs))
		}
	})
}

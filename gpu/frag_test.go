package gpu

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

func shapeOf(cpu int64, reqs ...model.GPURequest) *model.Shape {
	s := &model.Shape{Resources: model.Resources{CPUMilli: cpu}, GPUs: reqs}
	for i := range reqs {
		s.GPUMilli += reqs[i].Milli()
	}
	return s
}

func mixOf(shapes ...*model.Shape) *Mix {
	m := &Mix{}
	for range 4 {
		for _, s := range shapes {
			m.See(s, 1)
		}
	}
	return m
}

func TestLost(t *testing.T) {
	whole := shapeOf(4000, model.GPURequest{Count: 1})
	half := shapeOf(1000, model.GPURequest{ShareMilli: 500})
	pair := shapeOf(4000, model.GPURequest{Count: 2})
	a100 := shapeOf(1000, model.GPURequest{Count: 1, Model: "A100"})
	eight := node(4, h100)
	for _, c := range []struct {
		about string
		mix   *Mix
		cpu   int64
		s     *State
		want  float64
	}{
		{"nothing known, nothing lost", &Mix{}, 64000, used(eight), 0},
		{"all of use", mixOf(whole), 64000, used(eight), 0},
		{"broken devices are of no use to whole ones", mixOf(whole), 64000, used(eight, 500, 100), 1400},
		{"the next task's half, and what is left beside whole halves", mixOf(half), 64000, used(eight, 300, 1000, 1000, 1000), (0 + 200) / 2.0},
		{"too few CPUs for the next task", mixOf(whole), 3999, used(eight), (4000 + 4000 - 3999/4.0) / 2},
		{"CPUs for two tasks only", mixOf(whole), 8000, used(eight), (0 + 2000) / 2.0},
		{"one device for those who want two", mixOf(pair), 64000, used(eight, 1000, 1000, 1000), 1000},
		{"another model", mixOf(a100), 64000, used(eight), 4000},
		{"the mean over the mix", mixOf(whole, a100), 64000, used(eight), 2000},
		{"nothing free", mixOf(whole), 0, used(eight, 1000, 1000, 1000, 1000), 0},
	} {
		if got := c.mix.Lost(model.Resources{CPUMilli: c.cpu}, c.s); math.Abs(got-c.want) > 0.5 {
			t.Errorf("%s: lost %.1f, want %.1f", c.about, got, c.want)
		}
	}
}

// TestPlaceIsTheLeastGrowth compares with taking each possible device and
// looking what is lost then.
func TestPlaceIsTheLeastGrowth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		m := &Mix{}
		for range rapid.IntRange(0, 5).Draw(t, "seen") {
			if reqs := drawRequests(t); rapid.Bool().Draw(t, "count") {
				m.See(shapeOf(int64(rapid.IntRange(0, 8).Draw(t, "cpu"))*1000, reqs...), rapid.IntRange(1, 300).Draw(t, "n"))
			}
		}
		free := model.Resources{CPUMilli: int64(rapid.IntRange(0, 16).Draw(t, "free")) * 1000}
		need := model.Resources{CPUMilli: free.CPUMilli / 2}
		reqs := drawRequests(t)
		w := NewWant(reqs)
		before := m.Lost(free, s)
		if total := float64(s.FreeMilli()); before < 0 || before > total+epsilon {
			t.Fatalf("%f of %f lost", before, total)
		}
		shares, growth, ok := m.Place(free, s, &w, &need)
		if _, could := w.Pick(s); could != ok {
			t.Fatalf("Place says %v, Pick %v", ok, could)
		}
		if !ok {
			return
		}
		after := s.Clone()
		if !after.Take(shares) {
			t.Fatalf("Place gives what is not there: %v", shares)
		}
		left := free.Sub(need)
		if got := m.Lost(left, &after) - before; math.Abs(got-growth) > 1e-3 {
			t.Fatalf("Place says %f more are lost, in truth %f", growth, got)
		}
		if len(reqs) != 1 || reqs[0].Count > 1 || reqs[0].ShareMilli == 0 {
			return
		}
		for at := range s.dev.Len() {
			milli, ok := may(s, at, &reqs[0])
			if !ok {
				continue
			}
			other := s.Clone()
			other.Take([]model.GPUShare{{UUID: s.dev.At(at).UUID, Milli: milli}})
			if g := m.Lost(left, &other) - before; g < growth-1e-3 {
				t.Fatalf("device %d would lose %f, Place's %f", at, g, growth)
			}
		}
	})
}

func TestMixFollowsDemands(t *testing.T) {
	whole, half := shapeOf(1000, model.GPURequest{Count: 1}), shapeOf(1000, model.GPURequest{ShareMilli: 500})
	m := mixOf(whole)
	m.See(shapeOf(1000), 100)
	if len(m.classes) != 1 || m.classes[0].popularity != 1 {
		t.Fatalf("tasks without GPUs are in the mix: %+v", m.classes)
	}
	changes, last := 0, m.Version()
	for range 3 * halfLife {
		m.See(half, 1)
		if v := m.Version(); v != last {
			changes, last = changes+1, v
		}
	}
	if p := m.classes[0].popularity; m.classes[0].ask.milli != 500 || p < 0.99 {
		t.Errorf("after many halves their part is %f", p)
	}
	if changes > 200 {
		t.Errorf("%d changes of the mix for %d tasks", changes, 3*halfLife)
	}
	m.See(whole, 1_000_000) // one demand does not change everything
	if p := m.classes[0].popularity; m.classes[0].ask.milli != 500 || p < 0.9 {
		t.Errorf("one large demand leaves halves %f", p)
	}
}

func TestMixIsBounded(t *testing.T) {
	m := &Mix{}
	for i := range 5 * maxKept {
		m.See(shapeOf(int64(i), model.GPURequest{Count: 1}), 1)
	}
	if len(m.classes) != maxClasses || len(m.seen) > 2*maxKept {
		t.Errorf("%d classes, %d kept", len(m.classes), len(m.seen))
	}
}

func BenchmarkPlace(b *testing.B) {
	m := &Mix{}
	for i := range 64 {
		m.See(shapeOf(int64(i%16)*1000, model.GPURequest{ShareMilli: 10 + i*15}), 1)
	}
	s := used(node(8, h100), 100, 200, 300, 400, 500)
	w := NewWant([]model.GPURequest{{ShareMilli: 300}})
	b.ReportAllocs()
	for b.Loop() {
		m.Place(model.Resources{CPUMilli: 32000}, s, &w, &model.Resources{CPUMilli: 1000})
	}
}

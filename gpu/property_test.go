package gpu

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
	"pgregory.net/rapid"
)

func drawDevices(t *rapid.T) *Devices {
	return node(rapid.IntRange(0, 5).Draw(t, "devices"), func(i int) model.GPU {
		g := model.GPU{
			Model:       rapid.SampledFrom([]string{"A100", "H100", "H100 NVL"}).Draw(t, "model"),
			MemoryBytes: int64(rapid.IntRange(1, 2).Draw(t, "memory")) * 40 * gib,
			Milli:       1000,
			NUMA:        rapid.IntRange(0, 1).Draw(t, "numa"),
			Island:      rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "island"),
		}
		if rapid.IntRange(0, 4).Draw(t, "mig") == 0 {
			g.MIG, g.Milli = "1g.10gb", 142
		}
		if rapid.IntRange(0, 6).Draw(t, "sick") == 0 {
			g.Unhealthy = "XID 79"
		}
		return g
	})
}

func drawState(t *rapid.T) *State {
	d := drawDevices(t)
	s := NewState(d)
	for i := range d.Len() {
		if n := rapid.SampledFrom([]int64{0, 0, 142, 300, 500, 1000}).Draw(t, "used"); n > 0 {
			s.Take([]model.GPUShare{{UUID: d.At(i).UUID, Milli: n}})
		}
	}
	return &s
}

func drawRequests(t *rapid.T) []model.GPURequest {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) model.GPURequest {
		r := model.GPURequest{Count: rapid.IntRange(0, 3).Draw(t, "count")}
		switch rapid.IntRange(0, 4).Draw(t, "sort") {
		case 0:
			r.MIG = "1g.10gb"
		case 1, 2:
			r.ShareMilli = rapid.SampledFrom([]int{200, 500, 700}).Draw(t, "share")
		}
		r.Model = rapid.SampledFrom([]string{"", "", "a100", "h100", "NVL", "T4"}).Draw(t, "model")
		r.MemoryMinBytes = int64(rapid.SampledFrom([]int{0, 0, 60, 99}).Draw(t, "memory")) * gib
		return r
	}), 1, 3).Draw(t, "requests")
}

// may is the oracle's idea of whether device at of s could serve one of r's.
func may(s *State, at int, r *model.GPURequest) (milli int64, ok bool) {
	g := s.dev.At(at)
	milli = g.Milli
	if r.ShareMilli > 0 {
		milli = int64(r.ShareMilli)
	}
	ok = g.Unhealthy == "" && int64(s.free[at]) >= milli && g.MIG == r.MIG && g.MemoryBytes >= r.MemoryMinBytes &&
		strings.Contains(strings.ToLower(g.Model), strings.ToLower(r.Model))
	return milli, ok
}

// possible tries every assignment of units (requests, each as often as it asks)
// to devices that are not used yet.
func possible(s *State, units []model.GPURequest, used []bool) bool {
	if len(units) == 0 {
		return true
	}
	for at := range used {
		if _, ok := may(s, at, &units[0]); !ok || used[at] {
			continue
		}
		used[at] = true
		ok := possible(s, units[1:], used)
		used[at] = false
		if ok {
			return true
		}
	}
	return false
}

func units(reqs []model.GPURequest) []model.GPURequest {
	var out []model.GPURequest
	for _, r := range reqs {
		for range max(r.Count, 1) {
			out = append(out, r)
		}
	}
	return out
}

func TestPickFindsWhatThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, reqs := drawState(t), drawRequests(t)
		before := slices.Clone(s.free)
		us := units(reqs)
		want := possible(s, us, make([]bool, s.dev.Len()))
		got, ok := pick(s, reqs)
		if ok != want {
			t.Fatalf("Pick found %v, %v; the oracle says %v", got, ok, want)
		}
		if !slices.Equal(s.free, before) {
			t.Fatalf("Pick changed the state")
		}
		w := NewWant(reqs)
		if v := w.Why(s); (v.Cause == Nothing) != ok {
			t.Fatalf("Pick says %v, Why says %+v", ok, v)
		} else if v.Cause.Static() {
			empty := NewState(s.dev)
			if _, fits := w.Pick(&empty); fits {
				t.Fatalf("Why says %+v, which is for ever, but on the empty agent it fits", v)
			}
		}
		if !ok {
			return
		}
		if len(got) != len(us) {
			t.Fatalf("%d shares for %d devices", len(got), len(us))
		}
		seen := map[string]bool{}
		for i, share := range got {
			milli, ok := may(s, s.dev.byUUID[share.UUID], &us[i])
			if !ok || share.Milli != milli || seen[share.UUID] {
				t.Fatalf("share %d of %v does not serve %+v", i, got, us[i])
			}
			seen[share.UUID] = true
		}
	})
}

func TestFitsIsHowOftenPickSucceeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, reqs := drawState(t), drawRequests(t)
		limit := rapid.IntRange(0, 12).Draw(t, "limit")
		got := fits(s, reqs, limit)
		c := s.Clone()
		var taken [][]model.GPUShare
		for len(taken) < limit {
			shares, ok := pick(&c, reqs)
			if !ok {
				break
			}
			if !c.Take(shares) {
				t.Fatalf("Take refuses what Pick gave: %v", shares)
			}
			taken = append(taken, shares)
		}
		if got != len(taken) {
			t.Fatalf("Fits says %d, Pick succeeds %d times", got, len(taken))
		}
		for _, shares := range taken {
			c.Release(shares)
		}
		if !slices.Equal(c.free, s.free) {
			t.Fatalf("after giving all back %v is free, at first it was %v", c.free, s.free)
		}
	})
}

// TestWholeDevicesSpanFewIslands: no choice of that many of one kind's devices
// has fewer islands than Pick's.
func TestWholeDevicesSpanFewIslands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := node(rapid.IntRange(1, 7).Draw(t, "devices"), func(i int) model.GPU {
			return model.GPU{Milli: 1000, Island: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "island"), NUMA: i / 2}
		})
		s := NewState(d)
		for i := range d.Len() {
			if rapid.Bool().Draw(t, "used") {
				s.Take([]model.GPUShare{{UUID: d.At(i).UUID, Milli: 500}})
			}
		}
		count := rapid.IntRange(1, 5).Draw(t, "count")
		got, ok := pick(&s, []model.GPURequest{{Count: count}})
		if !ok {
			return
		}
		islands := func(at []int) int {
			set := map[int]bool{}
			for _, i := range at {
				set[d.island[i]] = true
			}
			return len(set)
		}
		var mine []int
		for _, share := range got {
			mine = append(mine, d.byUUID[share.UUID])
		}
		fewest := 99
		for mask := range 1 << d.Len() {
			var at []int
			for i := range d.Len() {
				if mask>>i&1 == 1 && s.free[i] == 1000 {
					at = append(at, i)
				}
			}
			if len(at) == count {
				fewest = min(fewest, islands(at))
			}
		}
		if islands(mine) != fewest {
			t.Fatalf("%s spans %d islands, %d would do", fmt.Sprint(mine), islands(mine), fewest)
		}
	})
}

package offers

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// launch is count tasks of a job's group, numbered on from first.
func launch(agent model.AgentID, group uint16, shape model.Shape, first, count uint32) model.Launch {
	l := model.Launch{Agent: agent, Job: "j", Group: group, Shape: shape}
	for n := range count {
		l.Tasks = append(l.Tasks, model.Attempt{Index: first + n})
	}
	return l
}

// TestAcceptChoosesParts: with several groups of one shape a launch takes from
// its own group's part, else from the smallest that is large enough.
func TestAcceptChoosesParts(t *testing.T) {
	for _, c := range []struct {
		name     string
		groups   []uint16 // of the launches
		counts   []uint32
		want     []int // group each is claimed for
		wantFail model.Reason
	}{
		{"its own", []uint16{0, 7}, []uint32{2, 2}, []int{0, 1}, ""},
		{"the smallest that holds it", []uint16{7, 7}, []uint32{2, 3}, []int{1, 0}, ""},
		{"the rest of each", []uint16{7, 7, 7}, []uint32{1, 3, 1}, []int{1, 0, 1}, ""},
		{"none is large enough", []uint16{7}, []uint32{4}, nil, model.ReasonBeyondOffer},
		{"its own is too small", []uint16{1, 7}, []uint32{3, 2}, []int{0, 1}, ""},
		{"both are used up", []uint16{0, 1, 7}, []uint32{3, 2, 1}, nil, model.ReasonBeyondOffer},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := cluster(1, sized(8, 8))
			shape := sized(1, 1)
			b.SetDemand(model.Demand{Framework: "batch", ID: "d", Groups: []model.DemandGroup{{Count: 3, Shape: shape}, {Count: 2, Shape: shape}}})
			o := b.Plan(epoch)[0]
			if len(o.Parts) != 2 {
				t.Fatalf("planned %+v", o)
			}
			a := model.Accept{Offer: o.ID}
			first := uint32(0)
			for i, g := range c.groups {
				a.Launches = append(a.Launches, launch("a00000", g, shape, first, c.counts[i]))
				first += c.counts[i]
			}
			done, r := b.Accept(epoch, "batch", a)
			if c.wantFail != "" {
				if r == nil || r.Reason != c.wantFail {
					t.Fatalf("accepted: %v, want %s", r, c.wantFail)
				}
				return
			}
			if r != nil {
				t.Fatal(r)
			}
			var got []int
			for _, x := range done.Claims {
				got = append(got, x.Group)
			}
			if !slices.Equal(got, c.want) || b.Audit() != nil {
				t.Errorf("claimed for %v, want %v; %v", got, c.want, b.Audit())
			}
		})
	}
}

// TestAcceptHoldsUnavailability: no allocator here makes such an offer yet; the
// check is ready for the one that will.
func TestAcceptHoldsUnavailability(t *testing.T) {
	for _, c := range []struct {
		limit time.Duration
		ok    bool
	}{{0, false}, {time.Hour, true}, {time.Hour + 1, false}, {time.Minute, true}} {
		b := cluster(1, sized(8, 8))
		b.SetDemand(wants("d", 1, sized(1, 1)))
		o := b.Plan(epoch)[0]
		b.offers.get(o.ID).UnavailableFrom = epoch.Add(2 * time.Hour)
		l := launch("a00000", 0, sized(1, 1), 0, 1)
		l.TimeLimit = model.Duration(c.limit)
		_, r := b.Accept(epoch.Add(time.Hour), "batch", model.Accept{Offer: o.ID, Launches: []model.Launch{l}})
		if (r == nil) != c.ok || r != nil && r.Reason != model.ReasonPastDeadline {
			t.Errorf("time limit %s: %v, want ok=%v", c.limit, r, c.ok)
		}
	}
}

// TestExpired lists what was made by a time, oldest first, and leaves it out.
func TestExpired(t *testing.T) {
	b := cluster(3, sized(1, 1))
	if !b.OldestOffer().IsZero() {
		t.Error("an offer in an empty book")
	}
	for i, id := range []string{"d0", "d1", "d2"} {
		b.SetDemand(wants(id, 1, sized(1, 1)))
		b.Plan(epoch.Add(time.Duration(i) * time.Second))
	}
	old := b.Expired(epoch.Add(time.Second))
	if len(old) != 2 || old[0].Demand != "d0" || old[1].Demand != "d1" || len(b.Offers()) != 3 {
		t.Errorf("expired: %+v", old)
	}
	b.Decline(old[0].ID)
	if got := b.OldestOffer(); !got.Equal(epoch.Add(time.Second)) {
		t.Errorf("oldest is of %s", got)
	}
}

// TestDemandGoesWithItsLastOffer: a demand whose count was lowered while offers
// were out goes when the last of them comes back.
func TestDemandGoesWithItsLastOffer(t *testing.T) {
	b := cluster(2, sized(1, 1))
	b.SetDemand(wants("d", 1, sized(1, 1)))
	first := b.Plan(epoch)[0]
	b.SetDemand(wants("d", 2, sized(1, 1)))
	second := b.Plan(epoch)[0]
	b.SetDemand(wants("d", 1, sized(1, 1)))
	mustAccept(t, b, acceptAll(b, &first, sized(1, 1), "j", 0))
	if d, ok := b.Demand("batch", "d"); !ok || d.Groups[0].Count != 0 {
		t.Fatalf("demand is %+v, %v, want it there until its offer is back", d, ok)
	}
	b.Decline(second.ID)
	if _, ok := b.Demand("batch", "d"); ok || b.Audit() != nil {
		t.Fatalf("demand stays; %v", b.Audit())
	}
}

// TestSameCallsSameOffers: nothing depends on the order of a map.
func TestSameCallsSameOffers(t *testing.T) {
	run := func() (out []model.Offer) {
		b := cluster(50, sized(8, 8))
		for i := range 200 {
			d := wants(string(rune('a'+i%26))+string(rune('a'+i/26)), 1+i%7, sized(float64(1+i%3), int64(1+i%2)))
			d.Rank, d.AllOrNothing = int64(i%5), i%4 == 0
			if i%6 == 0 {
				d.Groups[0].Constraints = []model.Constraint{{Attribute: "${meta.rack}", Operator: "=", Value: "r1"}}
			}
			b.SetDemand(d)
		}
		for range 5 {
			os := b.Plan(epoch)
			out = append(out, os...)
			for i := range os {
				if i%3 == 0 {
					b.Decline(os[i].ID)
				}
			}
		}
		return out
	}
	want := run()
	for range 5 {
		got := run()
		if !slices.EqualFunc(got, want, func(a, b model.Offer) bool {
			return a.ID == b.ID && a.Demand == b.Demand && reflect.DeepEqual(a.Parts, b.Parts)
		}) {
			t.Fatalf("planned %+v, then %+v", want, got)
		}
	}
}

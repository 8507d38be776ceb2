package offers

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// filterKey is who declined what.
type filterKey struct {
	framework model.FrameworkID
	role      string
	agent     model.AgentID
}

type filterNote struct {
	amount model.Resources // free when it was offered
	until  time.Time
	length time.Duration
}

// classicWorld drives a book with subscribers, and remembers what they declined.
type classicWorld struct {
	b       *Book
	now     time.Time
	filters map[filterKey]filterNote
	before  map[model.OfferID]model.Resources // free when it was made
	next    uint32
}

var (
	foreign = []model.FrameworkID{"f", "g", "h"}
	someRol = []string{"a", "a/x", "b"}
)

func (w *classicWorld) setAgent(t *rapid.T) {
	id := rapid.SampledFrom(agentIDs).Draw(t, "agent")
	n := rapid.Int64Range(0, 4)
	w.b.SetAgent(model.AgentInfo{ID: id, Name: string(id), Capacity: model.Resources{
		CPUMilli: 1000 * n.Draw(t, "cpu"), MemoryBytes: n.Draw(t, "memory") << 30, GPUMilli: 1000 * rapid.Int64Range(0, 1).Draw(t, "gpu"),
	}})
}

func (w *classicWorld) changeAgent(t *rapid.T) {
	id := rapid.SampledFrom(agentIDs).Draw(t, "agent")
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		w.b.SetAvailable(id, false)
	case 1:
		w.b.SetAvailable(id, true)
	case 2:
		w.b.RemoveAgent(id)
		if _, ok := w.b.Agent(id); !ok {
			maps.DeleteFunc(w.filters, func(k filterKey, _ filterNote) bool { return k.agent == id })
		}
	}
}

func (w *classicWorld) setRole(t *rapid.T) {
	c := model.RoleConfig{Role: rapid.SampledFrom(someRol).Draw(t, "role")}
	n := rapid.Int64Range(0, 6)
	if rapid.Bool().Draw(t, "guaranteed") {
		c.Guarantee = model.Resources{CPUMilli: 1000 * n.Draw(t, "cpu"), MemoryBytes: n.Draw(t, "memory") << 30}
	}
	if rapid.Bool().Draw(t, "limited") {
		cpu := 1000 * n.Draw(t, "limit")
		c.Limit.CPUMilli = &cpu
	}
	w.b.SetRole(c)
}

func (w *classicWorld) subscribe(t *rapid.T) {
	s := Subscription{
		Framework:  rapid.SampledFrom(foreign).Draw(t, "framework"),
		Roles:      rapid.SliceOfNDistinct(rapid.SampledFrom(someRol), 0, 2, rapid.ID[string]).Draw(t, "roles"),
		Suppressed: rapid.SliceOfNDistinct(rapid.SampledFrom(someRol), 0, 1, rapid.ID[string]).Draw(t, "suppressed"),
		GPUs:       rapid.Bool().Draw(t, "gpus"),
	}
	for _, x := range w.b.classic.frameworks[s.Framework] {
		if x.gpus != s.GPUs {
			w.lift(s.Framework, func(string) bool { return true })
		}
	}
	w.b.Subscribe(s)
	w.lift(s.Framework, func(role string) bool { return !slices.Contains(s.Roles, role) })
}

func (w *classicWorld) unsubscribe(t *rapid.T) {
	fw := rapid.SampledFrom(foreign).Draw(t, "framework")
	w.b.Unsubscribe(fw)
	w.lift(fw, func(string) bool { return true })
}

func (w *classicWorld) lift(fw model.FrameworkID, of func(role string) bool) {
	maps.DeleteFunc(w.filters, func(k filterKey, _ filterNote) bool { return k.framework == fw && of(k.role) })
}

func (w *classicWorld) revive(t *rapid.T) {
	fw, role := rapid.SampledFrom(foreign).Draw(t, "framework"), rapid.SampledFrom(someRol).Draw(t, "role")
	if rapid.Bool().Draw(t, "suppress") {
		w.b.Suppress(fw, []string{role})
		return
	}
	w.b.Revive(fw, []string{role})
	w.lift(fw, func(r string) bool { return r == role })
}

func (w *classicWorld) demand(t *rapid.T) {
	d := model.Demand{Framework: "batch", ID: rapid.SampledFrom(demandIDs).Draw(t, "demand"), Role: rapid.SampledFrom(someRol).Draw(t, "role")}
	d.Groups = []model.DemandGroup{{Count: rapid.IntRange(0, 3).Draw(t, "count"), Shape: cpus(1), Exclusive: rapid.IntRange(0, 4).Draw(t, "exclusive") == 0}}
	w.b.SetDemand(d)
}

// plan passes time, and holds every classic offer against what was declined.
func (w *classicWorld) plan(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "later")) * time.Millisecond)
	free := map[model.AgentID]model.Resources{}
	for _, a := range w.b.agents {
		if a == nil {
			continue
		}
		free[a.info.ID] = a.free()
		maps.DeleteFunc(w.filters, func(k filterKey, n filterNote) bool {
			return k.agent == a.info.ID && !a.free().Fits(n.amount)
		})
	}
	for _, o := range w.b.Plan(w.now) {
		for _, p := range o.Parts {
			if !o.Classic {
				free[p.Agent] = free[p.Agent].Sub(w.b.offers.get(o.ID).stakes[0].shape.Times(int64(p.Count)))
				continue
			}
			if n, ok := w.filters[filterKey{o.Framework, o.Role, p.Agent}]; ok && w.now.Before(n.until) {
				t.Fatalf("%+v was offered at %s in spite of the filter %+v", o, w.now, n)
			}
			w.before[o.ID] = free[p.Agent]
			free[p.Agent] = free[p.Agent].Sub(p.Room.Resources)
		}
	}
	w.nothingLeftOut(t)
	if again := w.b.Plan(w.now); len(again) != 0 {
		t.Fatalf("planned %+v without a change", again)
	}
}

// nothingLeftOut holds that after a pass no subscriber could be offered anything.
func (w *classicWorld) nothingLeftOut(t *rapid.T) {
	p := classicPass{due: !w.b.roles.Due().IsZero(), free: w.b.freeInAll()}
	for _, x := range w.b.classic.subscribers {
		if x == nil || x.suppressed {
			continue
		}
		most := w.b.allowance(&p, x)
		for _, a := range w.b.agents {
			if a == nil || !a.open() || !useful(least(a.free(), most)) {
				continue
			}
			n, ok := w.filters[filterKey{x.framework, x.role, a.info.ID}]
			if !ok || w.now.After(n.until.Add(n.length/32)) {
				t.Fatalf("%s in %s is not offered the %s on %s; allowed %s, filter %+v", x.framework, x.role, a.free(), a.info.ID, most, n)
			}
		}
	}
}

func (w *classicWorld) anOffer(t *rapid.T) (model.Offer, bool) {
	out := w.b.Offers()
	if len(out) == 0 {
		return model.Offer{}, false
	}
	return rapid.SampledFrom(out).Draw(t, "offer"), true
}

func (w *classicWorld) filter(o *model.Offer, amount model.Resources, length time.Duration) {
	x := w.b.offers.get(o.ID).classic.to
	if !x.gpus {
		amount.GPUMilli = everything.GPUMilli
	}
	w.filters[filterKey{o.Framework, o.Role, o.Parts[0].Agent}] = filterNote{amount, w.now.Add(length), length}
}

func (w *classicWorld) decline(t *rapid.T) {
	o, ok := w.anOffer(t)
	if !ok {
		return
	}
	length := rapid.SampledFrom([]time.Duration{0, time.Second, DefaultRefuse, MaxRefuse, 2 * MaxRefuse}).Draw(t, "for")
	if o.Classic && length > 0 {
		w.filter(&o, w.before[o.ID], min(length, MaxRefuse))
	}
	w.b.DeclineFor(w.now, o.ID, length)
}

func (w *classicWorld) accept(t *rapid.T) {
	o, ok := w.anOffer(t)
	if !ok || !o.Classic {
		return
	}
	acc := model.Accept{Offer: o.ID}
	left := o.Parts[0].Room.Resources
	fits := true
	for range rapid.IntRange(1, 2).Draw(t, "launches") {
		l := model.Launch{Agent: o.Parts[0].Agent, Job: "job", Shape: sized(float64(rapid.IntRange(0, 2).Draw(t, "cpu")), int64(rapid.IntRange(0, 2).Draw(t, "memory")))}
		for range rapid.IntRange(1, 2).Draw(t, "tasks") {
			l.Tasks = append(l.Tasks, model.Attempt{Index: w.next})
			w.next++
			left = left.Sub(l.Shape.Resources)
		}
		acc.Launches = append(acc.Launches, l)
		fits = fits && (model.Resources{}).Fits(left)
	}
	if !fits {
		w.filter(&o, w.before[o.ID], DefaultRefuse)
	} else if useful(left) {
		w.filter(&o, w.before[o.ID].Sub(o.Parts[0].Room.Sub(left)), DefaultRefuse)
	}
	if _, r := w.b.Accept(w.now, o.Framework, acc); (r == nil) != fits {
		t.Fatalf("accepted %+v of %+v: %v, fits %v", acc, o, r, fits)
	}
}

func (w *classicWorld) release(t *rapid.T) {
	if w.next > 0 {
		w.b.Release(model.TaskID{Job: "job", Index: uint32(rapid.IntRange(0, int(w.next)-1).Draw(t, "task"))})
	}
}

// TestClassicOffers holds: never more promised than there is (Audit), nothing
// declined is offered before its time, and all that may be offered is.
func TestClassicOffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &classicWorld{b: NewBook(), now: epoch, filters: map[filterKey]filterNote{}, before: map[model.OfferID]model.Resources{}}
		t.Repeat(map[string]func(*rapid.T){
			"setAgent": w.setAgent, "changeAgent": w.changeAgent, "setRole": w.setRole, "subscribe": w.subscribe, "subscribe2": w.subscribe,
			"unsubscribe": w.unsubscribe, "revive": w.revive, "demand": w.demand, "plan": w.plan, "plan2": w.plan, "plan3": w.plan,
			"decline": w.decline, "decline2": w.decline, "accept": w.accept, "release": w.release,
			"": func(t *rapid.T) {
				w.b.Withdrawn()
				if err := w.b.Audit(); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

package shares

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// oracle keeps what was done to a tree by path and works everything out anew.
type oracle struct {
	total   vec
	used    map[string]vec // charged to the very role
	config  map[string]model.RoleConfig
	wants   map[string]map[kindSet]int
	dropped map[string]bool
}

var paths = []string{"", "a", "b", "a/x", "a/y", "b/x", "a/x/1", "a/x/2"}

func inside(path, dir string) bool {
	return dir == "" || path == dir || len(path) > len(dir) && path[:len(dir)+1] == dir+"/"
}

func (w *oracle) sum(dir string) (sum vec) {
	for p, u := range w.used {
		if inside(p, dir) {
			sum.add(&u)
		}
	}
	return sum
}

func (w *oracle) share(u vec) (best float64) {
	for k := range u {
		if w.total[k] > 0 {
			best = max(best, float64(u[k])/float64(w.total[k]))
		}
	}
	return best
}

// covers reports whether dir's own guarantee covers a demand for the kinds.
func (w *oracle) covers(dir string, asked kindSet) bool {
	g, u, some := of(w.config[dir].Guarantee), w.sum(dir), false
	for k := range g {
		if g[k] > 0 && asked>>k&1 == 1 {
			if u[k] >= g[k] {
				return false
			}
			some = true
		}
	}
	return some
}

// candidate is a child, or the node itself, in the comparison at one level.
type candidate struct {
	path  string
	own   bool
	owed  bool
	score float64
}

func (w *oracle) weight(path string) float64 {
	if x := w.config[path].Weight; x > 0 {
		return x
	}
	return 1
}

// active calls f with every role at or below dir that wants, and what.
func (w *oracle) active(dir string, f func(path string, asked kindSet)) {
	for p, sets := range w.wants {
		for asked, n := range sets {
			if n > 0 && !w.dropped[p] && inside(p, dir) {
				f(p, asked)
			}
		}
	}
}

func (w *oracle) owed(dir string) (owed bool) {
	w.active(dir, func(p string, asked kindSet) {
		for q := p; inside(q, dir); q = parentPath(q) {
			// A guarantee of a role above the one that wants, up to dir, counts.
			if w.covers(q, asked) {
				owed = true
			}
			if q == "" {
				break
			}
		}
	})
	return owed
}

// first compares all that want, at every level.
func (w *oracle) first() (path string, ok bool) {
	for dir := ""; ; {
		var best *candidate
		for _, p := range paths {
			c := candidate{path: p}
			wanting := false
			w.active(p, func(q string, _ kindSet) { wanting = wanting || p != dir || q == dir })
			switch {
			case !wanting:
				continue
			case p == dir:
				c.own, c.score = true, w.share(w.used[p])
			case p != "" && parentPath(p) == dir:
				c.owed, c.score = w.owed(p), w.share(w.sum(p))/w.weight(p)
			default:
				continue
			}
			if best == nil || c.owed && !best.owed || c.owed == best.owed && c.score < best.score {
				best = &c
			}
		}
		if best == nil {
			return "", false
		}
		if best.own {
			return dir, true
		}
		dir = best.path
	}
}

func drawAmount(t *rapid.T, most int64) model.Resources {
	n := rapid.Int64Range(0, most)
	return model.Resources{CPUMilli: n.Draw(t, "cpu"), MemoryBytes: n.Draw(t, "memory"), GPUMilli: n.Draw(t, "gpu")}
}

// TestFirstIsWhatAComparisonOfAllFinds holds the heaps against a search.
func TestFirstIsWhatAComparisonOfAllFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := New()
		order := tree.Ranking(Demands)
		w := &oracle{used: map[string]vec{}, config: map[string]model.RoleConfig{}, wants: map[string]map[kindSet]int{}, dropped: map[string]bool{}}
		aPath := func(t *rapid.T) string { return rapid.SampledFrom(paths).Draw(t, "path") }
		t.Repeat(map[string]func(*rapid.T){
			"total": func(t *rapid.T) {
				// Powers of two, so that shares are exact.
				n := rapid.SampledFrom([]int64{0, 8, 16, 32})
				r := model.Resources{CPUMilli: n.Draw(t, "cpu"), MemoryBytes: n.Draw(t, "memory"), GPUMilli: n.Draw(t, "gpu")}
				w.total = of(r)
				tree.SetTotal(r)
			},
			"configure": func(t *rapid.T) {
				c := model.RoleConfig{Role: aPath(t), Weight: rapid.SampledFrom([]float64{0, 0.5, 1, 2}).Draw(t, "weight"), Guarantee: drawAmount(t, 4)}
				w.config[c.Role] = c
				tree.Configure(c)
			},
			"reset": func(t *rapid.T) {
				p := aPath(t)
				delete(w.config, p)
				tree.Reset(p)
			},
			"charge": func(t *rapid.T) {
				p, r, n := aPath(t), drawAmount(t, 3), rapid.Int64Range(1, 3).Draw(t, "times")
				if rapid.Bool().Draw(t, "less") {
					if u := w.used[p]; !r.Times(n).Fits(u.resources()) {
						return
					}
					n = -n
				}
				d, u := of(r.Times(n)), w.used[p]
				u.add(&d)
				w.used[p] = u
				tree.Node(p).Charge(r, n)
			},
			"want": func(t *rapid.T) {
				p, r, n := aPath(t), drawAmount(t, 1), rapid.IntRange(-1, 2).Draw(t, "count")
				s := of(r)
				if w.wants[p] == nil {
					w.wants[p] = map[kindSet]int{}
				}
				if w.wants[p][s.positive()]+n < 0 {
					return
				}
				w.wants[p][s.positive()] += n
				order.Want(tree.Node(p), r, n)
			},
			"drop": func(t *rapid.T) {
				p := aPath(t)
				w.dropped[p] = true
				order.Drop(tree.Node(p))
			},
			"begin": func(*rapid.T) {
				clear(w.dropped)
				order.Begin()
			},
			"retain": func(t *rapid.T) { tree.Node(aPath(t)).Retain().Release() },
			"slack":  func(t *rapid.T) { checkSlack(t, tree, order) },
			"claim":  func(t *rapid.T) { checkClaimable(t, tree, w, aPath(t)) },
			"":       func(t *rapid.T) { compare(t, tree, order, w) },
		})
	})
}

func compare(t *rapid.T, tree *Tree, order *Ranking, w *oracle) {
	for _, p := range paths {
		n, sum := tree.nodes[p], w.sum(p)
		if n == nil {
			if sum != (vec{}) {
				t.Fatalf("%q uses %v and is not in the tree", p, sum)
			}
			delete(w.dropped, p) // one that left and comes back is a new one
			continue
		}
		if n.used != sum {
			t.Fatalf("%q uses %v, want %v", p, n.used, sum)
		}
		shape := model.Resources{CPUMilli: 1, MemoryBytes: 2}
		s, below := of(shape), false
		for q := p; ; q = parentPath(q) {
			below = below || w.covers(q, s.positive())
			if q == "" {
				break
			}
		}
		if n.Below(shape) != below || n.GuaranteeRoom(shape, 100) > 0 != below {
			t.Fatalf("%q is below its guarantee for %s: %v, want %v", p, shape, n.Below(shape), below)
		}
	}
	path, ok := w.first()
	n := order.First()
	if ok != (n != nil) || ok && n.Path() != path {
		t.Fatalf("first is %v, want %q %v", n, path, ok)
	}
}

// checkSlack holds that nobody else goes first before the slack is used, unless
// it is a grain.
func checkSlack(t *rapid.T, tree *Tree, order *Ranking) {
	n := order.First()
	shape := drawAmount(t, 2)
	if n == nil || shape.IsZero() {
		return
	}
	s := of(shape)
	slack := order.Slack(shape, 64)
	if slack < 1 || slack > 64 {
		t.Fatalf("slack of %d", slack)
	}
	if slack > 1 && slack > tree.grain(&s) {
		n.Charge(shape, int64(slack-1))
		if now := order.First(); now != n {
			t.Fatalf("%q may get %d × %s, and after one less %q goes first", n.Path(), slack, shape, now.Path())
		}
		n.Charge(shape, -int64(slack-1))
	}
}

// due recomputes what is due at and below dir.
func (w *oracle) due(dir string, wants func(dir string) bool) (due vec) {
	if !wants(dir) {
		return due
	}
	for _, p := range paths {
		if p != "" && p != dir && parentPath(p) == dir {
			d := w.due(p, wants)
			due.add(&d)
		}
	}
	g, u := of(w.config[dir].Guarantee), w.sum(dir)
	for k := range due {
		due[k] = max(due[k], g[k]-u[k])
	}
	return due
}

// checkClaimable holds that what a role may claim is the most that leaves enough
// for what is due to others, by trying every amount.
func checkClaimable(t *rapid.T, tree *Tree, w *oracle, path string) {
	wants := func(dir string) bool {
		for p, sets := range w.wants {
			for _, n := range sets {
				if n > 0 && inside(p, dir) {
					return true
				}
			}
		}
		return false
	}
	due := w.due("", wants)
	if tree.Due() != due.resources() {
		t.Fatalf("%s is due, want %v", tree.Due(), due)
	}
	free := drawAmount(t, 12)
	n := tree.Node(path)
	got, all := of(n.Claimable(free)), of(free)
	was, had := w.used[path]
	for k := range all {
		most := int64(0)
		for x := all[k]; x > 0 && most == 0; x-- {
			u := was
			u[k] += x
			w.used[path] = u
			// What it takes of what is due to others comes out of what nobody is due.
			if after := w.due("", wants); x-(due[k]-after[k]) <= max(all[k]-due[k], 0) {
				most = x
			}
		}
		if w.used[path] = was; !had {
			delete(w.used, path)
		}
		if got[k] != most {
			t.Fatalf("%q may claim %v of %v, want %d of kind %d; due %v", path, got, all, most, k, due)
		}
	}
	n.Retain().Release()
}

// TestHeadroomIsExact holds that as many tasks as said fit within all limits,
// and not one more.
func TestHeadroomIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := New()
		for _, p := range []string{"", "a", "a/x"} {
			c := model.RoleConfig{Role: p}
			for _, l := range []**int64{&c.Limit.CPUMilli, &c.Limit.MemoryBytes} {
				if rapid.Bool().Draw(t, "limited") {
					n := rapid.Int64Range(0, 20).Draw(t, "limit")
					*l = &n
				}
			}
			tree.Configure(c)
			tree.Node(p).Charge(drawAmount(t, 4), 1)
		}
		n, shape := tree.Node("a/x"), drawAmount(t, 3)
		within := func(tasks int) bool {
			for x := n; x != nil; x = x.parent {
				for k, s := range of(shape) {
					if s > 0 && x.limit[k] != unlimited && x.used[k]+s*int64(tasks) > x.limit[k] {
						return false
					}
				}
			}
			return true
		}
		got, at, kind := n.Headroom(shape, 30)
		if got > 0 && !within(got) || got < 30 && within(got+1) || (got == 0) != (at != nil) || (at == nil) != (kind == "") {
			t.Fatalf("headroom for %s: %d at %v of %q", shape, got, at, kind)
		}
	})
}

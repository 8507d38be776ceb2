package offers

import (
	"cmp"
	"slices"
	"time"
)

// expected returns when the demand could start if every running task used its
// whole time limit and no other demand took what they leave; zero if that
// cannot be told, because tasks without a limit are in the way. It is told for
// demands of a single group only, and not for one spread over a property.
func (q *inquiry) expected() time.Time {
	if len(q.groups) != 1 || q.groups[0].fault() != "" || q.groups[0].caps != nil && q.groups[0].caps.spread != nil {
		return time.Time{}
	}
	g, want := &q.groups[0], 1
	if q.d.AllOrNothing {
		want = q.wants[0]
	}
	var steps []step
	var ending []stake
	for _, a := range q.agents {
		n, v := g.check(a, want, nil)
		want -= n
		if !v.static() && v != unreachable {
			steps, ending = stepsOf(a, g, want, n, steps, ending[:0])
		}
	}
	slices.SortFunc(steps, func(x, y step) int { return cmp.Compare(x.at, y.at) })
	for _, s := range steps {
		if want -= s.more; want <= 0 {
			at := time.Unix(0, s.at).UTC()
			if at.Before(q.at) {
				return q.at
			}
			return at
		}
	}
	return time.Time{}
}

// step is that more tasks fit on an agent from a time on.
type step struct {
	at   int64 // Unix nanoseconds
	more int
}

// stepsOf lets a's tasks with a time limit end one by one, and appends to out
// when more tasks of g than before fit, up to want more than the n that fit now.
// It returns out and the memory it worked in.
func stepsOf(a *agent, g *group, want, n int, out []step, ending []stake) ([]step, []stake) {
	c := *a
	c.running = nil
	for s := a.running; s != nil; s = s.next {
		left := stake{kind: s.kind, agent: &c, count: s.count, until: s.until}
		if s.until != 0 {
			ending = append(ending, left)
		} else if g.caps != nil { // only caps look at who is there
			kept := left
			kept.link()
		}
	}
	slices.SortFunc(ending, func(x, y stake) int { return cmp.Compare(x.until, y.until) })
	for i := len(ending) - 1; i >= 0; i-- {
		ending[i].link()
	}
	for i := range ending {
		s := &ending[i]
		s.take(-s.count)
		s.unlink()
		if now, _ := g.check(&c, want+n, nil); now > n {
			out = append(out, step{s.until, now - n})
			n, want = now, want-(now-n)
		}
	}
	return out, ending
}

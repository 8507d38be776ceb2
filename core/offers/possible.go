package offers

// What can never be met as the agents are must not take the place of what can,
// where only the first few of those that wait get a hold or may preempt.

// spareCandidates is how many more of the unserved demands are looked at than may
// get a hold: for some none can be found.
const spareCandidates = 4

// candidates returns how many unserved demands of a role matter to a pass.
func (b *Book) candidates() int {
	n := b.pass.holds
	if n > 0 && n < 1<<20 {
		n += spareCandidates
	}
	if b.preemptible > 0 {
		n = max(n, maxPreemptors)
	}
	return n
}

// maxSurveys is for how many classes a pass finds out, by a look at all agents,
// that they are impossible. What it has found out is remembered.
const maxSurveys = 64

// impossible reports whether the first demand of c could not start even if nothing
// ran on the agents there are but what is not going to end. It may miss some.
func (b *Book) impossible(c *class) bool {
	d := c.ready.peek()
	if c.neverAt == b.fleet {
		return true
	}
	if c.onceAt == b.fleet+b.settled || b.surveys >= maxSurveys {
		return false
	}
	for i := range d.groups {
		g := &d.groups[i]
		want := d.wanted(i)
		if want == 0 {
			continue
		}
		if !d.AllOrNothing {
			want = 1
		}
		if !g.possible() || !b.couldHold(g, want) {
			c.neverAt = b.fleet
			return true
		}
	}
	c.onceAt = b.fleet + b.settled
	return false
}

// couldHold reports whether so many tasks of g fit on the agents if nothing runs
// there but what is not going to end.
func (b *Book) couldHold(g *group, want int) bool {
	if list, ok := g.room.shortlist(); ok {
		for _, pos := range list {
			if want -= g.mostOn(b.agents[pos], want); want <= 0 {
				return true
			}
		}
		return false
	}
	for n, a := range b.agents {
		if a == nil {
			continue
		}
		if want -= g.mostOn(a, want); want <= 0 {
			return true
		}
		if n == 4*maxPinned {
			b.surveys++
		}
	}
	return false
}

// mostOn returns how many tasks of g fit on a if nothing runs there but what is not
// going to end, at most limit.
func (g *group) mostOn(a *agent, limit int) int {
	if !a.usable() || g.room.checkEmpty(a) != fits {
		return 0
	}
	if g.room.exclusive {
		if a.lasting != resourcesNone {
			return 0
		}
		limit = min(limit, 1)
	}
	if g.caps != nil && g.caps.perAgent > 0 {
		limit = min(limit, g.caps.perAgent)
	}
	return int(g.room.shape.TimesIn(a.info.Capacity.Sub(a.lasting), int64(limit)))
}

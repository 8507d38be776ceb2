package batch

import (
	"slices"
	"time"
)

// promoteLook bounds how many groups at the head of a line are looked at for the
// one to promote: those before it may be held back by their array's limit.
const promoteLook = 64

// promote sees to it that in each line the first group that could start goes
// before all others once it was overtaken for the limit. It alone: if all that
// have waited long did, a long queue would be first come, first served.
//
// A promoted group that does not start may be one that cannot. Then after the
// limit once more the next one is promoted as well.
func (f *Framework) promote() {
	if !f.cfg.Policy.promotes() {
		return
	}
	for _, l := range f.lines {
		if len(l.promoted) > 0 {
			l.promoted = slices.DeleteFunc(l.promoted, func(g *group) bool {
				if g.promoted && g.startable()+g.claimed > 0 {
					return false
				}
				if g.promoted {
					f.setPromoted(g, false)
				}
				return true
			})
		}
		if len(l.promoted) > 0 && f.out.Now.Sub(l.promotedAt) < f.cfg.OvertakeLimit {
			continue
		}
		if g, wait := l.next(f.out.Now, f.done); g != nil && wait >= f.cfg.OvertakeLimit {
			l.promoted, l.promotedAt = append(l.promoted, g), f.out.Now
			f.setPromoted(g, true)
		}
	}
}

func (f *Framework) setPromoted(g *group, on bool) {
	g.promoted = on
	f.book.Forget(g.demand())
	f.out.touch(g)
}

// next returns the first group of the line that could start and is not promoted,
// and for how much of its wait it was overtaken.
func (l *line) next(now time.Time, done int64) (*group, time.Duration) {
	overtaken := l.overtaken
	for _, g := range l.waiting[:min(len(l.waiting), promoteLook)] {
		if !g.promoted && g.startable() > 0 {
			return g, g.place.overtaken(now, overtaken, done)
		}
		overtaken -= g.place.behind
	}
	return nil, 0
}

// overtaken returns for how much of its wait a group was overtaken, given the
// work that was done before it by groups behind it, and all that was ever done.
func (s *place) overtaken(now time.Time, behind, done int64) time.Duration {
	wait := now.Sub(s.since.Time())
	if behind <= 0 || wait <= 0 {
		return 0
	}
	return time.Duration(float64(wait) * min(1, float64(behind)/float64(max(done-s.base, 1))))
}

package service

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// assess folds whether an allocation's task, which runs, works by what is known of it.
func (f *Framework) assess(g *group, s *slot, a *alloc, at sdk.Micros) {
	switch {
	case !g.passes(s, a):
		a.Well = 0
	case a.Well == 0:
		a.Well = at
		if f.out != nil {
			a.seen = f.out.Now
		}
	}
}

// reassess is assess for an allocation for which another rule holds from now on. One
// that does not work by that is not known to work any more.
func (f *Framework) reassess(g *group, s *slot, a *alloc, at sdk.Micros) {
	if a == nil || !a.Live || a.State != model.TaskRunning {
		return
	}
	if f.assess(g, s, a, at); a.Well == 0 {
		a.Marked, a.Proved = false, false
	}
}

// judgeAnew has another health_check hold for a group's tasks than in the version
// before. Those that were found to work need no person's word any more.
func (f *Framework) judgeAnew(g *group, before *model.Job, at sdk.Micros) {
	was, now := groupOf(before, g.Name), g.want()
	if was == nil || now == nil || was.Update == nil || now.Update == nil || was.Update.HealthCheck == now.Update.HealthCheck {
		return
	}
	for _, s := range g.Slots {
		for _, a := range [...]*alloc{s.Cur, s.Next} {
			if a != nil && a.Marked && g.manual() {
				a.Said = true
			}
			f.reassess(g, s, a, at)
		}
	}
}

// passes reports whether an allocation's task works if it runs: by its checks, by
// that alone, or by a person's word.
func (g *group) passes(s *slot, a *alloc) bool {
	switch g.rule(s, a) {
	case model.HealthManual:
		return a.Said
	case model.HealthByTaskStates:
		return true
	}
	spec, num := g.runs(a.Base)
	return num < 0 || !spec.Groups[num].HasChecks() || a.Checks != nil && a.Checks.Healthy
}

// rule is the health_check that holds for an allocation: the migrate block's for one
// that a drain moves, which waits for no person, else the update block's.
func (g *group) rule(s *slot, a *alloc) string {
	w := g.want()
	switch {
	case w == nil:
	case s.Moving && a == s.Next && w.Migrate != nil:
		return w.Migrate.HealthCheck
	case w.Update != nil:
		return w.Update.HealthCheck
	}
	return model.HealthByChecks
}

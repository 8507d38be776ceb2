package service

import (
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// placePatience is for how long a successor waits for room beside what it
// replaces before that makes room for it.
const placePatience = 10 * time.Second

// deploy takes the deployment that is under way one decision further.
func (p *planner) deploy() bool {
	d := p.j.rolling()
	if d == nil {
		return false
	}
	if why := p.failure(d); why != "" {
		p.fail(d, why)
		return true
	}
	if d.State == model.DeploymentPaused {
		return false
	}
	if p.complete(d) {
		p.emit(&judged{ID: p.j.ID, At: p.at, Number: d.Number, State: model.DeploymentSuccessful})
		return true
	}
	if canaries, ready := p.canaries(d); canaries && ready && p.autoPromotes(d) {
		p.emit(&judged{ID: p.j.ID, At: p.at, Number: d.Number, Promote: true})
		return true
	}
	for i := range d.Groups {
		if g := p.j.group(d.Groups[i].Name); g != nil && g.want() != nil && p.roll(d, &d.Groups[i], g) {
			return true
		}
	}
	return false
}

// failure says why a deployment has failed, empty if it has not.
func (p *planner) failure(d *deployment) string {
	deadline := time.Duration(0)
	for i := range d.Groups {
		g := p.j.group(d.Groups[i].Name)
		if g == nil || g.want() == nil {
			continue
		}
		u := g.want().Update
		open := false
		for _, s := range g.Slots {
			t := s.target()
			if t == nil || d.stale(g, s) {
				open = true
				continue
			}
			open = open || !d.done(g, s)
			if t.Failed {
				return fmt.Sprintf("task %s[%d] has failed for good: %s", g.Name, s.Index, t.End.text())
			}
			if t.Late && !t.Marked && u != nil && u.ProgressDeadline == 0 {
				return fmt.Sprintf("task %s[%d] was not healthy within %s%s", g.Name, s.Index, u.HealthyDeadline, t.trouble())
			}
		}
		if open && u != nil {
			deadline = max(deadline, u.ProgressDeadline.Std())
		}
	}
	canaries, ready := p.canaries(d)
	if deadline == 0 || d.State == model.DeploymentPaused || canaries && ready {
		return ""
	}
	if !p.past(d.Progress.Time().Add(deadline)) {
		return ""
	}
	return fmt.Sprintf("no further task became healthy within %s%s", model.Duration(deadline), p.stuck(d))
}

// trouble says what is known to be wrong with an allocation.
func (a *alloc) trouble() string {
	if a.Checks != nil {
		for _, c := range a.Checks.Checks {
			if !c.Passing {
				return fmt.Sprintf(": check %q of service %q fails: %s", c.Check, c.Service, c.Output)
			}
		}
	}
	switch {
	case !a.Live && a.Stop == 0 && a.End != nil:
		return ": its last attempt ended: " + a.End.text()
	case !a.Live && a.Stop == 0:
		return ": there is no room for it (tender why says what is in the way)"
	}
	return ""
}

// stuck says what the first task that a deployment waits for lacks.
func (p *planner) stuck(d *deployment) string {
	for i := range d.Groups {
		g := p.j.group(d.Groups[i].Name)
		if g == nil {
			continue
		}
		for _, s := range g.Slots {
			if t := s.target(); t != nil && !d.stale(g, s) && !t.Marked {
				if text := t.trouble(); text != "" {
					return fmt.Sprintf("; task %s[%d]%s", g.Name, s.Index, text)
				}
			}
		}
	}
	return ""
}

// fail gives a deployment up, and goes back to the last stable version if that is
// wanted. A revert that fails does not go back further.
func (p *planner) fail(d *deployment, why string) {
	back := p.j.stable(d.Version)
	wanted := d.Kind != model.DeployRevert && d.Kind != model.DeployRestart && slices.ContainsFunc(d.Groups, func(x deployGroup) bool {
		g := p.j.group(x.Name)
		return g != nil && g.want() != nil && g.want().Update != nil && g.want().Update.AutoRevert
	})
	switch {
	case wanted && back == nil:
		why += "; there is no stable version to go back to"
	case wanted:
		why += fmt.Sprintf("; going back to version %d", back.Num)
	}
	p.emit(&judged{ID: p.j.ID, At: p.at, Number: d.Number, State: model.DeploymentFailed, Message: why, Revert: wanted && back != nil})
	if wanted && back != nil {
		p.emit(&versioned{ID: p.j.ID, At: p.at, From: back.Num, Kind: model.DeployRevert,
			Why: fmt.Sprintf("version %d, as version %d failed", back.Num, d.Version)})
	}
}

// complete reports whether a deployment has nothing left to do.
func (p *planner) complete(d *deployment) bool {
	for i := range d.Groups {
		g := p.j.group(d.Groups[i].Name)
		if g == nil || g.want() == nil {
			continue
		}
		if slices.ContainsFunc(g.Slots, func(s *slot) bool { return !s.Drop && !d.done(g, s) }) {
			return false
		}
		if p.j.system() && len(g.Slots) == 0 && !p.past(d.Progress.Time().Add(systemSettle)) {
			return false // the agents have not been asked yet
		}
	}
	return true
}

// systemSettle is for how long a system job's deployment waits for agents before
// it takes it that none fits.
const systemSettle = 5 * time.Second

// canaries reports whether a deployment has canaries that were not promoted, and
// whether all of them are healthy.
func (p *planner) canaries(d *deployment) (any, ready bool) {
	ready = true
	for i := range d.Groups {
		x := &d.Groups[i]
		g := p.j.group(x.Name)
		if x.Canaries == 0 || x.Promoted || g == nil {
			continue
		}
		made, todo := 0, 0
		for _, s := range g.Slots {
			switch {
			case s.Canary && s.Roll == d.Number && !d.stale(g, s):
				made++
				ready = ready && s.target().Marked
			case d.stale(g, s):
				todo++
			}
		}
		// Fewer than wanted are all there will be if nothing old is left to be beside.
		any = any || made+todo > 0
		ready = ready && (made >= x.Canaries || todo == 0)
	}
	return any, any && ready
}

func (p *planner) autoPromotes(d *deployment) bool {
	return !slices.ContainsFunc(d.Groups, func(x deployGroup) bool {
		g := p.j.group(x.Name)
		return x.Canaries > 0 && !x.Promoted && g != nil && g.want() != nil && (g.want().Update == nil || !g.want().Update.AutoPromote)
	})
}

package service

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// maxDeployments is how many of a job's deployments are remembered.
const maxDeployments = 10

// deployment is the replacing of a job's tasks by others: those of a new version,
// or new ones of the same.
type deployment struct {
	Number   uint32                `json:"n"`
	Version  uint32                `json:"v"`
	Kind     string                `json:"kind"`
	State    model.DeploymentState `json:"state"`
	At       sdk.Micros            `json:"at"`
	Ended    sdk.Micros            `json:"ended,omitempty"`
	Progress sdk.Micros            `json:"progress"`         // when a task was healthy last, or it began
	Rolled   sdk.Micros            `json:"rolled,omitempty"` // when tasks were replaced last
	Message  string                `json:"message,omitempty"`
	Groups   []deployGroup         `json:"groups"`
}

// deployGroup is a deployment's part in one group. Groups that it has nothing to
// do with are not among them.
type deployGroup struct {
	Name     string `json:"name"`
	Canaries int    `json:"canaries,omitempty"`
	Promoted bool   `json:"promoted,omitempty"`
}

// deployment is the job's latest, nil if it had none.
func (j *job) deployment() *deployment {
	if len(j.Deployments) == 0 {
		return nil
	}
	return j.Deployments[len(j.Deployments)-1]
}

// rolling is the deployment that is under way, paused or not; nil if none is.
func (j *job) rolling() *deployment {
	if d := j.deployment(); d != nil && d.State.Active() {
		return d
	}
	return nil
}

func (d *deployment) end(at sdk.Micros, state model.DeploymentState, message string) {
	d.State, d.Ended, d.Message = state, at, message
}

// part returns what the deployment has to do with a group, nil if nothing.
func (d *deployment) part(name string) *deployGroup {
	for i := range d.Groups {
		if d.Groups[i].Name == name {
			return &d.Groups[i]
		}
	}
	return nil
}

// target is the allocation that is to be a slot's in the end.
func (s *slot) target() *alloc {
	if s.Next != nil && s.Next.Stop == 0 {
		return s.Next
	}
	return s.Cur
}

// stale reports whether d is still to replace a slot's allocation.
func (d *deployment) stale(g *group, s *slot) bool {
	t := s.target()
	return t != nil && (t.Base != g.Base || d.Kind == model.DeployRestart && t.Made < d.Number)
}

// done reports whether d has nothing left to do about a slot: what is in it is what
// is to be in it, was healthy long enough, and has not failed since.
func (d *deployment) done(g *group, s *slot) bool {
	return !d.stale(g, s) && s.Next == nil && s.Cur != nil && s.Cur.Stop == 0 && s.Cur.Marked && s.Cur.Live
}

// enroll adds a deployment to the job's.
func (f *Framework) enroll(j *job, d *deployment) {
	j.Deployments = append(j.Deployments, d)
	if n := len(j.Deployments) - maxDeployments; n > 0 {
		j.Deployments = slices.Delete(j.Deployments, 0, n)
	}
}

// foldRestarted begins a deployment of the version in force.
func (f *Framework) foldRestarted(e *restarted) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	d := &deployment{Number: 1, Version: j.last().Num, Kind: model.DeployRestart, State: model.DeploymentRunning, At: e.At, Progress: e.At}
	if p := j.deployment(); p != nil {
		d.Number = p.Number + 1
	}
	for _, g := range j.Groups {
		if g.want() != nil && (len(e.Groups) == 0 || slices.Contains(e.Groups, g.Name)) {
			d.Groups = append(d.Groups, deployGroup{Name: g.Name})
		}
	}
	f.index++
	j.Index = f.index
	f.enroll(j, d)
	f.out.notice(e.At, "deployment_started", j, "")
	f.out.touch(j)
	return nil
}

// foldReplaced gives slots their successors.
func (f *Framework) foldReplaced(e *replaced) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	d := j.rolling()
	if !e.Moving && d != nil {
		d.Rolled = e.At
	}
	f.out.touch(j)
	return j.slots(e.Group, e.Slots, func(g *group, s *slot) {
		if s.Next != nil || s.Cur == nil || s.Drop {
			return
		}
		if !e.Moving && d != nil {
			s.Roll, s.Canary = d.Number, e.Canary
		}
		s.Moving = e.Moving
		n := g.newAlloc(s)
		n.Said = !e.Moving && d != nil && d.Kind == model.DeployRevert // to what was found to work
		switch {
		case !s.Cur.Live && s.Cur.Stop == 0:
			old := s.Cur
			g.retire(s, old)
			s.Cur, s.Leave, s.Moving = n, 0, false
			f.out.mayBeDone(old.launchID(j))
		case e.InPlace:
			s.Next, s.After = n, true
			f.stop(g, s, s.Cur, e.At, "it is replaced")
		default:
			s.Next = n
		}
		if e.Moving {
			n.Shun, n.Said = s.Cur.Agent, s.Cur.Said && n.Base == s.Cur.Base // the same elsewhere
		}
	})
}

// foldYielded has slots make room for their successors.
func (f *Framework) foldYielded(e *yielded) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	f.out.touch(j)
	return j.slots(e.Group, e.Slots, func(g *group, s *slot) {
		if s.Next != nil && !s.Next.Live && s.Cur != nil {
			s.After = true
			f.stop(g, s, s.Cur, e.At, "it is replaced")
		}
	})
}

// foldMarked records who is healthy for good, and who was not in time. A successor
// that is takes over, but for a canary before its promotion.
func (f *Framework) foldMarked(e *marked) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	f.out.touch(j)
	for _, p := range e.Healthy {
		g, s, a := j.at(p)
		if a == nil || !a.Live || a.Marked {
			continue
		}
		if d := j.rolling(); d != nil && !a.Proved {
			d.Progress = e.At
		}
		a.Marked, a.Late, a.Proved = true, false, true
		if a == s.Next {
			f.takeOver(g, s, e.At)
		}
	}
	for _, p := range e.Late {
		if _, _, a := j.at(p); a != nil {
			a.Late = true
		}
	}
	return nil
}

// takeOver ends what a slot's healthy successor replaces.
func (f *Framework) takeOver(g *group, s *slot, at sdk.Micros) {
	if s.Canary {
		if d := g.job.rolling(); d != nil {
			if p := d.part(g.Name); p != nil && p.Canaries > 0 && !p.Promoted {
				return
			}
		}
	}
	if s.Cur != nil {
		f.stop(g, s, s.Cur, at, "its successor is healthy")
	}
}

// foldJudged changes the state of a deployment.
func (f *Framework) foldJudged(e *judged) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	d := j.rolling()
	if d == nil || d.Number != e.Number {
		return nil
	}
	f.out.touch(j)
	if e.Promote {
		f.promote(j, d, e.At)
		return nil
	}
	switch e.State {
	case model.DeploymentPaused, model.DeploymentRunning:
		d.State, d.Message, d.Progress = e.State, e.Message, e.At
	case model.DeploymentSuccessful:
		d.end(e.At, e.State, e.Message)
		if v := j.version(d.Version); v != nil {
			v.Stable = true
		}
	default:
		d.end(e.At, e.State, e.Message)
		f.abandon(j, e.At)
		if !e.Revert {
			defer f.endIfOver(j, e.At)
		}
	}
	f.out.notice(e.At, "deployment_"+string(d.State), j, e.Message)
	return nil
}

// promote lets a deployment's canaries take over.
func (f *Framework) promote(j *job, d *deployment, at sdk.Micros) {
	d.Progress = at
	for i := range d.Groups {
		d.Groups[i].Promoted = d.Groups[i].Canaries > 0
	}
	f.out.notice(at, "deployment_promoted", j, "")
	for _, g := range j.Groups {
		for _, s := range slices.Clone(g.Slots) {
			if s.Canary && s.Next != nil && s.Next.Marked {
				f.takeOver(g, s, at)
			}
		}
	}
}

// abandon gives up the successors of a failed deployment, but for those that have
// taken over. What they were to replace goes on.
func (f *Framework) abandon(j *job, at sdk.Micros) {
	for _, g := range slices.Clone(j.Groups) {
		for _, s := range slices.Clone(g.Slots) {
			if s.Next != nil && !s.Moving && s.Cur != nil && s.Cur.Stop == 0 {
				f.stop(g, s, s.Next, at, "its deployment failed")
			}
		}
	}
}

// foldLeaving notes which slots are to move away.
func (f *Framework) foldLeaving(e *leaving) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	f.out.touch(j)
	for _, p := range e.Slots {
		switch _, s, a := j.at(p); {
		case e.Stay && s != nil && !s.Moving:
			s.Leave = 0
		case !e.Stay && a != nil && s.Leave == 0:
			s.Leave = e.At
		}
	}
	return nil
}

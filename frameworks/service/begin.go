package service

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// begin starts the deployment of a version that was just put in force, if there is
// anything to deploy: for a group that is new, whose tasks are to be replaced, or with
// which the deployment before was not done. The version is stable at once if there is
// not, and the one before was. Scaling leaves a deployment that is under way to go on.
func (f *Framework) begin(j *job, e *versioned, first bool) {
	v, old := j.last(), j.rolling()
	switch {
	case old != nil && e.Counts != nil:
		old.Version = v.Num
		return
	case old != nil:
		old.end(e.At, model.DeploymentCancelled, "a newer version took its place")
		f.out.notice(e.At, "deployment_cancelled", j, "")
	}
	d := &deployment{Number: 1, Version: v.Num, Kind: e.Kind, State: model.DeploymentRunning, At: e.At, Progress: e.At}
	if p := j.deployment(); p != nil {
		d.Number = p.Number + 1
	}
	if d.Kind == "" {
		d.Kind = model.DeployUpdate
	}
	for _, g := range j.Groups {
		spec := g.want()
		if spec == nil {
			continue
		}
		fresh := e.Counts == nil && (first || !slices.ContainsFunc(g.Slots, func(s *slot) bool { return s.Cur != nil && s.Cur.First != 0 }))
		if !fresh && !slices.ContainsFunc(g.Slots, func(s *slot) bool { return d.due(old, g, s) }) {
			continue
		}
		part := deployGroup{Name: g.Name}
		if u := spec.Update; u != nil && !fresh && d.Kind != model.DeployRevert {
			part.Canaries = min(u.Canary, spec.Count)
		}
		d.Groups = append(d.Groups, part)
	}
	if d.Groups == nil {
		if p := len(j.Versions) - 2; p >= 0 && j.Versions[p].Stable {
			v.Stable = true
		}
		if from := j.version(e.From); from != nil && from.Stable {
			v.Stable = true
		}
		return
	}
	f.enroll(j, d)
	f.takeUp(j, d)
	f.out.notice(e.At, "deployment_started", j, d.Message)
}

// due reports whether a new deployment has something to do about a slot: to replace
// what is in it, or to see through what the one before began.
func (d *deployment) due(old *deployment, g *group, s *slot) bool {
	switch {
	case s.Drop:
		return false
	case d.stale(g, s) || s.After || s.Next != nil && s.Next.Stop == 0 && !s.Moving:
		return true
	}
	return old != nil && old.part(g.Name) != nil && !old.done(g, s)
}

// takeUp makes successors that are there already those of a new deployment. Canaries
// stay canaries, as far as it has any; others that are healthy take over.
func (f *Framework) takeUp(j *job, d *deployment) {
	for i := range d.Groups {
		g, held := j.group(d.Groups[i].Name), 0
		for _, s := range slices.Clone(g.Slots) {
			if s.Next == nil || s.Next.Stop != 0 || s.Moving || d.stale(g, s) {
				s.Canary = false
				continue
			}
			s.Roll = d.Number
			if s.Canary = s.Canary && held < d.Groups[i].Canaries; s.Canary {
				held++
			} else if s.Next.Marked {
				f.takeOver(g, s, d.At)
			}
		}
	}
}

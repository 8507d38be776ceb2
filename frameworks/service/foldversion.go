package service

import (
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// maxVersions is how many versions of a job are remembered, besides those that
// tasks still run and the last stable one. So many Nomad keeps.
const maxVersions = 6

// foldVersioned puts a new version in force: every group gets the base that its
// tasks are to run and as many slots as it is to have. Whom to replace when is the
// planner's affair.
func (f *Framework) foldVersioned(e *versioned) error {
	j := f.jobs[e.ID]
	if j == nil {
		if e.Job == nil {
			return fmt.Errorf("job %s: its first version has no job", e.ID)
		}
		f.lastSeq++
		j = &job{ID: e.ID, Seq: f.lastSeq, State: model.JobQueued, Submitted: e.At, User: e.User, Parent: e.Parent}
		f.jobs[j.ID], f.order, f.names[e.Job.Name] = j, append(f.order, j), j
		f.open++
	} else if j.stopping() {
		f.revive(j)
	}
	v, err := j.derive(e)
	if err != nil {
		return err
	}
	was := j.Versions
	j.Versions = append(j.Versions, v)
	f.index++
	j.Index = f.index
	if v.Key != "" {
		f.keys[v.Key] = keyed{j, v}
	}
	old := j.Groups
	j.Groups = nil
	for i := range v.Job.Groups {
		j.Groups = append(j.Groups, j.adopt(&v.Job.Groups[i], old))
	}
	for _, g := range old {
		if !slices.Contains(j.Groups, g) {
			j.Groups = append(j.Groups, g)
		}
	}
	for _, g := range slices.Clone(j.Groups) {
		f.resize(g, e.At)
		if len(was) > 0 {
			f.judgeAnew(g, was[len(was)-1].Job, e.At)
		}
	}
	f.out.notice(e.At, "job_submitted", j, v.Why)
	f.begin(j, e, len(was) == 0)
	j.trim()
	f.out.touch(j)
	return nil
}

// derive makes the version that an event tells of.
func (j *job) derive(e *versioned) (*version, error) {
	v := &version{Num: 1, At: e.At, Job: e.Job, Key: e.Key, User: e.User, Why: e.Why}
	if len(j.Versions) > 0 {
		v.Num = j.last().Num + 1
	}
	if v.Job == nil {
		from := j.version(e.From)
		if from == nil {
			return nil, fmt.Errorf("job %s: no version %d to begin from", j.ID, e.From)
		}
		spec := *from.Job
		spec.Groups = slices.Clone(spec.Groups)
		v.Job, v.Stable = &spec, from.Stable && e.Counts != nil && from == j.last()
	}
	for name, n := range e.Counts {
		g := groupOf(v.Job, name)
		if g == nil {
			return nil, fmt.Errorf("job %s: no group %q to scale", j.ID, name)
		}
		g.Count = n
	}
	return v, nil
}

// adopt returns the group of a new version: the one that there was, or a new one.
// Its tasks run what the newest version whose description is the same has.
func (j *job) adopt(spec *model.Group, old []*group) *group {
	v := j.last()
	g := &group{Name: spec.Name, job: j}
	if n := slices.IndexFunc(old, func(o *group) bool { return o.Name == spec.Name }); n >= 0 {
		g = old[n]
	} else if n := slices.IndexFunc(j.Left, func(l left) bool { return l.Name == spec.Name }); n >= 0 {
		g.Used = j.Left[n].Used
		j.Left = slices.Delete(j.Left, n, n+1)
	}
	g.Base = j.baseFor(v, spec)
	return g
}

// baseFor returns the version of which a group's tasks are the same as in v.
func (j *job) baseFor(v *version, spec *model.Group) uint32 {
	for _, o := range slices.Backward(j.Versions) {
		if o == v {
			continue
		}
		if og := groupOf(o.Job, spec.Name); og != nil && sameTasks(o.Job, og, v.Job, spec) {
			// That one may itself run an older one's tasks.
			return j.oldest(o, og)
		}
	}
	return v.Num
}

// oldest follows a group's description back to the first remembered version that has it.
func (j *job) oldest(o *version, og *model.Group) uint32 {
	base := o.Num
	for _, x := range j.Versions {
		if x.Num >= o.Num {
			break
		}
		if xg := groupOf(x.Job, og.Name); xg != nil && sameTasks(x.Job, xg, o.Job, og) {
			base = x.Num
			break
		}
	}
	return base
}

// resize gives a group its slots in the version in force. A system job's come
// with the agents.
func (f *Framework) resize(g *group, at sdk.Micros) {
	spec := g.want()
	if spec == nil || g.job.stopping() {
		for _, s := range slices.Clone(g.Slots) {
			f.drop(g, s, at, g.job.farewell())
		}
		return
	}
	if g.job.system() {
		for _, s := range slices.Clone(g.Slots) {
			f.aim(g, s, at)
		}
		return
	}
	for n := range spec.Count {
		s := g.slot(uint32(n))
		if s == nil {
			s = &slot{Index: uint32(n)}
			f.insert(g, s)
			s.Cur = g.newAlloc(s)
			continue
		}
		f.aim(g, s, at)
	}
	for _, s := range slices.Clone(g.Slots) {
		if int(s.Index) >= spec.Count {
			f.drop(g, s, at, "the group was scaled down")
		}
	}
}

// farewell says why all of a job's tasks end.
func (j *job) farewell() string {
	if j.stopping() {
		return "the job was stopped"
	}
	return "the group is not part of the job any more"
}

// aim has a slot's successor be of the base in force, where it has one, and what
// has not started yet too. What runs stays.
func (f *Framework) aim(g *group, s *slot, at sdk.Micros) {
	s.Drop = false
	if t := s.target(); t == nil || t.Base != g.Base {
		s.Canary = false
	}
	if n := s.Next; n != nil && n.Base != g.Base && n.Stop == 0 {
		taking := s.Cur != nil && s.Cur.Stop != 0 // it is all there will be
		if !taking || !n.Live {
			f.stop(g, s, n, at, "a newer version took its place")
		}
	}
	switch c := s.Cur; {
	case c == nil:
		s.Cur = g.newAlloc(s)
	case c.Failed || !c.Live && c.Base != g.Base && c.First == 0 && c.Stop == 0:
		g.retire(s, c)
		s.Cur = nil
		s.Cur = g.newAlloc(s)
		f.out.mayBeDone(c.launchID(g.job))
	case c.Stop != 0 && s.Next == nil:
		s.Next, s.After = g.newAlloc(s), true
	}
}

// newAlloc makes an allocation of the base in force for a slot, in a lane in which
// the slot has none.
func (g *group) newAlloc(s *slot) *alloc {
	a := &alloc{Base: g.Base}
	for (s.Cur != nil && s.Cur.Base == a.Base && s.Cur.Lane == a.Lane) || (s.Next != nil && s.Next.Base == a.Base && s.Next.Lane == a.Lane) {
		a.Lane++
	}
	if d := g.job.deployment(); d != nil {
		a.Made = d.Number
	}
	g.Used = slices.DeleteFunc(g.Used, func(u used) bool {
		if u.Index != s.Index || u.Base != a.Base || u.Lane != a.Lane {
			return false
		}
		a.Attempt = u.Attempt
		return true
	})
	for a.Attempt > maxAttempt {
		a.Lane, a.Attempt = a.Lane+2, 0
	}
	return a
}

// leave takes a group that has no slots any more out of its job, which remembers what
// it used as long as the versions that it ran.
func (g *group) leave() {
	j := g.job
	if !slices.Contains(j.Groups, g) {
		return // a slot is settled again when it has gone
	}
	j.Groups = slices.DeleteFunc(j.Groups, func(x *group) bool { return x == g })
	if len(g.Used) > 0 {
		j.Left = append(j.Left, left{g.Name, g.Used})
	}
}

// maxAttempt is where an allocation goes on in another lane: attempts have 16 bits.
const maxAttempt = 65_000

// retire notes how far an allocation's attempts went, as it is gone.
func (g *group) retire(s *slot, a *alloc) {
	if a.Attempt > 0 {
		g.Used = append(g.Used, used{a.Base, a.Lane, s.Index, a.Attempt})
	}
}

// trim forgets versions that nobody needs, and what was used in them.
func (j *job) trim() {
	needed := map[uint32]bool{}
	for _, g := range j.Groups {
		needed[g.Base] = true
	}
	j.allocs(func(_ *group, _ *slot, a *alloc) { needed[a.Base] = true })
	if s := j.stable(j.last().Num); s != nil {
		needed[s.Num] = true
	}
	excess := len(j.Versions) - maxVersions
	j.Versions = slices.DeleteFunc(j.Versions, func(v *version) bool {
		drop := excess > 0 && !needed[v.Num]
		excess--
		return drop
	})
	unknown := func(u used) bool { return j.version(u.Base) == nil }
	for _, g := range j.Groups {
		g.Used = slices.DeleteFunc(g.Used, unknown)
	}
	j.Left = slices.DeleteFunc(j.Left, func(l left) bool { return !slices.ContainsFunc(l.Used, func(u used) bool { return !unknown(u) }) })
}

// stable returns the latest stable version before another, nil if there is none.
func (j *job) stable(before uint32) *version {
	for _, v := range slices.Backward(j.Versions) {
		if v.Num < before && v.Stable {
			return v
		}
	}
	return nil
}

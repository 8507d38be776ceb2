package offers

import (
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Accept checks an acceptance against its offer, and if it passes turns the
// room of its launches from offered to used and closes the offer; what was not
// taken is free again. A refused acceptance launches nothing and uses up the
// offer as a Decline does (so does Mesos): whoever got it wrong asks again.
//
// The check is all-or-nothing over all launches: the offer is out and is fw's;
// each launch's agent is part of it; its tasks have the shape of a part there
// and are no more than that part has left; none of them is in the book already;
// a gang's offer is used up; and nothing outlasts the offer's UnavailableFrom.
//
// A launch takes from one part: the one of the group with its own number if
// there are several of its shape, else the smallest that is large enough.
//
// The demand's counts are reduced by what was launched, and the demand leaves
// the book when all are zero. A framework that wants something else sends the
// demand again.
//
// Accept returns the offer as it was and for each launch its claim, which Use
// needs to count the launch again after a restart.
func (b *Book) Accept(now time.Time, fw model.FrameworkID, a model.Accept) (Accepted, *model.Refusal) {
	o := b.offers.get(a.Offer)
	if o == nil || o.Framework != fw {
		return Accepted{}, model.Refuse(model.ReasonStaleOffer,
			"accept offer %s: no such offer is out; it was rescinded or used already", a.Offer)
	}
	if o.classic != nil {
		return b.acceptClassic(now, o, a.Launches)
	}
	parts, refusal := b.checkAccept(now, o, a.Launches)
	if refusal == nil {
		refusal = b.claimTasks(a.Offer, a.Launches)
	}
	if refusal != nil {
		b.Decline(a.Offer)
		return Accepted{}, refusal
	}
	d := o.demand
	b.delist(d)
	d.since = now
	done := Accepted{Offer: o.Offer, Claims: make([]Claim, len(a.Launches))}
	for i := range a.Launches {
		l, s := &a.Launches[i], o.stakes[parts[i]]
		n := len(l.Tasks)
		s.take(-n)
		if s.grants != nil {
			s.handOver(l)
		}
		b.start(s.agent, s.kind, l, now)
		done.Claims[i] = s.Claim
		d.Groups[s.Group].Count = max(d.Groups[s.Group].Count-n, 0)
	}
	b.closeOffer(o)
	b.relist(d)
	return done, nil
}

// start puts the tasks of l on a, those with a grant each for itself.
func (b *Book) start(a *agent, k *kind, l *model.Launch, now time.Time) {
	if l.Grants == nil {
		used := b.run(a, k, l, len(l.Tasks), now, nil)
		for t := range l.Tasks {
			b.tasks.put(l.ID(t), used)
		}
		return
	}
	for t := range l.Tasks {
		b.tasks.put(l.ID(t), b.run(a, k, l, 1, now, l.Grants[t:t+1]))
	}
}

// handOver gives the tasks of l what is granted by name: what they name, or else
// the next ones in order. checkGrants has looked.
func (s *stake) handOver(l *model.Launch) {
	if len(l.Grants) == 0 {
		l.Grants = slices.Clone(s.grants[:len(l.Tasks)])
	}
	for i := range l.Grants {
		at := slices.IndexFunc(s.grants, func(g model.Grant) bool { return sameGrant(&g, &l.Grants[i]) })
		s.grants = slices.Delete(slices.Clone(s.grants), at, at+1)
	}
}

// checkGrants refuses a launch that names other things than its part of the offer
// has left. left is what it has, and is reduced by what the launch takes.
func checkGrants(o *offer, i int, l *model.Launch, left []model.Grant) ([]model.Grant, *model.Refusal) {
	if len(l.Grants) == 0 {
		return left[min(len(l.Tasks), len(left)):], nil
	}
	if len(l.Grants) != len(l.Tasks) {
		return nil, model.Refuse(model.ReasonBadRequest, "accept offer %s: launch %d of job %s has %d grants for %d tasks", o.ID, i, l.Job, len(l.Grants), len(l.Tasks))
	}
	for n := range l.Grants {
		at := slices.IndexFunc(left, func(g model.Grant) bool { return sameGrant(&g, &l.Grants[n]) })
		if at < 0 {
			return nil, model.Refuse(model.ReasonBeyondOffer, "accept offer %s: launch %d of job %s names devices or ports that the offer does not grant", o.ID, i, l.Job)
		}
		left = slices.Delete(slices.Clone(left), at, at+1)
	}
	return left, nil
}

// Accepted is what an acceptance came to.
type Accepted struct {
	Offer  model.Offer
	Claims []Claim // of the launches, in their order
}

// checkAccept returns for each launch the part it takes from.
func (b *Book) checkAccept(now time.Time, o *offer, launches []model.Launch) ([]int, *model.Refusal) {
	if len(launches) == 0 {
		return nil, model.Refuse(model.ReasonBadRequest, "accept offer %s: it launches nothing; decline the offer instead", o.ID)
	}
	left := b.scratch.taken[:0]
	for _, p := range o.Parts {
		left = append(left, p.Count)
	}
	b.scratch.taken = left
	grants := map[int][]model.Grant{}
	parts := make([]int, len(launches))
	for i := range launches {
		l := &launches[i]
		n := len(l.Tasks)
		if n == 0 {
			return nil, model.Refuse(model.ReasonBadRequest, "accept offer %s: launch %d of job %s has no tasks", o.ID, i, l.Job)
		}
		p, r := b.choosePart(o, l, left)
		if r != nil {
			return nil, r
		}
		if r := pastUnavailability(now, o, i, l); r != nil {
			return nil, r
		}
		if s := o.stakes[p]; s.grants != nil {
			if _, seen := grants[p]; !seen {
				grants[p] = s.grants
			}
			if grants[p], r = checkGrants(o, i, l, grants[p]); r != nil {
				return nil, r
			}
		}
		left[p] -= n
		parts[i] = p
	}
	if o.AllOrNothing {
		for i, n := range left {
			if n > 0 {
				return nil, model.Refuse(model.ReasonPartialGang,
					"accept offer %s: it is a gang's, to be taken wholly, and %d of %d tasks on %s are not launched",
					o.ID, n, o.Parts[i].Count, o.stakes[i].agent.info.Name)
			}
		}
	}
	return parts, nil
}

// pastUnavailability refuses launch i if it may run into o's UnavailableFrom.
func pastUnavailability(now time.Time, o *offer, i int, l *model.Launch) *model.Refusal {
	end := o.UnavailableFrom
	if end.IsZero() || l.TimeLimit > 0 && !now.Add(l.TimeLimit.Std()).After(end) {
		return nil
	}
	return model.Refuse(model.ReasonPastDeadline,
		"accept offer %s: launch %d of job %s may run past %s, when its room is wanted; give it a time limit of at most %s",
		o.ID, i, l.Job, end.UTC().Format(time.RFC3339), max(end.Sub(now), 0))
}

// choosePart returns the part of o that l takes from, given what is left of each.
func (b *Book) choosePart(o *offer, l *model.Launch, left []int) (int, *model.Refusal) {
	a := b.byID[l.Agent]
	if a == nil || !a.known {
		return 0, model.Refuse(model.ReasonUnknownAgent, "accept offer %s: there is no agent %q any more", o.ID, l.Agent)
	}
	best, room, others := -1, 0, 0
	for i := o.firstPart(a); i < len(o.Parts) && o.stakes[i].agent == a; i++ {
		if !l.Shape.Equal(&o.demand.Groups[o.Parts[i].Group].Shape) {
			others++
			continue
		}
		room = max(room, left[i])
		switch {
		case left[i] < len(l.Tasks):
		case o.Parts[i].Group == int(l.Group):
			return i, nil
		case best < 0 || left[i] < left[best]:
			best = i
		}
	}
	switch {
	case best >= 0:
		return best, nil
	case room == 0 && others > 0:
		return 0, model.Refuse(model.ReasonBeyondOffer,
			"accept offer %s: a task of job %s asks for %s, which is not what was offered on %s", o.ID, l.Job, l.Shape, a.info.Name)
	}
	return 0, model.Refuse(model.ReasonBeyondOffer,
		"accept offer %s: %d tasks of job %s on %s, where the offer has room for %d of them", o.ID, len(l.Tasks), l.Job, a.info.Name, room)
}

// firstPart returns the first part of o at or after a's position.
func (o *offer) firstPart(a *agent) int {
	lo, hi := 0, len(o.stakes)
	for lo < hi {
		mid := (lo + hi) / 2
		if o.stakes[mid].agent.pos < a.pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// claimed stands for the stake of tasks while their acceptance is checked.
var claimed = new(stake)

// claimTasks enters all tasks in the book, or none if one of them is there.
func (b *Book) claimTasks(id model.OfferID, launches []model.Launch) *model.Refusal {
	for i := range launches {
		for t := range launches[i].Tasks {
			task := launches[i].ID(t)
			if b.tasks.get(task) == nil {
				b.tasks.put(task, claimed)
				continue
			}
			b.unclaimTasks(launches[:i], &launches[i], t)
			return model.Refuse(model.ReasonDuplicateTask,
				"accept offer %s: task %s is running already, or is twice in the acceptance", id, task)
		}
	}
	return nil
}

// unclaimTasks takes out the tasks of whole launches, and the first n of one more.
func (b *Book) unclaimTasks(whole []model.Launch, part *model.Launch, n int) {
	for t := range n {
		b.tasks.remove(part.ID(t))
	}
	for i := range whole {
		for t := range whole[i].Tasks {
			b.tasks.remove(whole[i].ID(t))
		}
	}
}

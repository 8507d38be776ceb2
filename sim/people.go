package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
)

// people are those who submit jobs, and what they were promised.
type people struct {
	w      *world
	owners []*owner
	byNum  map[int]*owner
	byJob  map[model.JobID]*owner
}

func (p *people) init(w *world, plans []*jobPlan) {
	p.w, p.byNum, p.byJob = w, map[int]*owner{}, map[model.JobID]*owner{}
	for _, plan := range plans {
		o := &owner{w: w, plan: plan, key: fmt.Sprintf("key-%d", plan.num), name: fmt.Sprintf("owner-%d", plan.num)}
		p.owners = append(p.owners, o)
		p.byNum[plan.num] = o
		w.at(plan.at, o.submit)
	}
}

// behaviour draws what the process of a task does.
func (p *people) behaviour(r random, spec *model.Job, id model.TaskID) behaviour {
	plan := p.plan(spec)
	b := behaviour{
		duration:    50*time.Millisecond + r.exp(plan.mean),
		killTimeout: time.Duration(spec.Groups[id.Group].Tasks[0].KillTimeout),
		ignoresTerm: r.chance(plan.stubborn), startFails: r.chance(plan.startFails), oom: r.chance(plan.oom),
	}
	if plan.forever {
		b.duration = plan.mean
	}
	if plan.prepares {
		b.prepares = r.exp(500 * time.Millisecond)
	}
	if r.chance(plan.failing) {
		b.exitCode = r.count(1, 3)
	}
	return b
}

func (p *people) plan(spec *model.Job) *jobPlan {
	if isSchedule(spec.Name) {
		return p.w.keeperOf(spec.Name).plan
	}
	if isServiceName(spec.Name) {
		return p.w.tenantOf(spec.Name).plan
	}
	n, err := strconv.Atoi(strings.TrimPrefix(spec.Name, "job-"))
	if err != nil || p.byNum[n] == nil {
		panic("sim: a job that nobody submitted: " + spec.Name)
	}
	return p.byNum[n].plan
}

// owner is one person with one job.
type owner struct {
	w       *world
	plan    *jobPlan
	key     string
	name    string
	job     *model.Job
	id      model.JobID // once acknowledged
	refused bool        // for good
	busy    int         // requests not answered yet, or still to be made
	retried bool        // a retry was acknowledged or may have been

	forgotten bool // the job has left the history
}

// submit asks for the job, once those it waits for are known.
func (o *owner) submit() {
	spec := *o.plan.job
	for _, n := range o.plan.needs {
		other := o.w.people.byNum[n.num]
		switch {
		case other == nil || other.refused: // left out
		case other.id == "":
			o.w.after(time.Second, o.submit)
			return
		case n.byName:
			spec.DependsOn = append(spec.DependsOn, model.Dependency{Job: other.plan.job.Name, Kind: n.kind})
		default:
			spec.DependsOn = append(spec.DependsOn, model.Dependency{Job: string(other.id), Kind: n.kind})
		}
	}
	o.job = &spec
	o.ask(func() any {
		// The API's edge makes an id for every request.
		return model.Submit{ID: o.newID(), Job: o.job, Key: o.key, User: o.name}
	}, o.submitted)
}

// needsForgotten reports whether a job that o's names may have left the history.
func (o *owner) needsForgotten() bool {
	return slices.ContainsFunc(o.plan.needs, func(n need) bool {
		other := o.w.people.byNum[n.num]
		return other != nil && other.forgotten
	})
}

func (o *owner) newID() model.JobID {
	var b [5]byte
	n := o.w.random.Uint64()
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return model.NewJobID(b)
}

func (o *owner) submitted(r model.Reply) {
	if r.Err != nil && r.Err.Reason == model.ReasonInvalidJob && o.needsForgotten() {
		o.w.say(o.name, "is refused: %s", r.Err.Message)
		o.refused = o.id == ""
		return
	}
	if r.Err != nil {
		o.w.fail("submission", "job %s was refused: %s: %s", o.job.Name, r.Err.Reason, r.Err.Message)
		o.refused = true
		return
	}
	s := r.Body.(model.SubmitReply)
	o.w.say(o.name, "%s is %s, existing %t", s.Name, s.ID, s.Existing)
	if o.forgotten && s.ID != o.id { // with the job its key is forgotten
		o.id, o.forgotten = s.ID, false
		o.w.people.byJob[s.ID] = o
		return
	}
	if o.id != "" {
		if s.ID != o.id || !s.Existing {
			o.w.fail("one key is one job", "job %s was submitted again with its key and became %s, not %s (existing %t)", s.Name, s.ID, o.id, s.Existing)
		}
		return
	}
	o.id = s.ID
	o.w.people.byJob[s.ID] = o
	o.w.stats.Jobs++
	if !o.w.auditor.knows(s.ID) {
		o.w.fail("acknowledged submissions are durable", "job %s (%s) was acknowledged, but no commit holds it", s.Name, s.ID)
	}
	o.follow()
}

// follow does what the owner does after the submission.
func (o *owner) follow() {
	if o.plan.repeat {
		o.busy++
		o.w.after(o.w.random.exp(10*time.Second), func() {
			o.busy--
			o.submit()
		})
	}
	for _, a := range o.plan.actions {
		o.busy++
		o.w.after(a.after, func() {
			o.busy--
			o.act(a.request)
		})
	}
}

func (o *owner) act(request any) {
	switch q := request.(type) {
	case model.CancelJob:
		q.Selector = string(o.id)
		request = q
	case model.RetryJob:
		q.Selector = string(o.id)
		request = q
		o.retried = true
	}
	o.w.say(o.name, "asks %T %+v", request, request)
	o.ask(func() any { return request }, func(r model.Reply) {
		if r.Err == nil {
			v := r.Body.(model.JobView)
			o.w.say(o.name, "%T: %s is %s, %+v", request, v.ID, v.State, v.Slots)
			return
		}
		o.w.say(o.name, "%T is refused: %s: %s", request, r.Err.Reason, r.Err.Message)
		switch r.Err.Reason {
		case model.ReasonTerminalJob, model.ReasonNotTerminal, model.ReasonBadRequest:
		default:
			if r.Err.Reason == model.ReasonNotFound && (o.forgotten || everywhere(o.job)) { // or has no such index yet
				return
			}
			o.w.fail("requests", "%T of job %s (%s) was refused: %s: %s", request, o.job.Name, o.id, r.Err.Reason, r.Err.Message)
		}
	})
}

const (
	askTimeout = 5 * time.Second
	lostReply  = 0.03
)

// ask makes a request until it has an answer: from another master, or again
// when the answer does not come.
func (o *owner) ask(body func() any, done func(model.Reply)) {
	w, attempt := o.w, 0
	var try func()
	o.busy++
	again := func(n int, wait time.Duration) {
		if n == attempt {
			attempt++
			w.after(wait, try)
		}
	}
	try = func() {
		n := attempt
		answer := func(r model.Reply) {
			if w.rough && w.random.chance(lostReply) {
				return // the connection broke
			}
			w.after(w.latency(), func() {
				switch {
				case n != attempt:
				case r.Err != nil && (r.Err.Reason == model.ReasonUnavailable || r.Err.Reason == model.ReasonNotLeader):
					again(n, w.random.between(50*time.Millisecond, time.Second))
				default:
					attempt++
					o.busy--
					done(r)
				}
			})
		}
		m := pick(w.random, w.masters)
		if l := w.etcd.lease; l != nil && w.random.chance(0.8) {
			m = l.owner
		}
		request, boot := body(), m.boot
		w.after(w.latency(), func() { m.enter(boot, func() { m.asked(request, answer) }) })
		w.after(askTimeout, func() { again(n, 0) })
	}
	try()
}

// asked is a master's API: only a leader answers.
func (m *masterNode) asked(body any, answer func(model.Reply)) {
	t := m.leading()
	if t == nil {
		answer(model.Reply{Err: model.Refuse(model.ReasonNotLeader, "another master leads")})
		return
	}
	t.nextID++
	t.replies[t.nextID] = func(r model.Reply) {
		if r.Err != nil && m.w.etcd.lease != t.lease {
			// It does not know yet that another one leads, and so refuses by what
			// was true a moment ago. Nothing is promised about that; ask again.
			r = model.Reply{Err: model.Refuse(model.ReasonNotLeader, "another master leads by now")}
		}
		answer(r)
	}
	t.put(master.Asked{ID: t.nextID, Body: body})
}

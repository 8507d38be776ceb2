package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Roles of the jobs of a run. What an operator sets about them changes while
// they run.
var jobRoles = []choice[string]{
	{model.DefaultRole, 8}, {"lab", 3}, {"lab/a", 3}, {"lab/b", 3}, {"guests", 4},
}

// tightRun says of a run whether jobs are in each other's way much of the time.
func tightRun(o Options) bool { return newRandom(o.Seed, forTight).chance(0.4) }

// share makes a job one among others: it is of a role, may be preempted, says
// how long it takes, and its priority is another.
func (p *jobPlan) share(r random, tight bool) {
	if tight && !hasArray(p, 500) {
		p.mean = min(4*p.mean, 90*time.Second)
		if r.chance(0.5) {
			for i := range p.job.Groups {
				res := &p.job.Groups[i].Tasks[0].Resources
				res.CPUMilli = max(res.CPUMilli, 2000)
			}
		}
	}
	p.job.Role = weighted(r, jobRoles)
	p.job.Priority = pick(r, []int{10, 20, 50, 50, 50, 80, 95})
	p.job.Preemptible = r.chance(0.35)
	// Others can plan with its end. No task of it runs for as long.
	if slack := r.between(10*time.Second, 5*time.Minute); r.chance(0.4) && p.job.TimeLimit == 0 && !p.forever {
		p.job.TimeLimit = model.Duration(6*p.mean + slack)
	}
}

// operator is who sets roles, and what they were promised. In some runs there is
// none.
type operator struct {
	w       *world
	person  *owner              // asks as owners do
	limit   map[string]int64    // CPUMilli; none = no limit
	asked   map[string]bool     // an answer is still to come: either limit may be in force
	granted map[string]bool     // had a guarantee at some time
	later   map[string][]func() // what to ask of a role after the answer
}

// withRoles is the share of runs that have an operator.
const withRoles = 0.7

func (o *operator) init(w *world) {
	o.w, o.limit, o.asked, o.granted = w, map[string]int64{}, map[string]bool{}, map[string]bool{}
	o.later = map[string][]func(){}
	o.person = &owner{w: w, name: "operator"}
	r := newRandom(w.options.Seed, forRoles)
	if !r.chance(withRoles) {
		return
	}
	cores := int64(0)
	for _, h := range w.hosts {
		cores += h.info.Capacity.CPUMilli / 1000
	}
	for range r.count(2, 6) {
		c := someRole(r, cores)
		at := r.between(0, w.options.Length*3/4)
		if r.chance(0.3) {
			at = 0
		}
		w.at(at, func() { o.set(c) })
	}
}

// someRole draws what is set about a role.
func someRole(r random, cores int64) model.RoleConfig {
	c := model.RoleConfig{Role: pick(r, []string{"lab", "lab/a", "lab/b", "guests", model.DefaultRole})}
	if r.chance(0.5) {
		c.Weight = pick(r, []float64{0.5, 2, 4})
	}
	if r.chance(0.5) {
		limit := 1000 * int64(r.count(4, int(max(cores/2, 4))))
		c.Limit.CPUMilli = &limit
	}
	if r.chance(0.5) {
		c.Guarantee.CPUMilli = 1000 * int64(r.count(1, int(max(cores/4, 1))))
	}
	return c
}

func (o *operator) set(c model.RoleConfig) {
	o.w.say("operator", "sets role %s: weight %v, guarantee %s, limit %s", c.Role, c.Weight, c.Guarantee, limitText(c.Limit))
	if !c.Guarantee.IsZero() {
		o.granted[c.Role] = true // also if the answer is lost
	}
	o.ask(c.Role, model.SetRole{RoleConfig: c}, func(r model.Reply) {
		switch {
		case r.Err == nil && c.Limit.CPUMilli != nil:
			o.limit[c.Role] = *c.Limit.CPUMilli
		case r.Err == nil:
			delete(o.limit, c.Role)
		case r.Err.Reason != model.ReasonBadRequest: // guarantees beyond what there is
			o.w.fail("requests", "setting role %s was refused: %s: %s", c.Role, r.Err.Reason, r.Err.Message)
		}
	})
}

// ask makes a request about a role once those before it are answered: of two at once
// nobody could tell which is in force.
func (o *operator) ask(role string, body any, done func(model.Reply)) {
	if o.asked[role] {
		o.later[role] = append(o.later[role], func() { o.ask(role, body, done) })
		return
	}
	o.asked[role] = true
	o.person.ask(func() any { return body }, func(r model.Reply) {
		done(r)
		delete(o.asked, role)
		if next := o.later[role]; len(next) > 0 {
			o.later[role] = next[1:]
			next[0]()
		}
	})
}

// mend takes all limits away, so that all work can come to its end.
func (o *operator) mend() {
	for _, role := range []string{"lab/a", "lab/b", "lab", "guests", model.DefaultRole} {
		o.ask(role, model.RemoveRole{Role: role}, func(r model.Reply) {
			if r.Err != nil && r.Err.Reason != model.ReasonNotFound {
				o.w.fail("requests", "removing role %s was refused: %s: %s", role, r.Err.Reason, r.Err.Message)
			}
			delete(o.limit, role)
		})
	}
}

func limitText(l model.Limits) string {
	if l.CPUMilli == nil {
		return "none"
	}
	return fmt.Sprintf("cpus=%d", *l.CPUMilli/1000)
}

// above are a role and those above it.
func above(role string) []string {
	out := []string{role}
	for i := strings.LastIndexByte(role, '/'); i > 0; i = strings.LastIndexByte(role, '/') {
		role = role[:i]
		out = append(out, role)
	}
	return out
}

// use notes what a role's tasks use by the journal.
func (a *auditor) use(role string, cpuMilli int64) {
	for _, name := range above(role) {
		a.byRole[name] += cpuMilli
	}
}

// checkLimit looks, when tasks of a role are staged, whether its limits and those
// above allow it. A limit that is acknowledged holds for all that comes after.
func (a *auditor) checkLimit(role string) {
	o := &a.w.operator
	for _, name := range above(role) {
		if limit, ok := o.limit[name]; ok && !o.asked[name] && a.byRole[name] > limit {
			a.w.fail("role limits", "role %s uses %d of its limit of %d thousandths of a core after a launch for role %s", name, a.byRole[name], limit, role)
		}
	}
}

// preempted looks at the end of a task that was stopped for another job.
func (a *auditor) preempted(st *model.TaskStatus, t *attempt) {
	a.w.stats.Preempted++
	a.gaveWay = append(a.gaveWay, t)
	job := a.specs[st.Task.Job]
	if !job.Preemptible {
		a.w.fail("preemption", "task %s of job %s was preempted, which never said that it may be: %s", st.Task, job.Name, st.Message)
	}
	label, ok := strings.CutPrefix(st.Message, "preempted for ")
	if !ok {
		return // it was asked for by another leader
	}
	name, _, _ := strings.Cut(label, ".")
	for _, o := range a.w.people.owners {
		if o.plan.job.Name != name {
			continue
		}
		by := o.plan.job
		related := slices.Contains(above(by.Role), job.Role) || slices.Contains(above(job.Role), by.Role)
		owed := slices.ContainsFunc(above(by.Role), func(r string) bool { return a.w.operator.granted[r] })
		if related && by.Priority <= job.Priority || !related && !owed {
			a.w.fail("preemption", "task %s of job %s (role %s, priority %d) was preempted for %s (role %s, priority %d)",
				st.Task, job.Name, job.Role, job.Priority, label, by.Role, by.Priority)
		}
	}
}

// wentBack looks at the end of a run whether each task that gave way was tried
// again, unless its owner or its gang had it otherwise.
func (a *auditor) wentBack() {
	for _, t := range a.gaveWay {
		o := a.w.people.byJob[t.id.Job]
		if o == nil || len(o.plan.actions) > 0 || o.forgotten || t.group.spec.Gang != nil {
			continue
		}
		next := t.id
		next.Attempt++
		if a.attempts[next] == nil {
			a.w.fail("preempted tasks go back", "task %s of job %s was preempted and never tried again", t.id, o.plan.job.Name)
		}
	}
}

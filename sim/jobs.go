package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// jobPlan is one job that somebody will submit, and what else they will do.
type jobPlan struct {
	num     int
	at      time.Duration
	job     *model.Job
	needs   []need // other jobs, earlier ones
	never   bool   // it asks for what no agent has
	forever bool   // its tasks do not end by themselves

	// What its processes do.
	mean        time.Duration // of their duration
	failing     float64       // chances
	oom         float64
	stubborn    float64
	startFails  float64
	prepares    bool
	killTimeout time.Duration

	// What its owner does.
	repeat  bool // submits again with the same key, though it was acknowledged
	actions []action
}

// longestKill is the longest kill timeout of a task.
const longestKill = 45 * time.Second

type need struct {
	num    int
	kind   model.DependencyKind
	byName bool
}

// action is something an owner does some time after the job was acknowledged.
type action struct {
	after   time.Duration
	request any // model.CancelJob or RetryJob, without its selector
}

// planJobs draws the jobs of a run from its seed.
func planJobs(o Options, hosts []*host) []*jobPlan {
	r := newRandom(o.Seed, forJobs)
	n := max(int(o.Length.Minutes()*float64(r.count(3, 5))), 3)
	big := r.chance(0.4)
	plans := make([]*jobPlan, 0, n)
	shares := newRandom(o.Seed, forShares)
	tight := tightRun(o)
	spreads := newRandom(o.Seed, forEverywhere)
	for i := range n {
		p := planJob(r, i, n, o, hosts, big)
		p.share(shares, tight)
		p.runEverywhere(spreads)
		big = big && !hasArray(p, 500)
		plans = append(plans, p)
	}
	if o.Jobs == nil {
		return plans
	}
	return slices.DeleteFunc(plans, func(p *jobPlan) bool { return !slices.Contains(o.Jobs, p.num) })
}

func hasArray(p *jobPlan, size int) bool {
	return slices.ContainsFunc(p.job.Groups, func(g model.Group) bool { return g.Array != nil && g.Size() >= size })
}

type shape uint8

const (
	single shape = iota
	counted
	array
	bigArray
	gang
	exclusive
	severalGroups
	impossible
)

func planJob(r random, num, of int, o Options, hosts []*host, big bool) *jobPlan {
	p := &jobPlan{num: num, killTimeout: pick(r, []time.Duration{500 * time.Millisecond, 5 * time.Second, 15 * time.Second, longestKill})}
	p.at = r.between(time.Second, o.Length*9/10)
	p.mean = pick(r, []time.Duration{300 * time.Millisecond, 2 * time.Second, 5 * time.Second, 15 * time.Second, 40 * time.Second, 90 * time.Second})
	p.job = &model.Job{
		Name: fmt.Sprintf("job-%d", num), Type: model.JobBatch, Role: model.DefaultRole,
		Priority: pick(r, []int{20, 50, 50, 50, 80}),
	}
	kinds := []choice[shape]{
		{single, 28}, {counted, 14}, {array, 22}, {gang, 16}, {exclusive, 6}, {severalGroups, 10}, {impossible, 3},
	}
	if big {
		kinds = append(kinds, choice[shape]{bigArray, 12})
	}
	p.groups(r, weighted(r, kinds), hosts)
	p.temper(r)
	p.wish(r, num)
	p.decide(r)
	if r.chance(0.08) {
		p.goOn(r)
	}
	return p
}

// groups fills in what is to run.
func (p *jobPlan) groups(r random, s shape, hosts []*host) {
	switch s {
	case single:
		p.addGroup(r, 1)
	case counted:
		p.addGroup(r, r.count(2, 20))
	case array:
		g := p.addGroup(r, 0)
		g.Array = someArray(r, r.count(10, 120))
		p.mean = min(p.mean, 15*time.Second)
	case bigArray:
		g := p.addGroup(r, 0)
		g.Array = someArray(r, r.count(500, 2500))
		g.Tasks[0].Resources.CPUMilli = 250
		p.mean = r.between(200*time.Millisecond, 3*time.Second)
		p.at = min(p.at, 2*time.Minute)
	case gang:
		g := p.addGroup(r, r.count(2, max(2, min(12, len(hosts)))))
		g.Gang = &model.Gang{}
		g.Tasks[0].Resources.CPUMilli = pick(r, []int64{500, 1000, 2000})
		g.Restart.Mode, g.Restart.Interval = model.RestartFail, 0 // one of many fails nearly always
		if g.Count <= len(hosts)/2 && r.chance(0.3) {
			g.Constraints = append(g.Constraints, model.Constraint{Operator: "distinct_hosts"})
		}
	case exclusive:
		g := p.addGroup(r, r.count(1, 3))
		g.Exclusive = true
	case severalGroups:
		for range r.count(2, 3) {
			p.addGroup(r, r.count(1, 8))
		}
	case impossible:
		g := p.addGroup(r, r.count(1, 3))
		p.never = true
		if r.chance(0.5) {
			g.Tasks[0].Resources.CPUMilli = 1_000_000
		} else {
			g.Constraints = append(g.Constraints, model.Constraint{Attribute: "${attr.rack}", Operator: "=", Value: "r99"})
		}
	}
}

func (p *jobPlan) addGroup(r random, count int) *model.Group {
	g := model.Group{
		Name: fmt.Sprintf("g%d", len(p.job.Groups)), Count: count,
		Restart: model.RestartPolicy{Mode: model.RestartFail},
		Tasks: []model.TaskSpec{{
			Name: "main", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/work"},
			Resources: model.TaskResources{
				CPUMilli: pick(r, []int64{250, 500, 1000, 1000, 2000}), MemoryBytes: pick(r, []int64{64, 256, 1024}) << 20,
			},
			KillTimeout: model.Duration(p.killTimeout), Logs: model.LogConfig{MaxFiles: 2, MaxFileBytes: 1 << 20},
		}},
	}
	if r.chance(0.4) {
		g.Restart = model.RestartPolicy{
			Attempts: r.count(1, 3), Interval: model.Duration(pick(r, []time.Duration{0, time.Minute, 10 * time.Minute})),
			Delay: model.Duration(pick(r, []time.Duration{0, time.Second, 10 * time.Second})),
			Mode:  pick(r, []model.RestartMode{model.RestartFail, model.RestartFail, model.RestartDelay}),
		}
	}
	if r.chance(0.15) {
		g.Constraints = append(g.Constraints, pick(r, []model.Constraint{
			{Attribute: "${attr.rack}", Operator: "!=", Value: "r0"},
			{Attribute: "${attr.rack}", Operator: "regexp", Value: "r[01]"},
			{Attribute: "${attr.cpu.arch}", Operator: "is_set"},
		}))
	}
	p.job.Groups = append(p.job.Groups, g)
	return &p.job.Groups[len(p.job.Groups)-1]
}

func someArray(r random, size int) *model.Array {
	a := &model.Array{}
	first := uint32(r.IntN(5))
	if r.chance(0.3) {
		step := uint32(r.count(2, 3))
		half := uint32(size / 2)
		a.Ranges = append(a.Ranges, model.IndexRange{First: first, Last: first + (half-1)*step, Step: step})
		first += half*step + 7
		size -= int(half)
	}
	a.Ranges = append(a.Ranges, model.IndexRange{First: first, Last: first + uint32(size) - 1, Step: 1})
	if r.chance(0.5) {
		a.Limit = r.count(1+size/20, 2+size/4)
	}
	return a
}

// temper draws how the job's processes behave.
func (p *jobPlan) temper(r random) {
	switch r.IntN(5) {
	case 0:
		p.failing = 0.15
	case 1:
		p.failing = 0.02
		p.oom = 0.02
	}
	if r.chance(0.1) {
		p.startFails = 0.1
	}
	if r.chance(0.3) {
		p.stubborn = 0.5
	}
	p.prepares = r.chance(0.3)
	if r.chance(0.15) {
		p.job.TimeLimit = model.Duration(p.mean + r.exp(p.mean))
		for i := range p.job.Groups { // an interval gives new attempts without end
			p.job.Groups[i].Restart.Interval = 0
			p.job.Groups[i].Restart.Mode = model.RestartFail
		}
	}
}

// wish draws the jobs it waits for.
func (p *jobPlan) wish(r random, num int) {
	if num == 0 || !r.chance(0.2) {
		return
	}
	kinds := []model.DependencyKind{model.DependOK, model.DependFailed, model.DependAny, model.DependAny, model.DependStarted}
	for range r.count(1, 2) {
		n := r.IntN(num)
		if !slices.ContainsFunc(p.needs, func(x need) bool { return x.num == n }) {
			p.needs = append(p.needs, need{n, pick(r, kinds), r.chance(0.3)})
		}
	}
}

// goOn makes the job's tasks run until they are killed: a kill that is lost for
// good shows.
func (p *jobPlan) goOn(r random) {
	p.mean, p.forever = time.Hour, true
	p.failing, p.oom, p.job.TimeLimit, p.repeat = 0, 0, 0, false
	p.actions = []action{{5*time.Second + r.exp(40*time.Second), model.CancelJob{}}}
	for i := range p.job.Groups {
		if a := p.job.Groups[i].Array; a != nil {
			a.Limit = 10
		}
	}
}

// decide draws what its owner does.
func (p *jobPlan) decide(r random) {
	p.repeat = r.chance(0.15)
	g := &p.job.Groups[r.IntN(len(p.job.Groups))]
	if r.chance(0.15) {
		p.actions = append(p.actions, action{r.exp(20 * time.Second), model.CancelJob{}})
	}
	if r.chance(0.1) && g.Size() > 1 {
		c := model.CancelJob{Group: g.Name}
		if g.Gang == nil {
			for range r.count(1, 5) {
				c.Indices = append(c.Indices, g.IndexAt(r.IntN(g.Size())))
			}
		}
		p.actions = append(p.actions, action{r.exp(15 * time.Second), c})
	}
	if r.chance(0.15) {
		p.actions = append(p.actions, action{r.between(5*time.Second, 2*time.Minute), model.RetryJob{All: r.chance(0.3)}})
	}
	slices.SortStableFunc(p.actions, func(a, b action) int { return int(a.after - b.after) })
}

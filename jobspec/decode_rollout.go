package jobspec

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tender-scheduler/tender/core/model"
)

// What a service's groups get where its file is silent. The values are Nomad's.
func defaultUpdate() model.UpdatePolicy {
	return model.UpdatePolicy{
		MaxParallel: 1, HealthCheck: model.HealthByChecks, MinHealthyTime: seconds(10), HealthyDeadline: seconds(5 * 60),
		ProgressDeadline: seconds(10 * 60), Stagger: seconds(30),
	}
}

func defaultReschedule() model.ReschedulePolicy {
	return model.ReschedulePolicy{Delay: seconds(30), DelayFunction: "exponential", MaxDelay: seconds(3600), Unlimited: true}
}

func defaultMigrate() model.MigratePolicy {
	return model.MigratePolicy{MaxParallel: 1, HealthCheck: model.HealthByChecks, MinHealthyTime: seconds(10), HealthyDeadline: seconds(5 * 60)}
}

func defaultServiceRestart() model.RestartPolicy {
	return model.RestartPolicy{Attempts: 2, Interval: seconds(30 * 60), Delay: defaultRestartDelay, Mode: model.RestartFail}
}

func seconds(n int) model.Duration { return model.Duration(time.Duration(n) * time.Second) }

// lasting reports whether jobs of a type go on until they are stopped.
func lasting(t model.JobType) bool { return t == model.JobService || t == model.JobSystem }

// rollout is what a job says for all of its groups about how they are replaced.
type rollout struct {
	d          *decoder
	kind       model.JobType
	written    map[string]hcl.Range // where, by path
	update     model.UpdatePolicy
	reschedule model.ReschedulePolicy
	migrate    model.MigratePolicy
}

// rollout reads the blocks that a job may have in its groups' stead.
func (n *node) rollout(kind model.JobType) *rollout {
	r := &rollout{d: n.d, kind: kind, written: map[string]hcl.Range{}, update: defaultUpdate(), reschedule: defaultReschedule(), migrate: defaultMigrate()}
	r.read(n, n.field, &r.update, &r.reschedule, &r.migrate)
	for at, where := range n.d.at {
		name, _, _ := strings.Cut(at, ".")
		if name == "update" || name == "reschedule" || name == "migrate" {
			r.written[at] = where
		}
	}
	return r
}

// of gives a group what it says itself, and else what its job does.
func (r *rollout) of(n *node, path string, g *model.Group) {
	u, s, m := r.update, r.reschedule, r.migrate
	if n != nil {
		for at, where := range r.written { // unless the group says otherwise
			r.d.at[path+"."+at] = where
		}
		r.read(n, n.field, &u, &s, &m)
	}
	if !lasting(r.kind) {
		return
	}
	g.Update = &u
	if r.kind == model.JobService {
		g.Reschedule, g.Migrate = &s, &m
	}
}

func (r *rollout) read(n *node, field func(string) string, u *model.UpdatePolicy, s *model.ReschedulePolicy, m *model.MigratePolicy) {
	if r.refuse(n) {
		return
	}
	if b := n.one("update", updateShape, field("update")); b != nil {
		b.update(u)
	}
	if b := n.one("reschedule", rescheduleShape, field("reschedule")); b != nil {
		b.reschedule(s)
	}
	if b := n.one("migrate", migrateShape, field("migrate")); b != nil {
		b.migrate(m)
	}
}

// refuse refuses the blocks that the job's type has no use for.
func (r *rollout) refuse(n *node) (all bool) {
	switch {
	case r.kind == model.JobSystem:
		for _, name := range []string{"reschedule", "migrate"} {
			for _, b := range n.blocks[name] {
				r.d.ds.at(b.header, name+" cannot be used in a system job", "a system job has a task on every agent that fits, and none that could go elsewhere", "remove it")
			}
			delete(n.blocks, name)
		}
	case !lasting(r.kind):
		for _, x := range []struct{ name, why, instead string }{
			{"update", "a batch job runs once, so nothing of it is updated", `remove it, or write type = "service" in the job`},
			{"reschedule", "a retry of a batch task may go to any agent", `use restart { attempts = … } in the group, or write type = "service" in the job`},
			{"migrate", "batch tasks are not moved", `remove it, or write type = "service" in the job`},
		} {
			for _, b := range n.blocks[x.name] {
				r.d.ds.at(b.header, fmt.Sprintf("%s cannot be used in a %s job", x.name, r.kind), x.why, x.instead)
			}
		}
		return true
	}
	return false
}

func (n *node) update(u *model.UpdatePolicy) {
	n.whole("max_parallel", &u.MaxParallel)
	n.text("health_check", &u.HealthCheck)
	n.duration("min_healthy_time", &u.MinHealthyTime)
	n.duration("healthy_deadline", &u.HealthyDeadline)
	n.duration("progress_deadline", &u.ProgressDeadline)
	n.duration("stagger", &u.Stagger)
	n.whole("canary", &u.Canary)
	n.flag("auto_revert", &u.AutoRevert)
	n.flag("auto_promote", &u.AutoPromote)
}

func (n *node) reschedule(r *model.ReschedulePolicy) {
	if n.whole("attempts", &r.Attempts) && r.Attempts > 0 {
		r.Unlimited = false
	}
	n.duration("interval", &r.Interval)
	n.duration("delay", &r.Delay)
	n.text("delay_function", &r.DelayFunction)
	n.duration("max_delay", &r.MaxDelay)
	n.flag("unlimited", &r.Unlimited)
}

func (n *node) migrate(m *model.MigratePolicy) {
	n.whole("max_parallel", &m.MaxParallel)
	n.text("health_check", &m.HealthCheck)
	n.duration("min_healthy_time", &m.MinHealthyTime)
	n.duration("healthy_deadline", &m.HealthyDeadline)
}

// newGroup is a group with the defaults of the job's type.
func (d *decoder) newGroup(name string) model.Group {
	g := newGroup(name)
	if d.rollout != nil && lasting(d.rollout.kind) {
		g.Restart = defaultServiceRestart()
	}
	return g
}

// completeRollout fills in what a group that came as JSON leaves out.
func completeRollout(kind model.JobType, g *model.Group) {
	if !lasting(kind) {
		return
	}
	if g.Update == nil {
		u := defaultUpdate()
		g.Update = &u
	}
	fill(&g.Update.HealthCheck, model.HealthByChecks)
	if kind != model.JobService {
		return
	}
	if g.Reschedule == nil {
		r := defaultReschedule()
		g.Reschedule = &r
	}
	fill(&g.Reschedule.DelayFunction, "exponential")
	if g.Migrate == nil {
		m := defaultMigrate()
		g.Migrate = &m
	}
	fill(&g.Migrate.HealthCheck, model.HealthByChecks)
}

package jobspec

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
)

var (
	healthChecks   = []string{model.HealthByChecks, model.HealthByTaskStates}
	updateChecks   = []string{model.HealthByChecks, model.HealthByTaskStates, model.HealthManual}
	delayFunctions = []string{"constant", "exponential", "fibonacci"}
)

// rollout checks what a job's type rules in and out, and how its groups are replaced.
func (c *checker) rollout(j *model.Job) {
	kind := j.Type
	if lasting(kind) {
		if j.TimeLimit != 0 {
			c.fail("time_limit", fmt.Sprintf("a %s job has no time limit: it runs until it is stopped", kind), `remove it, or write type = "batch"`)
		}
		if len(j.DependsOn) > 0 {
			c.fail("depends_on", fmt.Sprintf("a %s job cannot depend on another job", kind), "wait in a prestart task instead")
		}
	}
	for i := range j.Groups {
		g, path := &j.Groups[i], fmt.Sprintf("groups[%d]", i)
		if !lasting(kind) {
			c.notForBatch(path, kind, g)
			c.everywhere(path, kind, g)
			continue
		}
		if g.Array != nil {
			c.fail(path+".array", fmt.Sprintf("a %s job has no arrays: their tasks end", kind), `use count, or write type = "batch"`)
		}
		if g.Gang != nil {
			c.fail(path+".gang", fmt.Sprintf("a %s job has no gangs", kind), `use count, or write type = "batch"`)
		}
		if kind == model.JobSystem && g.Count != 1 {
			c.fail(path+".count", "a system job has one task on every agent that fits, and no count", "remove it")
		}
		if g.Update != nil {
			c.update(path+".update", g)
		}
		if g.Reschedule != nil {
			c.reschedule(path+".reschedule", g.Reschedule)
		}
		if g.Migrate != nil {
			c.migrate(path+".migrate", g.Migrate)
		}
	}
}

// everywhere checks a group of which each agent that matches runs one.
func (c *checker) everywhere(path string, kind model.JobType, g *model.Group) {
	if kind != model.JobSysBatch {
		return
	}
	const once = "a sysbatch job has one task on every agent that matches"
	if g.Array != nil {
		c.fail(path+".array", once+", and no arrays", `remove it, or write type = "batch"`)
	}
	if g.Gang != nil {
		c.fail(path+".gang", once+", and no gangs", `remove it, or write type = "batch"`)
	}
	if g.Array == nil && g.Count != 1 {
		c.fail(path+".count", once+", and no count", "remove it")
	}
	if len(g.Spreads) > 0 {
		c.fail(path+".spreads", once+": there is nothing to spread", "remove it")
	}
}

func (c *checker) notForBatch(path string, kind model.JobType, g *model.Group) {
	for _, x := range []struct {
		name  string
		there bool
	}{{"update", g.Update != nil}, {"reschedule", g.Reschedule != nil}, {"migrate", g.Migrate != nil}} {
		if x.there {
			c.fail(path+"."+x.name, fmt.Sprintf("a %s job has no %s", kind, x.name), `remove it, or write type = "service"`)
		}
	}
}

func (c *checker) healthCheck(path, value string) {
	if value == model.HealthManual {
		c.fail(path, `health_check = "manual" is for update, not for migrate: a drain waits for nobody`, `write "checks" or "task_states"`)
		return
	}
	c.oneOf(path, "health_check", value, healthChecks)
}

func (c *checker) update(path string, g *model.Group) {
	u := g.Update
	c.between(path+".max_parallel", "max_parallel", int64(u.MaxParallel), 0, model.MaxCount)
	c.oneOf(path+".health_check", "health_check", u.HealthCheck, updateChecks)
	c.duration(path+".min_healthy_time", "min_healthy_time", u.MinHealthyTime)
	c.duration(path+".healthy_deadline", "healthy_deadline", u.HealthyDeadline)
	c.duration(path+".progress_deadline", "progress_deadline", u.ProgressDeadline)
	c.duration(path+".stagger", "stagger", u.Stagger)
	c.between(path+".canary", "canary", int64(u.Canary), 0, model.MaxCount)
	if u.HealthyDeadline <= u.MinHealthyTime {
		c.fail(path+".healthy_deadline", fmt.Sprintf("healthy_deadline is %s; it must be longer than min_healthy_time, %s", u.HealthyDeadline, u.MinHealthyTime), "")
	}
	if u.ProgressDeadline != 0 && u.ProgressDeadline <= u.HealthyDeadline {
		c.fail(path+".progress_deadline", fmt.Sprintf("progress_deadline is %s; it must be longer than healthy_deadline, %s, or 0", u.ProgressDeadline, u.HealthyDeadline), "")
	}
	if u.AutoPromote && u.Canary == 0 {
		c.fail(path+".auto_promote", "auto_promote needs canaries to promote", "write canary = 1, or remove it")
	}
	if u.Canary > 0 && g.Count < u.Canary {
		c.fail(path+".canary", fmt.Sprintf("canary is %d and count %d; there cannot be more canaries than tasks", u.Canary, g.Count), "")
	}
}

func (c *checker) reschedule(path string, r *model.ReschedulePolicy) {
	c.between(path+".attempts", "attempts", int64(r.Attempts), 0, model.MaxAttempts)
	c.duration(path+".interval", "interval", r.Interval)
	c.duration(path+".delay", "delay", r.Delay)
	c.duration(path+".max_delay", "max_delay", r.MaxDelay)
	c.oneOf(path+".delay_function", "delay_function", r.DelayFunction, delayFunctions)
	if r.Unlimited && r.Attempts > 0 {
		c.fail(path+".attempts", "attempts and unlimited = true do not go together", "remove one of them")
	}
	if r.MaxDelay != 0 && r.MaxDelay < r.Delay {
		c.fail(path+".max_delay", fmt.Sprintf("max_delay is %s; it cannot be shorter than delay, %s", r.MaxDelay, r.Delay), "")
	}
}

func (c *checker) migrate(path string, m *model.MigratePolicy) {
	c.between(path+".max_parallel", "max_parallel", int64(m.MaxParallel), 1, model.MaxCount)
	c.healthCheck(path+".health_check", m.HealthCheck)
	c.duration(path+".min_healthy_time", "min_healthy_time", m.MinHealthyTime)
	c.duration(path+".healthy_deadline", "healthy_deadline", m.HealthyDeadline)
	if m.HealthyDeadline <= m.MinHealthyTime {
		c.fail(path+".healthy_deadline", fmt.Sprintf("healthy_deadline is %s; it must be longer than min_healthy_time, %s", m.HealthyDeadline, m.MinHealthyTime), "")
	}
}

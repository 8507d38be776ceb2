package jobspec

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/schedule"
)

// maxCrons bounds the expressions of one job.
const maxCrons = 100

var (
	overlaps = []string{"allow", "forbid", "queue", "replace"}
	catchUps = []string{"none", "latest", "all"}
)

// periodic checks a scheduled job.
func (c *checker) periodic(j *model.Job) {
	p := j.Periodic
	if p == nil {
		return
	}
	if lasting(j.Type) {
		c.fail("type", fmt.Sprintf("a job of type %q has no periodic block: each of its runs is to end", j.Type), `write type = "batch", or remove periodic`)
	}
	c.scheduleSource(j)
	if len(p.Crons) > maxCrons {
		c.fail("periodic.crons", fmt.Sprintf("the job has %d cron expressions; it may have %d", len(p.Crons), maxCrons), "")
		return
	}
	for i, text := range p.Crons {
		_, fault := schedule.ParseCron(text)
		c.scheduleFault(fmt.Sprintf("periodic.crons[%d]", i), fault)
	}
	if p.Schedule != "" {
		_, fault := schedule.ParseRepeat(p.Schedule)
		c.scheduleFault("periodic.schedule", fault)
	}
	c.scheduleFault("periodic.time_zone", schedule.CheckZone(p.TimeZone))
	c.oneOf("periodic.overlap", "overlap", string(p.Overlap), overlaps)
	c.oneOf("periodic.catch_up", "catch_up", string(p.CatchUp), catchUps)
	c.duration("periodic.epsilon", "epsilon", p.Epsilon)
	if p.Epsilon > 0 && p.Epsilon.Std() < time.Second {
		c.fail("periodic.epsilon", "epsilon is shorter than a second", "it is how late a run may start; the default is 1m")
	}
	if p.Keep.Successful != 0 {
		c.between("periodic.keep.successful", "keep_successful", int64(p.Keep.Successful), 1, model.MaxKeepRuns)
	}
	if p.Keep.Failed != 0 {
		c.between("periodic.keep.failed", "keep_failed", int64(p.Keep.Failed), 1, model.MaxKeepRuns)
	}
}

func (c *checker) scheduleFault(path string, fault *schedule.Fault) {
	if fault != nil {
		c.fail(path, fault.Message, fault.Hint)
	}
}

// scheduleSource checks that it is clear when a run is due: by cron, by a
// repetition, or by the jobs it follows.
func (c *checker) scheduleSource(j *model.Job) {
	p := j.Periodic
	own := len(p.Crons) > 0 || p.Schedule != ""
	switch {
	case len(p.Crons) > 0 && p.Schedule != "":
		c.fail("periodic.schedule", "periodic has either cron expressions or a schedule", "remove one of them")
	case p.Chained && own:
		c.fail("periodic.chained", "a chained job is due when the jobs it depends on have run, so it has no schedule of its own", "remove chained, or the schedule")
	case p.Chained && len(j.DependsOn) == 0:
		c.fail("periodic.chained", "a chained job depends on other scheduled jobs, and this one on none", `write depends_on = { other = "ok" } in the job`)
	case !p.Chained && own && len(j.DependsOn) > 0:
		c.fail("depends_on", "a job with a schedule of its own does not wait for others", "write periodic { chained = true } to run after them, or remove depends_on")
	case !p.Chained && !own && len(j.DependsOn) > 0:
		c.fail("periodic", "periodic does not say when the job is due", "write chained = true to run after the jobs it depends on, or cron = \"…\"")
	case !p.Chained && !own:
		c.fail("periodic", "periodic does not say when the job is due", `write cron = "30 2 * * *", every day at 02:30, or schedule = "R//PT1H", every hour`)
	}
}

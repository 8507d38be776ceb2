package jobspec

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
)

func (c *checker) group(path string, g *model.Group) {
	c.name(path+".name", "a group", g.Name)
	if g.Array == nil {
		c.count(path+".count", g.Count)
	} else {
		c.array(path+".array", g)
	}
	if g.Gang != nil {
		c.gang(path+".gang", g)
	}
	c.constraints(path, g.Constraints, placeGroup)
	c.affinities(path, g.Affinities)
	c.spreads(path, g.Spreads)
	if g.Network != nil {
		c.network(path+".network", g.Network)
	}
	c.services(path, g)
	c.restart(path+".restart", g.Restart)
	c.bytesBetween(path+".disk_bytes", "the size of ephemeral_disk", g.DiskBytes, 0, maxSizeBytes)
	c.meta(path+".meta", g.Meta)
	c.tasks(path, g)
}

func (c *checker) count(path string, n int) {
	switch {
	case n < 1:
		c.fail(path, fmt.Sprintf("count is %d; it must be at least 1", n), "to keep a job from running, do not submit it")
	case n > model.MaxCount:
		c.fail(path, fmt.Sprintf("count is %d; it may be at most %d", n, model.MaxCount), "")
	}
}

func (c *checker) array(path string, g *model.Group) {
	a := g.Array
	if g.Count != 1 {
		c.fail(path, fmt.Sprintf("a group with an array has a count of 1, not %d", g.Count), "the array's range says how many there are")
	}
	if len(a.Ranges) == 0 {
		c.fail(path+".ranges", "the array has no range", `write range = "0-99"`)
		return
	}
	size := 0
	for i, r := range a.Ranges {
		rp := fmt.Sprintf("%s.ranges[%d]", path, i)
		switch {
		case r.Step < 1:
			c.fail(rp, "the step of a range must be at least 1", "")
			return
		case r.Last < r.First:
			c.fail(rp, fmt.Sprintf("the range %s ends before it starts", formatRange(r)), "")
			return
		case i > 0 && r.First <= a.Ranges[i-1].Last:
			c.fail(rp, "the ranges of an array must ascend and not overlap", "")
			return
		}
		size += r.Len()
	}
	if size > model.MaxArraySize {
		c.fail(path+".ranges", fmt.Sprintf("the array has %d indices; it may have %d", size, model.MaxArraySize),
			"give each task a share of the work, or submit several jobs")
	}
	if a.Limit < 0 {
		c.fail(path+".limit", fmt.Sprintf("limit is %d; it must be at least 1, or 0 for no limit", a.Limit), "")
	}
}

var restartModes = []string{string(model.RestartFail), string(model.RestartDelay)}

func (c *checker) restart(path string, r model.RestartPolicy) {
	c.between(path+".attempts", "attempts", int64(r.Attempts), 0, model.MaxAttempts)
	c.duration(path+".interval", "interval", r.Interval)
	c.duration(path+".delay", "delay", r.Delay)
	c.oneOf(path+".mode", "mode", string(r.Mode), restartModes)
	if r.Mode == model.RestartDelay && r.Interval == 0 {
		c.fail(path+".mode", `mode = "delay" needs an interval to wait for`, `write interval = "10m"`)
	}
}

func (c *checker) tasks(path string, g *model.Group) {
	switch {
	case len(g.Tasks) == 0:
		c.fail(path+".tasks", fmt.Sprintf("the group %q has no task", g.Name), `write task "name" { … }`)
		return
	case len(g.Tasks) > model.MaxTasksPerGroup:
		c.fail(path+".tasks", fmt.Sprintf("the group %q has %d tasks; it may have %d", g.Name, len(g.Tasks), model.MaxTasksPerGroup),
			"tasks of a group run on one agent together; make several groups, or use count or array")
		return
	}
	leaders, main := 0, 0
	for i := range g.Tasks {
		t := &g.Tasks[i]
		tp := fmt.Sprintf("%s.tasks[%d]", path, i)
		c.task(tp, t)
		if t.Leader {
			if leaders++; leaders == 2 {
				c.fail(tp+".leader", "a group has one leader", "the group ends when its leader does")
			}
		}
		if t.Lifecycle == nil {
			main++
		}
	}
	if main == 0 {
		c.fail(path+".tasks", fmt.Sprintf("the group %q has no main task: all have a lifecycle hook", g.Name), "remove lifecycle from one of them")
	}
	c.unique("tasks in a group", len(g.Tasks), func(i int) (string, string) {
		return fmt.Sprintf("%s.tasks[%d].name", path, i), g.Tasks[i].Name
	})
}

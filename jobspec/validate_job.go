package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

var (
	jobTypes        = []string{"batch", "service", "system", "sysbatch"}
	dependencyKinds = []string{"ok", "failed", "any", "started"}
)

// slurmKinds are Slurm's words for the conditions of a dependency.
var slurmKinds = map[string]model.DependencyKind{
	"afterok": model.DependOK, "afternotok": model.DependFailed, "afterany": model.DependAny, "after": model.DependStarted,
	"success": model.DependOK, "succeeded": model.DependOK, "complete": model.DependOK, "failure": model.DependFailed,
	"done": model.DependAny, "ended": model.DependAny, "running": model.DependStarted,
}

// maxDependencies bounds what one job waits for.
const maxDependencies = 1000

func (c *checker) job(j *model.Job) {
	c.name("name", "the job", j.Name)
	if j.Name == "last" {
		c.fail("name", `"last" cannot name a job: it selects the last job submitted`, "")
	}
	c.jobType(string(j.Type))
	c.role(j.Role)
	c.between("priority", "priority", int64(j.Priority), 0, model.MaxPriority)
	c.duration("time_limit", "time_limit", j.TimeLimit)
	c.dependencies(j)
	c.periodic(j)
	c.placement(j.Placement)
	c.constraints("", j.Constraints, placeJob)
	c.affinities("", j.Affinities)
	c.spreads("", j.Spreads)
	c.meta("meta", j.Meta)
	switch {
	case len(j.Groups) == 0:
		c.fail("groups", "the job has no group and no task", `write group "name" { task "name" { … } }`)
	case len(j.Groups) > model.MaxGroups:
		c.fail("groups", fmt.Sprintf("the job has %d groups; it may have %d", len(j.Groups), model.MaxGroups), "use count or array in a group for like tasks")
		return
	}
	for i := range j.Groups {
		c.group(fmt.Sprintf("groups[%d]", i), &j.Groups[i])
	}
	c.rollout(j)
	c.unique("groups", len(j.Groups), func(i int) (string, string) {
		return fmt.Sprintf("groups[%d].name", i), j.Groups[i].Name
	})
}

func (c *checker) jobType(t string) {
	switch {
	case slices.Contains(jobTypes, t):
	default:
		c.fail("type", fmt.Sprintf("there is no job type %q", t), orElse(didYouMean(t, jobTypes), "write type = "+orList(jobTypes)))
	}
}

// role checks a path in the tree of roles, such as research/nlp.
func (c *checker) role(role string) {
	if fault, hint := model.RoleFault(role); fault != "" {
		c.fail("role", fault, hint)
	}
}

func (c *checker) dependencies(j *model.Job) {
	if len(j.DependsOn) > maxDependencies {
		c.fail("depends_on", fmt.Sprintf("the job depends on %d others; it may on %d", len(j.DependsOn), maxDependencies), "")
		return
	}
	seen := map[string]bool{}
	for i, d := range j.DependsOn {
		path := fmt.Sprintf("depends_on[%d]", i)
		if !nameSyntax().MatchString(d.Job) || len(d.Job) > model.MaxNameBytes {
			c.fail(path, fmt.Sprintf("%q is no name or id of a job", d.Job), "")
		}
		if d.Job == j.Name {
			c.fail(path, "the job depends on itself", "")
		}
		if seen[d.Job] {
			c.fail(path, fmt.Sprintf("the job depends on %q twice", d.Job), "keep one condition")
		}
		seen[d.Job] = true
		if slices.Contains(dependencyKinds, string(d.Kind)) {
			continue
		}
		hint := didYouMean(string(d.Kind), dependencyKinds)
		if k, ok := slurmKinds[strings.ToLower(string(d.Kind))]; ok {
			hint = fmt.Sprintf("write %q", k)
		}
		c.fail(path, fmt.Sprintf("%q is no condition of a dependency; it must be %s", d.Kind, orList(dependencyKinds)), hint)
	}
	for i := 1; i < len(j.DependsOn); i++ {
		if j.DependsOn[i].Job < j.DependsOn[i-1].Job {
			c.fail("depends_on", "depends_on must be sorted by job", "")
			return
		}
	}
}

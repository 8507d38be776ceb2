package jobspec

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tender-scheduler/tender/core/model"
)

// job decodes the job block.
func (d *decoder) job(b block) *model.Job {
	n := d.open(b, jobShape, "")
	j := &model.Job{
		Name: n.label(), Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority,
	}
	n.text("type", (*string)(&j.Type))
	n.text("role", &j.Role)
	n.whole("priority", &j.Priority)
	n.duration("time_limit", &j.TimeLimit)
	n.textMap("meta", false, &j.Meta)
	j.DependsOn = n.dependencies()
	if p := n.one("periodic", periodicShape, n.field("periodic")); p != nil {
		j.Periodic = p.periodic()
	}
	n.flag("preemptible", &j.Preemptible)
	n.text("placement", (*string)(&j.Placement))
	j.Constraints, j.Affinities, j.Spreads = n.constraints(), n.affinities(), n.spreads()
	d.rollout = n.rollout(j.Type)
	for _, g := range n.blocks["group"] {
		j.Groups = append(j.Groups, d.group(g, n.field(fmt.Sprintf("groups[%d]", len(j.Groups)))))
	}
	for _, t := range n.blocks["task"] {
		j.Groups = append(j.Groups, d.loneTask(t, n.field(fmt.Sprintf("groups[%d]", len(j.Groups)))))
	}
	for i := range j.Groups {
		completeServices(j, &j.Groups[i])
	}
	d.runDuration(n, j)
	if len(j.Groups) == 0 && d.broken {
		d.bad["groups"] = true
	}
	return j
}

// loneTask makes the group of a task that stands in the job itself: it has the
// task's name, as in Nomad.
func (d *decoder) loneTask(b block, path string) model.Group {
	d.at[path] = b.header
	if len(b.labels) > 0 {
		d.at[path+".name"] = b.labels[0].at
	}
	g := d.newGroup("")
	var restart *node
	t, inner := d.task(b, path+".tasks[0]")
	if restart = inner.one("restart", restartShape, path+".restart"); restart != nil {
		restart.restart(&g.Restart)
	}
	g.Name, g.Tasks = t.Name, []model.TaskSpec{t}
	d.rollout.of(nil, path, &g)
	d.services(inner, path, t.Name, &g)
	return g
}

// runDuration takes a group's max_run_duration, which is Nomad's name for a
// limit, as the job's time_limit where both mean the same.
func (d *decoder) runDuration(n *node, j *model.Job) {
	for i, b := range n.blocks["group"] {
		a := b.body.Attributes["max_run_duration"]
		if a == nil {
			continue
		}
		if n.has("time_limit") || len(j.Groups) > 1 {
			d.ds.at(a.NameRange, "max_run_duration cannot stand for the limit of this job",
				"a job has one time limit for all its groups", "remove it and set time_limit in the job")
			continue
		}
		g := &node{d: d, shape: groupShape, title: "group", path: n.field(fmt.Sprintf("groups[%d]", i)), block: b}
		if g.duration("max_run_duration", &j.TimeLimit) {
			d.at["time_limit"] = a.Expr.Range()
		}
	}
}

// dependencies reads depends_on, a map or a block from job to condition.
func (n *node) dependencies() (out []model.Dependency) {
	v, at, ok := n.firm("depends_on", "depends_on")
	if ok && (v.Type().IsTupleType() || v.Type().IsListType() || v.Type() == cty.String) {
		example := "prepare"
		for _, e := range append(elements(v), v) {
			if s := text(e); s != "" {
				example = s
				break
			}
		}
		n.wrong("depends_on", "depends_on", at, "a map from job to condition",
			fmt.Sprintf(`write depends_on = { %s = "ok" }; the conditions are %s`, key(example), orList(dependencyKinds)), v)
		return nil
	}
	on := map[string]string{}
	n.textMap("depends_on", false, &on)
	for job, kind := range on {
		out = append(out, model.Dependency{Job: job, Kind: model.DependencyKind(kind)})
	}
	slices.SortFunc(out, func(a, b model.Dependency) int { return cmp.Compare(a.Job, b.Job) })
	for i, dep := range out {
		n.d.at[fmt.Sprintf("depends_on[%d]", i)] = n.d.at["depends_on."+dep.Job]
	}
	return out
}

// field returns the path of something within n.
func (n *node) field(name string) string {
	if n.path == "" {
		return name
	}
	return n.path + "." + name
}

// key writes a map key as HCL needs it.
func key(name string) string {
	if hclsyntax.ValidIdentifier(name) {
		return name
	}
	return quote(name)
}

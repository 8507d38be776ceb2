package sdktest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Render writes a step's effects, one a line.
func Render(e model.Effects) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, ev := range e.Events {
		kind, _, _ := bytes.Cut(ev, []byte(" "))
		line("journal %s", kind)
	}
	for _, c := range e.Calls {
		renderCall(line, c)
	}
	for _, r := range e.Replies {
		if r.Err != nil {
			line("reply   refused %s: %s", r.Err.Reason, r.Err.Message)
			for _, d := range r.Err.Details {
				line("          %s", d)
			}
		} else {
			line("reply   %s", renderBody(r.Body))
		}
	}
	for i := range e.Notices {
		line("notice  %s", renderNotice(&e.Notices[i]))
	}
	if !e.Wake.IsZero() {
		line("wake    %s", clock(e.Wake))
	}
	return b.String()
}

// clock writes the time of day, with the date if it is not that of Start.
func clock(t time.Time) string {
	if t.Sub(Start.Truncate(24*time.Hour)) < 24*time.Hour {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

func renderCall(line func(string, ...any), c model.Call) {
	switch c := c.(type) {
	case model.Demands:
		for i := range c.Set {
			line("demand  %s", RenderDemand(&c.Set[i]))
		}
		for _, id := range c.Drop {
			line("drop    %s", id)
		}
	case model.Accept:
		for i := range c.Launches {
			l := &c.Launches[i]
			line("accept  %s %s: %s", c.Offer, l.Agent, renderTasks(l))
		}
	case model.Decline:
		if c.RefuseFor > 0 {
			line("decline %s for %s", c.Offer, c.RefuseFor)
		} else {
			line("decline %s", c.Offer)
		}
	case model.AcceptInverse:
		line("give    %s", c.Offer)
	case model.DeclineInverse:
		line("keep    %s", c.Offer)
	case model.Kill:
		switch {
		case c.Reason == model.ReasonContainerPreempted:
			line("kill    %s preempted", c.Task)
		case c.Reason == model.ReasonAgentDraining:
			line("kill    %s draining", c.Task)
		case c.Grace != 0:
			line("kill    %s within %s", c.Task, c.Grace)
		default:
			line("kill    %s", c.Task)
		}
	case model.Withdraw:
		for _, id := range c.Tasks {
			line("off     %s", id)
		}
	case model.JobDone:
		line("done    %s", c.Job)
	case model.Spawn:
		line("spawn   %s %s", c.Submit.ID, c.Submit.Job.Name)
	case model.WatchHosts:
		if c.Group == nil {
			line("unwatch hosts of %s", c.ID)
		} else {
			line("watch hosts of %s", c.ID)
		}
	case model.WatchJobs:
		line("watch   %v", c.Jobs)
	case model.Ask:
		line("ask     %T of %s", c.Body, c.Body.(model.Selecting).JobSelector())
	}
}

// RenderDemand writes a demand on one line.
func RenderDemand(d *model.Demand) string {
	g := &d.Groups[0]
	s := fmt.Sprintf("%s %s %d×%s rank=%d seq=%d", d.ID, d.Label, g.Count, g.Shape, d.Rank, d.Seq)
	if d.AllOrNothing {
		s += " gang"
	}
	if d.Every {
		s = fmt.Sprintf("%s %s everywhere×%s rank=%d seq=%d", d.ID, d.Label, g.Shape, d.Rank, d.Seq)
	}
	if g.Only != nil {
		s += fmt.Sprintf(" only on %v", g.Only)
	}
	if len(g.Avoid) > 0 {
		s += fmt.Sprintf(" not on %v", g.Avoid)
	}
	if d.TimeLimit > 0 {
		s += " limit=" + d.TimeLimit.String()
	}
	if g.MaxPerAgent > 0 {
		s += fmt.Sprintf(" max_per_agent=%d", g.MaxPerAgent)
	}
	if g.Exclusive {
		s += " exclusive"
	}
	for _, c := range g.Constraints {
		s += fmt.Sprintf(" [%s %s %s]", c.Attribute, c.Operator, c.Value)
	}
	if d.Preemptible {
		s += " preemptible grace=" + d.Grace.String()
	}
	if d.Placement != "" {
		s += " " + string(d.Placement)
	}
	for _, a := range g.Affinities {
		s += fmt.Sprintf(" prefers [%s %s %s] %d", a.Attribute, a.Operator, a.Value, a.Weight)
	}
	for _, x := range g.Spreads {
		s += fmt.Sprintf(" over %s %d%v", x.Attribute, x.Weight, x.Targets)
	}
	for _, p := range g.Shape.Ports {
		s += fmt.Sprintf(" port %s=%d", p.Label, p.Static)
	}
	return s
}

// renderTasks writes a launch's tasks, runs of them as FIRST-LAST.
func renderTasks(l *model.Launch) string {
	var parts []string
	for i := 0; i < len(l.Tasks); {
		k := i + 1
		for k < len(l.Tasks) && l.Tasks[k].Attempt == l.Tasks[i].Attempt && l.Tasks[k].Index == l.Tasks[k-1].Index+1 {
			k++
		}
		a, z := l.Tasks[i], l.Tasks[k-1]
		if a == z {
			parts = append(parts, fmt.Sprintf("%s/%d/%d/%d", l.Job, l.Group, a.Index, a.Attempt))
		} else {
			parts = append(parts, fmt.Sprintf("%s/%d/%d-%d/%d", l.Job, l.Group, a.Index, z.Index, a.Attempt))
		}
		i = k
	}
	s := strings.Join(parts, " ")
	if n := l.Env["TENDER_WORLD_SIZE"]; n != "" {
		s += " world=" + n
	}
	return s
}

func renderNotice(n *model.Notice) string {
	s := n.Kind + " " + string(n.Job)
	if n.Task != nil {
		s = n.Kind + " " + n.Task.String()
	}
	if n.State != "" {
		s += " " + n.State
	}
	if n.Message != "" {
		s += ": " + n.Message
	}
	return s
}

func renderBody(body any) string {
	switch b := body.(type) {
	case model.SubmitReply:
		s := "job " + string(b.ID)
		if b.Existing {
			s += " (existing)"
		}
		if b.Unchanged {
			s += " (unchanged)"
		}
		if b.Warning != nil {
			s += " warning: " + b.Warning.Summary
		}
		return s
	case model.JobView:
		return RenderJob(&b)
	case model.DeploymentView:
		return RenderDeployment(&b)
	case model.RunView:
		if b.Job == "" {
			return fmt.Sprintf("run due %s %s", clock(b.Due), b.State)
		}
		return fmt.Sprintf("run %d %s %s", b.Number, b.Job, b.State)
	}
	return fmt.Sprintf("%+v", body)
}

// RenderJob writes a job on one line.
func RenderJob(v *model.JobView) string {
	s := fmt.Sprintf("%s %s %s", v.ID, v.Name, v.State)
	c := v.Slots
	for _, x := range []struct {
		name string
		n    int
	}{
		{"waiting", c.Waiting}, {"staging", c.Staging}, {"running", c.Running}, {"succeeded", c.Succeeded},
		{"failed", c.Failed}, {"killed", c.Killed}, {"lost", c.Lost},
	} {
		if x.n > 0 {
			s += fmt.Sprintf(" %s=%d", x.name, x.n)
		}
	}
	if x := v.Service; x != nil {
		s += fmt.Sprintf(" version=%d healthy=%d/%d", x.Version, x.Healthy, x.Desired)
		if x.Stable {
			s += " stable"
		}
	}
	if v.ExitCode != nil {
		s += fmt.Sprintf(" exit=%d cause=%s", *v.ExitCode, v.Cause)
		if v.Message != "" {
			s += fmt.Sprintf(" (%s)", v.Message)
		}
	}
	return s
}

// RenderTask writes a task on one line.
func RenderTask(v *model.TaskView) string {
	s := fmt.Sprintf("%s %s", v.ID, v.State)
	if v.Agent != "" {
		s += " on " + string(v.Agent)
	}
	for _, x := range []struct {
		name string
		t    time.Time
	}{{"staged", v.Staged}, {"started", v.Started}, {"finished", v.Finished}} {
		if !x.t.IsZero() {
			s += " " + x.name + "=" + clock(x.t)
		}
	}
	if v.Result != nil {
		s += fmt.Sprintf(" %s code=%d", v.Result.Cause, v.Result.Code())
	}
	if v.Usage != nil {
		for _, g := range v.Usage.GPUs {
			s += fmt.Sprintf(" gpu=%d:%d:%d", g.Samples, g.BusyMilli, g.PeakMemoryBytes)
		}
	}
	for _, x := range []struct {
		name string
		is   bool
	}{{"healthy", v.Healthy}, {"canary", v.Canary}, {"draining", v.Draining}} {
		if x.is {
			s += " " + x.name
		}
	}
	if v.Message != "" {
		s += " (" + v.Message + ")"
	}
	return s
}

// RenderDeployment writes a deployment on a line, and one for each of its groups.
func RenderDeployment(v *model.DeploymentView) string {
	s := fmt.Sprintf("deployment %d of %s version %d %s %s", v.Number, v.JobName, v.Version, v.Kind, v.State)
	if v.NeedsPromotion {
		s += " needs promotion"
	}
	if !v.Deadline.IsZero() {
		s += " fails at " + clock(v.Deadline)
	}
	if v.Message != "" {
		s += ": " + v.Message
	}
	for _, g := range v.Groups {
		s += fmt.Sprintf("\n  %s desired=%d placed=%d healthy=%d unhealthy=%d old=%d", g.Group, g.Desired, g.Placed, g.Healthy, g.Unhealthy, g.Old)
		if g.Canaries > 0 {
			s += fmt.Sprintf(" canaries=%d promoted=%t", g.Canaries, g.Promoted)
		}
	}
	return s
}

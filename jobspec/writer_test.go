package jobspec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// write returns a job file for j: the inverse of Parse, for round trips. It
// writes every value down, also defaults.
func write(j *model.Job) string {
	w := &writer{}
	w.open("job %s", hclText(j.Name))
	w.attr("type", hclText(string(j.Type)))
	w.attr("role", hclText(j.Role))
	w.attr("priority", fmt.Sprint(j.Priority))
	if j.TimeLimit > 0 {
		w.attr("time_limit", quote(j.TimeLimit.String()))
	}
	if len(j.DependsOn) > 0 {
		var entries []string
		for _, d := range j.DependsOn {
			entries = append(entries, hclText(d.Job)+" = "+hclText(string(d.Kind)))
		}
		w.attr("depends_on", "{ "+strings.Join(entries, ", ")+" }")
	}
	if j.Periodic != nil {
		w.periodic(j.Periodic)
	}
	w.flag("preemptible", j.Preemptible)
	w.text("placement", string(j.Placement))
	w.constraints(j.Constraints)
	w.affinities(j.Affinities)
	w.spreads(j.Spreads)
	w.texts("meta", j.Meta)
	for i := range j.Groups {
		w.group(&j.Groups[i])
	}
	w.close()
	return w.b.String()
}

func (w *writer) periodic(p *model.Periodic) {
	w.open("periodic")
	if len(p.Crons) > 0 {
		var list []string
		for _, c := range p.Crons {
			list = append(list, hclText(c))
		}
		w.attr("crons", "["+strings.Join(list, ", ")+"]")
	}
	w.text("schedule", p.Schedule)
	w.text("time_zone", p.TimeZone)
	w.text("overlap", string(p.Overlap))
	w.text("catch_up", string(p.CatchUp))
	w.attr("epsilon", quote(p.Epsilon.String()))
	w.flag("chained", p.Chained)
	w.attr("keep_successful", fmt.Sprint(p.Keep.Successful))
	w.attr("keep_failed", fmt.Sprint(p.Keep.Failed))
	if p.Disabled {
		w.attr("enabled", "false")
	}
	w.close()
}

type writer struct{ b strings.Builder }

func (w *writer) open(format string, args ...any) { fmt.Fprintf(&w.b, format+" {\n", args...) }
func (w *writer) close()                          { w.b.WriteString("}\n") }
func (w *writer) attr(name, value string)         { fmt.Fprintf(&w.b, "%s = %s\n", name, value) }

func (w *writer) text(name, value string) {
	if value != "" {
		w.attr(name, hclText(value))
	}
}

func (w *writer) number(name string, n int64, unit string) {
	if n != 0 {
		w.attr(name, quote(strconv.FormatInt(n, 10)+unit))
	}
}

func (w *writer) flag(name string, on bool) {
	if on {
		w.attr(name, "true")
	}
}

func (w *writer) texts(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	var entries []string
	for _, k := range sortedKeys(m) {
		entries = append(entries, hclText(k)+" = "+hclText(m[k]))
	}
	w.attr(name, "{ "+strings.Join(entries, ", ")+" }")
}

func (w *writer) constraints(cs []model.Constraint) {
	for _, c := range cs {
		w.open("constraint")
		w.text("attribute", c.Attribute)
		w.attr("operator", hclText(c.Operator))
		w.text("value", c.Value)
		w.close()
	}
}

func (w *writer) affinities(as []model.Affinity) {
	for _, a := range as {
		w.open("affinity")
		w.text("attribute", a.Attribute)
		w.attr("operator", hclText(a.Operator))
		w.text("value", a.Value)
		w.attr("weight", fmt.Sprint(a.Weight))
		w.close()
	}
}

func (w *writer) spreads(ss []model.Spread) {
	for _, s := range ss {
		w.open("spread")
		w.text("attribute", s.Attribute)
		w.attr("weight", fmt.Sprint(s.Weight))
		for _, t := range s.Targets {
			w.open("target %s", hclText(t.Value))
			w.attr("percent", fmt.Sprint(t.Percent))
			w.close()
		}
		w.close()
	}
}

func (w *writer) network(n *model.Network) {
	if n == nil {
		return
	}
	w.open("network")
	for _, p := range n.Ports {
		w.open("port %s", hclText(p.Label))
		for name, v := range map[string]uint16{"static": p.Static, "to": p.To} {
			if v != 0 {
				w.attr(name, fmt.Sprint(v))
			}
		}
		w.close()
	}
	w.close()
}

func (w *writer) group(g *model.Group) {
	w.open("group %s", hclText(g.Name))
	if g.Array != nil {
		w.open("array")
		w.attr("range", quote(formatRanges(g.Array.Ranges)))
		w.attr("limit", fmt.Sprint(g.Array.Limit))
		w.close()
	} else {
		w.attr("count", fmt.Sprint(g.Count))
	}
	if g.Gang != nil {
		w.open("gang")
		w.text("launch", g.Gang.Launch)
		w.attr("ranks", fmt.Sprint(g.Gang.Ranks))
		w.text("topology", g.Gang.Topology)
		w.close()
	}
	w.flag("exclusive", g.Exclusive)
	w.constraints(g.Constraints)
	w.affinities(g.Affinities)
	w.spreads(g.Spreads)
	w.network(g.Network)
	w.open("restart")
	w.attr("attempts", fmt.Sprint(g.Restart.Attempts))
	w.attr("interval", quote(g.Restart.Interval.String()))
	w.attr("delay", quote(g.Restart.Delay.String()))
	w.attr("mode", hclText(string(g.Restart.Mode)))
	w.close()
	if g.DiskBytes > 0 {
		w.open("ephemeral_disk")
		w.number("size", g.DiskBytes, "B")
		w.close()
	}
	w.texts("meta", g.Meta)
	w.services(g)
	for i := range g.Tasks {
		w.task(&g.Tasks[i])
	}
	w.close()
}

func (w *writer) task(t *model.TaskSpec) {
	w.open("task %s", hclText(t.Name))
	w.text("driver", t.Driver)
	w.text("user", t.User)
	w.open("config")
	w.text("command", t.Config.Command)
	if len(t.Config.Args) > 0 {
		var args []string
		for _, a := range t.Config.Args {
			args = append(args, hclText(a))
		}
		w.attr("args", "["+strings.Join(args, ", ")+"]")
	}
	w.text("script", t.Config.Script)
	w.text("work_dir", t.Config.WorkDir)
	w.close()
	w.texts("env", t.Env)
	w.resources(&t.Resources)
	w.constraints(t.Constraints)
	w.affinities(t.Affinities)
	w.files(t)
	w.attr("kill_timeout", quote(t.KillTimeout.String()))
	w.attr("shutdown_delay", quote(t.ShutdownDelay.String()))
	w.text("kill_signal", t.KillSignal)
	w.open("logs")
	w.attr("max_files", fmt.Sprint(t.Logs.MaxFiles))
	w.number("max_file_size", t.Logs.MaxFileBytes, "B")
	w.flag("disabled", t.Logs.Disabled)
	w.close()
	w.flag("leader", t.Leader)
	if t.Lifecycle != nil {
		w.open("lifecycle")
		w.text("hook", t.Lifecycle.Hook)
		w.flag("sidecar", t.Lifecycle.Sidecar)
		w.close()
	}
	w.texts("meta", t.Meta)
	w.close()
}

func (w *writer) resources(r *model.TaskResources) {
	w.open("resources")
	w.attr("cpus", model.FormatCPU(r.CPUMilli))
	w.attr("memory", quote(strconv.FormatInt(r.MemoryBytes, 10)+"B"))
	w.number("memory_max", r.MemoryMaxBytes, "B")
	w.number("disk", r.DiskBytes, "B")
	w.attr("pids_max", fmt.Sprint(r.PidsMax))
	if g := r.GPU; g != nil {
		w.open("gpu")
		w.attr("count", fmt.Sprint(g.Count))
		w.number("memory_min", g.MemoryMinBytes, "B")
		w.text("model", g.Model)
		if g.ShareMilli > 0 {
			w.attr("share", model.FormatCPU(int64(g.ShareMilli)))
		}
		w.text("mig", g.MIG)
		w.close()
	}
	w.close()
}

func (w *writer) files(t *model.TaskSpec) {
	for _, a := range t.Artifacts {
		w.open("artifact")
		w.text("source", a.Source)
		w.text("destination", a.Destination)
		w.text("checksum", a.Checksum)
		w.text("mode", a.Mode)
		w.texts("headers", a.Headers)
		w.close()
	}
	for _, p := range t.Templates {
		w.open("template")
		w.text("data", p.Data)
		w.text("source", p.Source)
		w.text("destination", p.Destination)
		w.text("perms", p.Perms)
		w.flag("env", p.Env)
		w.text("left_delimiter", p.LeftDelim)
		w.text("right_delimiter", p.RightDelim)
		w.flag("error_on_missing_key", p.ErrMissing)
		w.close()
	}
}

// hclText quotes a text for HCL. A runtime reference is escaped like any other
// ${, which gives the same text in the job.
func hclText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	runes := []rune(s)
	for i, r := range runes {
		next := rune(0)
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case slices.Contains([]rune{'$', '%'}, r) && next == '{':
			b.WriteString(string(r) + string(r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

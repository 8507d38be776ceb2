package jobspec

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tender-scheduler/tender/core/model"
)

// defaultRestartDelay is waited before a retry where the file names no delay.
const defaultRestartDelay = model.Duration(15 * time.Second)

func newGroup(name string) model.Group {
	return model.Group{
		Name: name, Count: 1,
		Restart: model.RestartPolicy{Delay: defaultRestartDelay, Mode: model.RestartFail},
	}
}

// group decodes a group block.
func (d *decoder) group(b block, path string) model.Group {
	n := d.open(b, groupShape, path)
	g := d.newGroup(n.label())
	n.whole("count", &g.Count)
	n.flag("exclusive", &g.Exclusive)
	n.textMap("meta", false, &g.Meta)
	g.Constraints, g.Affinities, g.Spreads = n.constraints(), n.affinities(), n.spreads()
	if net := n.one("network", networkShape, n.field("network")); net != nil {
		g.Network = net.network()
	}
	if a := n.one("array", arrayShape, n.field("array")); a != nil {
		g.Array = a.array()
		if n.has("count") {
			d.ds.at(n.block.body.Attributes["count"].NameRange, "a group has either count or array",
				"an array has one task for each index of its range", "remove count")
			g.Count = 1
		}
	}
	if a := n.one("gang", gangShape, n.field("gang")); a != nil {
		g.Gang = a.gang()
	}
	if disk := n.one("ephemeral_disk", diskShape, n.field("ephemeral_disk")); disk != nil {
		disk.disk(&g.DiskBytes)
		d.at[n.field("disk_bytes")] = d.at[disk.field("size")]
	}
	restart := n.one("restart", restartShape, n.field("restart"))
	if restart != nil {
		restart.restart(&g.Restart)
	}
	d.rollout.of(n, path, &g)
	n.duration("shutdown_delay", &g.ShutdownDelay)
	d.services(n, path, "", &g)
	for i, t := range n.blocks["task"] {
		spec, inner := d.task(t, fmt.Sprintf("%s.tasks[%d]", path, i))
		g.Tasks = append(g.Tasks, spec)
		d.taskRestart(inner, n, restart, &g)
		d.services(inner, path, spec.Name, &g)
	}
	if len(g.Tasks) == 0 && d.broken {
		d.bad[n.field("tasks")] = true
	}
	return g
}

// taskRestart takes the restart block of a group's only task as the group's.
func (d *decoder) taskRestart(task, group, groups *node, g *model.Group) {
	if len(task.blocks["restart"]) == 0 {
		return
	}
	if groups != nil || len(group.blocks["task"]) > 1 {
		d.ds.at(task.blocks["restart"][0].header, "restart cannot be used in a task here",
			"a group's tasks are tried again together", "put restart { … } in the group")
		return
	}
	task.one("restart", restartShape, group.field("restart")).restart(&g.Restart)
}

func (n *node) restart(r *model.RestartPolicy) {
	n.whole("attempts", &r.Attempts)
	n.duration("interval", &r.Interval)
	n.duration("delay", &r.Delay)
	n.text("mode", (*string)(&r.Mode))
}

func (n *node) disk(bytes *int64) {
	n.size("size", "size", bytes)
	for _, name := range []string{"sticky", "migrate"} {
		var on bool
		if n.flag(name, &on) && on {
			n.d.ds.at(n.d.at[n.field(name)], name+" = true is not supported yet",
				"a batch task's directory is removed with it", "write results to a shared file system")
		}
	}
}

func (n *node) gang() *model.Gang {
	g := &model.Gang{Launch: "none", Ranks: 1}
	n.text("launch", &g.Launch)
	n.whole("ranks", &g.Ranks)
	n.text("topology", &g.Topology)
	return g
}

// array reads an array block. A range that cannot be read leaves the array
// empty and its path marked.
func (n *node) array() *model.Array {
	a := &model.Array{}
	n.whole("limit", &a.Limit)
	if !n.has("range") {
		n.d.lacks(n.block.header, "array lacks range", "the indices, as in Slurm's --array", `write range = "0-99", "1-9:2" or "1,3,5-7"`)
		n.d.bad[n.field("ranges")] = true
		return a
	}
	v, at, ok := n.firm("range", "ranges")
	if !ok {
		return a
	}
	s, isText := asText(v)
	if !isText || v.Type() == cty.Bool {
		n.wrong("range", "ranges", at, `a text such as "0-99"`, "", v)
		return a
	}
	ranges, bad := parseRanges(s)
	if bad != nil {
		n.d.bad[n.field("ranges")] = true
		n.d.ds.at(n.within("range", at, bad.start, bad.end), bad.summary, `a range is "0-99", "1-9:2" or "1,3,5-7"`, bad.hint)
		return a
	}
	a.Ranges = ranges
	return a
}

// within narrows an attribute's place to part of its text, where the text is
// written down plainly, without escapes.
func (n *node) within(name string, at hcl.Range, from, to int) hcl.Range {
	src := n.d.ds.sources[at.Filename]
	width := at.End.Byte - at.Start.Byte
	if at.Start.Line != at.End.Line || at.End.Byte > len(src) || width < 2 || to <= from {
		return at
	}
	written := string(src[at.Start.Byte:at.End.Byte])
	v, _, ok := n.value(name, name)
	if s, isText := asText(v); !ok || !isText || written != quote(s) || to > len(s) {
		return at
	}
	out := at
	out.Start.Byte += 1 + from
	out.Start.Column += 1 + from
	out.End.Byte = at.Start.Byte + 1 + to
	out.End.Column = at.Start.Column + 1 + to
	return out
}

package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// gpuMeasure is what a map of GPUs shows.
type gpuMeasure string

const byAllocated = "allocated"

var gpuMeasures = []string{byAllocated, "busy", "memory"}

// Set, String and Type make a gpuMeasure a flag.
func (m *gpuMeasure) Set(s string) error {
	if !slices.Contains(gpuMeasures, s) {
		return fmt.Errorf("want one of %s", strings.Join(gpuMeasures, ", "))
	}
	*m = gpuMeasure(s)
	return nil
}

func (m *gpuMeasure) String() string { return string(*m) }

// Type names the flag's value in help texts.
func (m *gpuMeasure) Type() string { return "MEASURE" }

// of returns how much of a device it is, from 0 to 1; ok is false if nobody knows.
func (m gpuMeasure) of(v *gpuView) (part float64, ok bool) {
	whole := max(v.Milli, 1)
	switch {
	case m == byAllocated:
		return float64(v.AllocatedMilli) / float64(whole), true
	case v.Sample == nil || v.NodeState != model.NodeReady:
		return 0, false
	case m == "busy":
		return float64(v.Sample.BusyPercent) / 100, v.Sample.BusyPercent >= 0
	}
	return float64(v.Sample.MemoryUsedBytes) / float64(max(v.MemoryBytes, 1)), v.Sample.MemoryUsedBytes >= 0 && v.MemoryBytes > 0
}

// shades are the fields of a map, from nothing to all.
var shades = []struct {
	field string
	upTo  float64
	style style
}{
	{"··", 0, dim}, {"░░", .25, blue}, {"▒▒", .5, cyan}, {"▓▓", .999, green}, {"██", 2, yellow},
}

const (
	brokenField  = "!!" // must not be used
	unknownField = "??"
)

func gpuField(v *gpuView, by gpuMeasure) cell {
	if v.Gone || v.Unhealthy != "" {
		return cell{brokenField, red}
	}
	part, ok := by.of(v)
	if !ok || v.NodeState != model.NodeReady {
		return cell{unknownField, dim}
	}
	for _, s := range shades {
		if part <= s.upTo {
			return cell{s.field, s.style}
		}
	}
	return cell{brokenField, red} // more than there is
}

// drawGPUs prints a map: a row for each node, a field for each device.
func (a *app) drawGPUs(list model.NodeList, by gpuMeasure) error {
	all := gpuViews(list.Nodes)
	if len(all) == 0 {
		return a.noGPUs()
	}
	p, room := a.stdoutPaint(), 0
	for i := range all {
		room = max(room, cells(all[i].Node))
	}
	var b bytes.Buffer
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Node == all[0].Node {
			n++
		}
		drawNode(&b, p, room, all[:n], by)
		all = all[n:]
	}
	b.WriteString("\n" + gpuSummary(list, by) + "\n")
	b.WriteString(p.paint(shades[0].style, shades[0].field) + " none")
	for _, s := range shades[1:] {
		b.WriteString("  " + p.paint(s.style, s.field))
	}
	b.WriteString(" all  " + p.paint(red, brokenField) + " must not be used  " + p.paint(dim, unknownField) + " not known\n")
	return a.print(b.Bytes())
}

// drawNode prints a node's devices in their order, with MIG instances of one
// device side by side.
func drawNode(b *bytes.Buffer, p painter, room int, devices []gpuView, by gpuMeasure) {
	name := oneLine(devices[0].Node)
	b.WriteString(p.paint(bold, name) + strings.Repeat(" ", room-cells(name)) + " ")
	before := ""
	for i := range devices {
		if v := &devices[i]; v.Parent == "" || v.Parent != before {
			b.WriteString(" ")
			before = v.Parent
		}
		field := gpuField(&devices[i], by)
		b.WriteString(p.paint(field.style, field.text))
	}
	b.WriteString("\n")
}

// gpuSummary says the same of all devices that may be used.
func gpuSummary(list model.NodeList, by gpuMeasure) string {
	nodes, devices, bad := 0, 0, 0
	sum, known := 0.0, 0.0 // weighed by size: an instance is a part of a device
	for i := range list.Nodes {
		if len(list.Nodes[i].GPUs) > 0 {
			nodes++
		}
	}
	for _, v := range gpuViews(list.Nodes) {
		switch {
		case v.Gone:
			continue
		case v.Unhealthy != "":
			bad++
		default:
			if part, ok := by.of(&v); ok {
				sum += part * float64(v.Milli)
				known += float64(v.Milli)
			}
		}
		devices++
	}
	text := fmt.Sprintf("%s on %s", plural(devices, "device"), plural(nodes, "node"))
	if known > 0 {
		what := map[gpuMeasure]string{byAllocated: "given out", "busy": "busy", "memory": "of the memory in use"}[by]
		text += fmt.Sprintf(": %.0f%% %s", 100*sum/known, what)
	}
	if bad > 0 {
		text += fmt.Sprintf(", %d must not be used", bad)
	}
	return text
}

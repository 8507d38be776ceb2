package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// block is one block of the file, after dynamic blocks have been expanded.
type block struct {
	name   string
	labels []label
	header hcl.Range
	body   *hclsyntax.Body
	ctx    *hcl.EvalContext
}

type label struct {
	text string
	at   hcl.Range
}

func plainBlock(b *hclsyntax.Block, ctx *hcl.EvalContext) block {
	out := block{name: b.Type, header: b.DefRange(), body: b.Body, ctx: ctx}
	for i, text := range b.Labels {
		out.labels = append(out.labels, label{text, b.LabelRanges[i]})
	}
	return out
}

// node is a block that has been opened: its names are checked against its
// shape, its inner blocks expanded. path is where its values go in the job.
type node struct {
	d      *decoder
	shape  *shape
	title  string // `task "rank"`, for messages
	path   string
	block  block
	blocks map[string][]block
}

// open checks b against s and records path as standing at b's header.
func (d *decoder) open(b block, s *shape, path string) *node {
	n := &node{d: d, shape: s, title: s.title, path: path, block: b, blocks: map[string][]block{}}
	d.at[path], d.opened[path] = b.header, true
	if s.label != "" && len(b.labels) > 0 {
		n.title += " " + quote(b.labels[0].text)
	}
	n.checkLabels()
	n.checkAttributes()
	inner, all := d.expand(b.body, b.ctx)
	for _, i := range inner {
		n.admit(i)
	}
	if !all {
		d.strayed[path] = true
	}
	return n
}

// label returns the block's label, or "" where it has none.
func (n *node) label() string {
	if len(n.block.labels) == 0 {
		return ""
	}
	return n.block.labels[0].text
}

func (n *node) checkLabels() {
	b, want := n.block, 0
	if n.shape.label != "" {
		want = 1
	}
	switch {
	case len(b.labels) < want:
		n.d.ds.at(b.header, fmt.Sprintf("%s needs a label: %s", b.name, n.shape.label), "", fmt.Sprintf("write %s \"name\" { … }", b.name))
		n.d.bad[n.field("name")] = true
	case len(b.labels) > want:
		hint := fmt.Sprintf("write %s { … }", b.name)
		if want == 1 {
			hint = fmt.Sprintf("write %s %q { … }", b.name, b.labels[0].text)
		}
		n.d.ds.at(b.labels[want].at, fmt.Sprintf("%s has a label too many", b.name), "", hint)
	}
	if want == 1 && len(b.labels) > 0 {
		n.d.at[n.field("name")] = b.labels[0].at
	}
}

func (n *node) checkAttributes() {
	for name, a := range n.block.body.Attributes {
		switch {
		case n.shape.attr(name):
		case n.shape.block(name):
			n.d.ds.at(a.NameRange, fmt.Sprintf("%q is a block", name), "", fmt.Sprintf("write %s { … } without the equals sign", name))
		default:
			n.stray("attribute", name, a.NameRange)
		}
	}
}

// admit takes an inner block, or reports why it is not taken.
func (n *node) admit(b block) {
	switch {
	case n.shape.block(b.name):
		if len(n.blocks[b.name]) > 0 && slices.Contains(n.shape.once, b.name) {
			first := n.blocks[b.name][0].header
			n.d.ds.at(b.header, fmt.Sprintf("%s may have only one %s block", n.title, b.name),
				fmt.Sprintf("the first is in line %d", first.Start.Line), "")
			return
		}
		n.blocks[b.name] = append(n.blocks[b.name], b)
	case n.shape.attr(b.name):
		n.d.ds.at(b.header, fmt.Sprintf("%q is not a block", b.name), "", fmt.Sprintf("write %s = …", b.name))
	default:
		n.stray("block", b.name, b.header)
	}
}

// stray reports a name that the block does not take: one that is refused, one
// that belongs elsewhere, or one that nobody knows.
func (n *node) stray(kind, name string, at hcl.Range) {
	n.d.strayed[n.path] = true
	if n.d.ds.full() {
		return
	}
	if r, ok := n.shape.refused[name]; ok {
		n.d.ds.at(at, fmt.Sprintf("%s cannot be used in %s", name, n.title), r.why, r.instead)
		return
	}
	home := n.home(name)
	if home != "" && n.d.ds.behindSyntaxError(at) {
		return // it may stand where it belongs
	}
	hint, detail := didYouMean(name, n.shape.names()), ""
	if hint == "" {
		hint = home
	}
	if hint == "" {
		hint = n.nearElsewhere(name)
	}
	if hint == "" {
		detail = n.expected()
	}
	n.d.ds.at(at, fmt.Sprintf("unknown %s %q in %s", kind, name, n.title), detail, hint)
}

// nearElsewhere suggests a name that is refused here, or understood in another
// block.
func (n *node) nearElsewhere(name string) string {
	if near := near(name, refusedNames(n.shape)); near != "" {
		r := n.shape.refused[near]
		return fmt.Sprintf("if %q is meant: %s; %s", near, r.why, r.instead)
	}
	for _, s := range allShapes {
		if near := near(name, s.names()); near != "" {
			return fmt.Sprintf("did you mean %q? it belongs in %s { … }", near, s.title)
		}
	}
	return ""
}

func refusedNames(s *shape) (names []string) {
	for name := range s.refused {
		names = append(names, name)
	}
	return names
}

// home says in which block a name is understood.
func (n *node) home(name string) string {
	var homes []string
	for _, s := range allShapes {
		if s != n.shape && (s.attr(name) || s.block(name)) {
			homes = append(homes, s.title)
		}
	}
	if len(homes) == 0 {
		return ""
	}
	return fmt.Sprintf("%s belongs in %s { … }", name, strings.Join(homes, " { … } or "))
}

func (n *node) expected() string {
	var parts []string
	if len(n.shape.attrs) > 0 {
		parts = append(parts, "takes "+andList(n.shape.attrs))
	}
	var only []string
	for _, b := range n.shape.blocks {
		if !n.shape.attr(b) {
			only = append(only, b)
		}
	}
	if len(only) > 0 {
		parts = append(parts, "the blocks "+andList(only))
	}
	return n.shape.title + " " + strings.Join(parts, ", and ")
}

// one returns the block of that name, opened; nil if there is none.
func (n *node) one(name string, s *shape, path string) *node {
	if len(n.blocks[name]) == 0 {
		return nil
	}
	return n.d.open(n.blocks[name][0], s, path)
}

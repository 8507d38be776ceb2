package jobspec

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
)

// Defaults of an artifact and a template.
const (
	defaultArtifactDestination = "local/"
	defaultArtifactMode        = "any"
	defaultTemplatePerms       = "0644"
	defaultLeftDelimiter       = "{{"
	defaultRightDelimiter      = "}}"
)

// artifacts decodes the artifact blocks of a task.
func (n *node) artifacts(t *model.TaskSpec) {
	for i, b := range n.blocks["artifact"] {
		a := n.d.open(b, artifactShape, n.field(fmt.Sprintf("artifacts[%d]", i)))
		out := model.Artifact{Destination: defaultArtifactDestination, Mode: defaultArtifactMode}
		a.liveText("source", &out.Source)
		a.liveText("destination", &out.Destination)
		a.text("checksum", &out.Checksum)
		a.text("mode", &out.Mode)
		a.textMap("headers", true, &out.Headers)
		a.options(&out)
		t.Artifacts = append(t.Artifacts, out)
	}
}

// options reads options { checksum = … } and options = { … }, Nomad's form.
func (n *node) options(out *model.Artifact) {
	given := map[string]string{}
	at := n.block.header
	if o := n.one("options", artifactOptionsShape, n.field("options")); o != nil {
		for _, name := range artifactOptionsShape.attrs {
			var s string
			if o.text(name, &s) {
				given[name] = s
			}
		}
	} else if v, where, ok := n.firm("options", "options"); ok && n.takeMap("options", v, where, given) {
		at = where
		for name := range given {
			if !artifactOptionsShape.attr(name) {
				stray := &node{d: n.d, shape: artifactOptionsShape, title: "options"}
				stray.stray("option", name, where)
			}
		}
	}
	if sum, ok := given["checksum"]; ok {
		if out.Checksum != "" {
			n.d.ds.at(at, "the checksum is given twice", "", "keep checksum = … and remove it from options")
		}
		out.Checksum = sum
		n.mark("checksum", n.d.at[n.field("options.checksum")])
	}
	switch archive, ok := given["archive"]; {
	case ok && archive == "false" && !n.has("mode"):
		out.Mode = "file"
	case ok:
		n.d.ds.at(n.d.at[n.field("options.archive")], "archive can only be \"false\", and only without mode", "",
			`use mode = "any", "file" or "dir"`)
	}
}

// templates decodes the template blocks of a task.
func (n *node) templates(t *model.TaskSpec) {
	for i, b := range n.blocks["template"] {
		p := n.d.open(b, templateShape, n.field(fmt.Sprintf("templates[%d]", i)))
		out := model.Template{Perms: defaultTemplatePerms, LeftDelim: defaultLeftDelimiter, RightDelim: defaultRightDelimiter}
		p.liveText("data", &out.Data)
		p.liveText("source", &out.Source)
		p.liveText("destination", &out.Destination)
		p.text("perms", &out.Perms)
		p.flag("env", &out.Env)
		p.text("left_delimiter", &out.LeftDelim)
		p.text("right_delimiter", &out.RightDelim)
		p.flag("error_on_missing_key", &out.ErrMissing)
		p.renderedOnce()
		t.Templates = append(t.Templates, out)
	}
}

// renderedOnce refuses what asks for a template to be rendered again.
func (n *node) renderedOnce() {
	var mode string
	if n.text("change_mode", &mode) && mode != "noop" {
		n.d.ds.at(n.d.at[n.field("change_mode")], fmt.Sprintf("change_mode cannot be %q", mode),
			"a batch task's templates are rendered once, before it starts", `remove it, or write "noop"`)
	}
	once := true
	if n.flag("once", &once) && !once {
		n.d.ds.at(n.d.at[n.field("once")], "once = false is not supported yet",
			"a batch task's templates are rendered once, before it starts", "remove it")
	}
}

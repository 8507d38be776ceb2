package jobspec

import (
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/tender-scheduler/tender/core/model"
)

// Defaults of a check. Nomad has none for the first two.
const (
	defaultCheckInterval = model.Duration(10 * time.Second)
	defaultCheckTimeout  = model.Duration(3 * time.Second)
	defaultCheckMethod   = "GET"
	defaultCheckPath     = "/"
	defaultCheckProtocol = "http"
	defaultCheckGrace    = model.Duration(time.Second) // Nomad's
)

// services decodes the service blocks of a group (task "") or of a task, which
// become the group's: an allocation offers them as a whole.
func (d *decoder) services(n *node, group string, task string, g *model.Group) {
	for _, b := range n.blocks["service"] {
		path := fmt.Sprintf("%s.services[%d]", group, len(g.Services))
		s := d.open(b, serviceShape, path)
		out := model.Service{Task: task}
		s.text("name", &out.Name)
		s.text("port", &out.Port)
		s.serviceTask(&out)
		s.texts("tags", &out.Tags)
		s.textMap("meta", false, &out.Meta)
		s.provider()
		common := s.checkRestart(nil)
		for i, cb := range s.blocks["check"] {
			out.Checks = append(out.Checks, d.serviceCheck(cb, fmt.Sprintf("%s.checks[%d]", path, i), common))
		}
		g.Services = append(g.Services, out)
	}
}

func (n *node) serviceTask(s *model.Service) {
	inside := s.Task
	if n.text("task", &s.Task) && inside != "" && s.Task != inside {
		n.d.bad[n.field("task")] = true
		n.d.ds.at(n.d.at[n.field("task")], fmt.Sprintf("the service is in task %q and names task %q", inside, s.Task), "", "remove task = …")
	}
}

// provider accepts what says no more than that the cluster's own list is meant.
func (n *node) provider() {
	var provider string
	if !n.text("provider", &provider) || provider == "nomad" || provider == "tender" {
		return
	}
	n.d.ds.at(n.d.at[n.field("provider")], fmt.Sprintf("the provider %q is not supported", provider),
		"services are listed by the cluster itself: tender services, GET /v1/services/NAME", `write provider = "tender", or remove it`)
}

func (d *decoder) serviceCheck(b block, path string, common *model.CheckRestart) model.Check {
	n := d.open(b, checkShape, path)
	c := model.Check{Interval: defaultCheckInterval, Timeout: defaultCheckTimeout}
	n.text("name", &c.Name)
	n.text("type", &c.Type)
	n.text("port", &c.Port)
	n.text("protocol", &c.Protocol)
	n.text("method", &c.Method)
	n.liveText("path", &c.Path)
	n.headers(&c.Header)
	n.liveText("body", &c.Body)
	n.flag("tls_skip_verify", &c.TLSSkipVerify)
	n.liveText("command", &c.Command)
	n.texts("args", &c.Args)
	n.text("task", &c.Task)
	n.duration("interval", &c.Interval)
	n.duration("timeout", &c.Timeout)
	n.whole("success_before_passing", &c.SuccessBeforePassing)
	n.whole("failures_before_critical", &c.FailuresBeforeCritical)
	c.Restart = n.checkRestart(common)
	completeCheck(&c)
	return c
}

// checkRestart reads a check_restart block; without one, what holds for the whole
// service. A limit of 0 says never, as in Nomad.
func (n *node) checkRestart(common *model.CheckRestart) *model.CheckRestart {
	r := n.one("check_restart", checkRestartShape, n.field("check_restart"))
	if r == nil {
		if common == nil {
			return nil
		}
		c := *common
		return &c
	}
	out := &model.CheckRestart{Grace: defaultCheckGrace}
	r.whole("limit", &out.Limit)
	r.duration("grace", &out.Grace)
	if out.Limit == 0 && !n.d.bad[r.field("limit")] {
		return nil
	}
	return out
}

// headers reads header { NAME = ["value"] }, also with one text instead of a list.
func (n *node) headers(into *map[string][]string) {
	out := map[string][]string{}
	if v, at, ok := n.live("header", "header"); ok {
		if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
			n.wrong("header", "header", at, `a map: { NAME = ["value"] }`, "", v)
			return
		}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if vs, ok := headerValues(e); ok {
				out[k.AsString()] = vs
			} else {
				n.wrong("header."+k.AsString(), "header", n.entryAt("header", k.AsString(), at), "a text or a list of texts", "", e)
			}
		}
	}
	for _, b := range n.blocks["header"] {
		inner := &node{d: n.d, shape: mapShape(b), title: "header", path: n.field("header"), block: b}
		inner.checkLabels()
		inner.noBlocks()
		for _, name := range inner.shape.attrs {
			v, at, ok := inner.live(name, name)
			if !ok {
				continue
			}
			if vs, ok := headerValues(v); ok {
				out[name] = vs
			} else {
				inner.wrong(name, name, at, "a text or a list of texts", fmt.Sprintf("write %s = [\"value\"]", name), v)
			}
		}
	}
	if len(out) > 0 {
		*into = out
	}
}

func headerValues(v cty.Value) ([]string, bool) {
	if s, ok := asText(v); ok {
		return []string{s}, true
	}
	if t := v.Type(); v.IsNull() || !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return nil, false
	}
	var out []string
	for _, e := range v.AsValueSlice() {
		s, ok := asText(e)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, len(out) > 0
}

// completeServices fills in what a job that came as JSON may leave out of its
// services, and what the file leaves to the group: names, and whose checks run.
func completeServices(j *model.Job, g *model.Group) {
	for i := range g.Services {
		s := &g.Services[i]
		if s.Name == "" {
			s.Name = serviceName(j.Name, g.Name, s.Task)
		}
		for k := range s.Checks {
			c := &s.Checks[k]
			completeCheck(c)
			if c.Name == "" {
				c.Name = checkName(s, k)
			}
		}
	}
}

// serviceName is Nomad's default, JOB-GROUP-TASK, without what a name cannot hold.
func serviceName(job, group, task string) string {
	name := job + "-" + group
	if task != "" {
		name += "-" + task
	}
	return serviceInvalid().ReplaceAllString(name, "-")
}

// checkName is the check's type, with a number from the second one on.
func checkName(s *model.Service, k int) string {
	n := 0
	for i := range k {
		if s.Checks[i].Type == s.Checks[k].Type {
			n++
		}
	}
	if n == 0 {
		return s.Checks[k].Type
	}
	return fmt.Sprintf("%s-%d", s.Checks[k].Type, n+1)
}

func completeCheck(c *model.Check) {
	fill(&c.Interval, defaultCheckInterval)
	fill(&c.Timeout, defaultCheckTimeout)
	if c.Type == model.CheckHTTP {
		fill(&c.Method, defaultCheckMethod)
		fill(&c.Path, defaultCheckPath)
		fill(&c.Protocol, defaultCheckProtocol)
	}
}

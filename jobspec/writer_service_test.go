package jobspec

import (
	"fmt"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

func (w *writer) services(g *model.Group) {
	w.attr("shutdown_delay", quote(g.ShutdownDelay.String()))
	for i := range g.Services {
		s := &g.Services[i]
		w.open("service")
		w.text("name", s.Name)
		w.text("port", s.Port)
		w.text("task", s.Task)
		w.list("tags", s.Tags)
		w.texts("meta", s.Meta)
		for k := range s.Checks {
			w.check(&s.Checks[k])
		}
		w.close()
	}
}

func (w *writer) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	var out []string
	for _, v := range values {
		out = append(out, hclText(v))
	}
	w.attr(name, "["+strings.Join(out, ", ")+"]")
}

func (w *writer) check(c *model.Check) {
	w.open("check")
	for name, v := range map[string]string{
		"name": c.Name, "type": c.Type, "port": c.Port, "protocol": c.Protocol, "method": c.Method, "path": c.Path, "body": c.Body,
		"command": c.Command, "task": c.Task, "interval": c.Interval.String(), "timeout": c.Timeout.String(),
	} {
		w.text(name, v)
	}
	w.list("args", c.Args)
	w.flag("tls_skip_verify", c.TLSSkipVerify)
	w.attr("success_before_passing", fmt.Sprint(c.SuccessBeforePassing))
	w.attr("failures_before_critical", fmt.Sprint(c.FailuresBeforeCritical))
	if len(c.Header) > 0 {
		w.open("header")
		for _, k := range sortedKeys(c.Header) {
			w.list(k, c.Header[k])
		}
		w.close()
	}
	if c.Restart != nil {
		w.open("check_restart")
		w.attr("limit", fmt.Sprint(c.Restart.Limit))
		w.attr("grace", quote(c.Restart.Grace.String()))
		w.close()
	}
	w.close()
}

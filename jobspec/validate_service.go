package jobspec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/internal/pattern"
)

const (
	maxServices      = 64  // of a group
	maxServiceChecks = 32  // of a service
	maxGroupChecks   = 128 // each is a timer in the executor of every allocation
	maxTags          = 100
	maxCheckCounts   = 1000
	minCheckInterval = model.Duration(100 * time.Millisecond)
	maxShutdownDelay = model.Duration(time.Hour)
)

var (
	checkTypes = []string{model.CheckHTTP, model.CheckTCP, model.CheckScript}
	protocols  = []string{"http", "https"}
	methods    = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
	// A service's name becomes part of URLs and host names (RFC 1123).
	serviceSyntax  = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	serviceInvalid = pattern.New(`[^A-Za-z0-9-]+`)
)

func (c *checker) services(path string, g *model.Group) {
	c.shutdownDelay(path+".shutdown_delay", g.ShutdownDelay)
	if len(g.Services) > maxServices {
		c.fail(path+".services", fmt.Sprintf("the group has %d services; it may have %d", len(g.Services), maxServices), "")
		return
	}
	checks := 0
	for i := range g.Services {
		s := &g.Services[i]
		c.service(fmt.Sprintf("%s.services[%d]", path, i), s, g)
		if checks += len(s.Checks); checks > maxGroupChecks {
			c.fail(fmt.Sprintf("%s.services[%d].checks", path, i), fmt.Sprintf("the group has more than %d checks", maxGroupChecks), "")
			return
		}
	}
	seen := map[string]bool{}
	for i := range g.Services {
		key := g.Services[i].Name + " " + g.Services[i].Port
		if seen[key] {
			c.fail(fmt.Sprintf("%s.services[%d].name", path, i),
				fmt.Sprintf("there are two services named %q at port %q", g.Services[i].Name, g.Services[i].Port), "")
		}
		seen[key] = true
	}
}

func (c *checker) shutdownDelay(path string, d model.Duration) {
	c.duration(path, "shutdown_delay", d)
	if d > maxShutdownDelay {
		c.fail(path, "shutdown_delay is more than an hour", "it is the time that proxies need to hear that a task leaves")
	}
}

func (c *checker) service(path string, s *model.Service, g *model.Group) {
	if !serviceSyntax().MatchString(s.Name) {
		hint := ""
		if better := strings.Trim(serviceInvalid().ReplaceAllString(s.Name, "-"), "-"); better != "" && len(better) < 64 {
			hint = fmt.Sprintf("write %q", better)
		}
		c.fail(path+".name", fmt.Sprintf("%q cannot name a service: a name has letters, digits and '-', at most 63, and starts and ends with a letter or digit", s.Name), hint)
	}
	if s.Port != "" {
		c.servicePort(path+".port", s.Port, g)
	}
	c.taskOf(path+".task", s.Task, g)
	if len(s.Tags) > maxTags {
		c.fail(path+".tags", fmt.Sprintf("there are %d tags; there may be %d", len(s.Tags), maxTags), "use meta for what has names")
	}
	for i, t := range s.Tags {
		c.tag(fmt.Sprintf("%s.tags[%d]", path, i), t)
	}
	c.meta(path+".meta", s.Meta)
	if len(s.Checks) > maxServiceChecks {
		c.fail(path+".checks", fmt.Sprintf("the service has %d checks; it may have %d", len(s.Checks), maxServiceChecks), "")
		return
	}
	for i := range s.Checks {
		c.check(fmt.Sprintf("%s.checks[%d]", path, i), &s.Checks[i], s, g)
	}
	c.unique("checks in a service", len(s.Checks), func(i int) (string, string) {
		return fmt.Sprintf("%s.checks[%d].name", path, i), s.Checks[i].Name
	})
}

func (c *checker) tag(path, tag string) {
	switch {
	case tag == "" || strings.ContainsAny(tag, "\x00\n") || len(tag) > model.MaxNameBytes:
		c.fail(path, fmt.Sprintf("%q cannot be a tag: it is one line of at most %d bytes", tag, model.MaxNameBytes), "")
	case strings.Contains(tag, "${"):
		c.fail(path, fmt.Sprintf("the tag %q refers to what is known only on the agent", tag), "an endpoint tells its node, job and index anyway")
	}
}

// servicePort checks a label of the group's network, or a number.
func (c *checker) servicePort(path, port string, g *model.Group) {
	granted, number := g.PortOf(port)
	if granted >= 0 || number > 0 {
		return
	}
	var labels []string
	if g.Network != nil {
		for _, p := range g.Network.Ports {
			labels = append(labels, p.Label)
		}
	}
	c.fail(path, fmt.Sprintf("the group has no port %q", port),
		orElse(didYouMean(port, labels), fmt.Sprintf("write network { port %q {} } in the group, or a number from 1 to 65535", port)))
}

func (c *checker) taskOf(path, task string, g *model.Group) {
	if task == "" {
		return
	}
	var names []string
	for i := range g.Tasks {
		names = append(names, g.Tasks[i].Name)
	}
	if !slices.Contains(names, task) {
		c.fail(path, fmt.Sprintf("the group has no task %q", task), didYouMean(task, names))
	}
}

func (c *checker) check(path string, k *model.Check, s *model.Service, g *model.Group) {
	switch k.Type {
	case "":
		c.fail(path+".type", "the check has no type", `write type = "http", "tcp" or "script"`)
		return
	case "grpc":
		c.fail(path+".type", "gRPC checks are not supported yet", `use type = "tcp", or a script check`)
		return
	}
	c.oneOf(path+".type", "type", k.Type, checkTypes)
	if k.Name == "" || len(k.Name) > model.MaxNameBytes || strings.ContainsAny(k.Name, "\x00\n") {
		c.fail(path+".name", fmt.Sprintf("%q cannot name a check: it is one line of at most %d bytes", k.Name, model.MaxNameBytes), "")
	}
	c.checkTimes(path, k)
	c.between(path+".success_before_passing", "success_before_passing", int64(k.SuccessBeforePassing), 0, maxCheckCounts)
	c.between(path+".failures_before_critical", "failures_before_critical", int64(k.FailuresBeforeCritical), 0, maxCheckCounts)
	if r := k.Restart; r != nil {
		c.between(path+".check_restart.limit", "limit", int64(r.Limit), 1, maxCheckCounts)
		c.duration(path+".check_restart.grace", "grace", r.Grace)
	}
	c.taskOf(path+".task", k.Task, g)
	if k.Type == model.CheckScript {
		c.scriptCheck(path, k, s)
		return
	}
	c.portCheck(path, k, s, g)
}

func (c *checker) checkTimes(path string, k *model.Check) {
	c.duration(path+".interval", "interval", k.Interval)
	c.duration(path+".timeout", "timeout", k.Timeout)
	if k.Interval >= 0 && k.Interval < minCheckInterval {
		c.fail(path+".interval", fmt.Sprintf("interval is %s; it must be at least %s", k.Interval, minCheckInterval), "")
	}
	if k.Timeout == 0 {
		c.fail(path+".timeout", "timeout is 0; a check must end", `write timeout = "3s"`)
	}
}

// scriptCheck checks a command that runs beside the task.
func (c *checker) scriptCheck(path string, k *model.Check, s *model.Service) {
	for _, x := range []struct{ name, value string }{
		{"port", k.Port}, {"protocol", k.Protocol}, {"method", k.Method}, {"path", k.Path}, {"body", k.Body},
	} {
		if x.value != "" {
			c.fail(path+"."+x.name, fmt.Sprintf("a script check has no %s", x.name), "remove it, or use type = \"http\"")
		}
	}
	if k.Command == "" {
		c.fail(path+".command", "the script check has no command", `write command = "/bin/sh" and args = ["-c", "…"]`)
	}
	if hint := shellLine(&model.TaskConfig{Command: k.Command, Args: k.Args}); hint != "" && !strings.HasPrefix(hint, "a shell") {
		c.fail(path+".command", fmt.Sprintf("command %q is one program without its arguments", k.Command), hint)
	}
	c.plainText(path+".command", "command", k.Command)
	for i, a := range k.Args {
		c.plainText(fmt.Sprintf("%s.args[%d]", path, i), "an argument", a)
	}
	if s.Task != "" && k.Task != "" && s.Task != k.Task {
		c.fail(path+".task", fmt.Sprintf("the service is of task %q, and its check of task %q", s.Task, k.Task), "")
	}
}

// portCheck checks one that asks a port: http or tcp.
func (c *checker) portCheck(path string, k *model.Check, s *model.Service, g *model.Group) {
	if k.Command != "" || len(k.Args) > 0 {
		c.fail(path+".command", fmt.Sprintf("a check of type %q runs no command", k.Type), `use type = "script"`)
	}
	switch {
	case k.Port != "":
		c.servicePort(path+".port", k.Port, g)
	case s.Port == "":
		c.fail(path+".port", fmt.Sprintf("the %s check has no port, and neither has its service", k.Type), "write port = \"label\" in the service")
	}
	if k.Type == model.CheckTCP {
		if k.Path != "" || k.Method != "" || k.Body != "" || len(k.Header) > 0 || k.Protocol != "" {
			c.fail(path+".path", "a tcp check only connects: it has no path, method, header, body or protocol", `use type = "http"`)
		}
		return
	}
	c.oneOf(path+".protocol", "protocol", k.Protocol, protocols)
	c.oneOf(path+".method", "method", k.Method, methods)
	if !strings.HasPrefix(k.Path, "/") {
		c.fail(path+".path", fmt.Sprintf("path %q does not begin with a slash", k.Path), fmt.Sprintf("write %q", "/"+k.Path))
	}
	c.plainText(path+".path", "path", k.Path)
	for _, name := range sortedKeys(k.Header) {
		if !httpguts.ValidHeaderFieldName(name) {
			c.fail(path+".header."+name, fmt.Sprintf("%q cannot name a header", name), "")
		}
		for _, v := range k.Header[name] {
			if !httpguts.ValidHeaderFieldValue(v) {
				c.fail(path+".header."+name, fmt.Sprintf("the header %s has a value that HTTP does not allow", name), "")
			}
		}
	}
}

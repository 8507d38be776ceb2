package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// serviceFlags are what `tender services` is told.
type serviceFlags struct {
	follow, all bool
	rendering
}

func (a *app) servicesCmd() *cobra.Command {
	var f serviceFlags
	cmd := &cobra.Command{
		Use:     "services [flags] [NAME]",
		Aliases: []string{"service-list"},
		Short:   "List services and where they are found",
		Long: `Services lists what jobs offer with service blocks, or the endpoints of one service:
those that run, pass their checks and are not about to be stopped. --all adds those
that may not be used, with the reason. With -f it goes on and prints the endpoints
at every change, with -o json one object a line.

With --template and --out a template (Go's text/template) is rendered at every
change, for a proxy's configuration; --exec then runs a command, such as one that
has the proxy read it. The template sees .Name, .Index and .Endpoints, each with
.Address, .Port, .Tags, .Meta, .Job, .JobName, .Group, .Index and .Node; {{ addr . }}
is ADDRESS:PORT. The file is replaced in one step, and only if it changes. A command
that fails is run again, first after a second, then ever less often; while it runs,
changes are gathered for the next time.`,
		Example: `  tender services
  tender services web
  tender services web -f -o json | jq -c '[.endpoints[] | "\(.address):\(.port)"]'
  tender services web --template nginx.tmpl --out /etc/nginx/conf.d/web.conf --exec ./reload-nginx`,
		Args: wants(0, 1, "at most one NAME"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if err := f.check(cmd, args); err != nil {
				return err
			}
			if len(args) == 0 {
				list, err := c.Services(cmd.Context())
				if err != nil {
					return err
				}
				return a.printServices(list)
			}
			return a.service(cmd.Context(), c, model.GetService{Name: args[0], All: f.all}, &f)
		}),
		ValidArgsFunction: a.completeServices,
	}
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "print the endpoints at every change, until interrupted")
	cmd.Flags().BoolVar(&f.all, "all", false, "list endpoints that may not be used as well")
	f.register(cmd)
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (f *serviceFlags) check(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 && (f.follow || f.all || f.any()):
		return usagef(cmd, "name the service whose endpoints are wanted: tender services NAME")
	case f.any() && (f.template == "" || f.out == ""):
		return usagef(cmd, "--template FILE and --out FILE go together")
	case f.any() && f.all:
		return usagef(cmd, "--all is for people: a template sees only what may be used")
	}
	return nil
}

// service prints or renders a service's endpoints, once or at every change.
func (a *app) service(ctx context.Context, c *client.Client, q model.GetService, f *serviceFlags) error {
	show := a.showEndpoints(f.follow)
	next := c.Service
	if f.any() {
		r, err := a.newRenderer(&f.rendering)
		if err != nil {
			return err
		}
		show = func(v model.ServiceView) error { return r.render(ctx, v) }
		next = r.insisting(next)
	}
	index, last := uint64(0), []byte(nil)
	for {
		v, err := next(ctx, q, index)
		if err != nil {
			return err
		}
		seen, err := json.Marshal(v.Endpoints)
		if err != nil {
			return err
		}
		if index == 0 || !bytes.Equal(seen, last) {
			if err := show(v); err != nil {
				return err
			}
		}
		if !f.follow && (!f.any() || f.once) {
			return nil
		}
		index, last = v.Index, seen
	}
}

// showEndpoints prints endpoints; of several times each but the first comes after
// an empty line.
func (a *app) showEndpoints(follow bool) func(model.ServiceView) error {
	first := true
	return func(v model.ServiceView) error {
		switch {
		case a.output == formatJSON && follow:
			b, err := json.Marshal(v)
			if err != nil {
				return err
			}
			return a.print(append(b, '\n'))
		case a.output == formatJSON:
			return a.printJSON(v)
		case a.output == formatName:
			names := make([]string, len(v.Endpoints))
			for i := range v.Endpoints {
				names[i] = endpointAddress(&v.Endpoints[i])
			}
			return a.printNames(names)
		}
		if !first {
			if err := a.print([]byte("\n")); err != nil {
				return err
			}
		}
		first = false
		return a.printEndpoints(v)
	}
}

func (a *app) printServices(list model.ServiceList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		names := make([]string, len(list.Services))
		for i := range list.Services {
			names[i] = list.Services[i].Name
		}
		return a.printNames(names)
	}
	if len(list.Services) == 0 {
		a.note("no job offers a service")
		return nil
	}
	t := &table{columns: []column{
		{title: "SERVICE", floor: 10}, {title: "HEALTHY", right: true}, {title: "JOBS", floor: 8, spare: 1}, {title: "TAGS", floor: 6, spare: 2},
	}}
	for i := range list.Services {
		s := &list.Services[i]
		healthy := cell{fmt.Sprintf("%d/%d", s.Healthy, s.Total), green}
		switch s.Healthy {
		case s.Total:
		case 0:
			healthy.style = red
		default:
			healthy.style = yellow
		}
		t.add(text(s.Name), healthy, text(strings.Join(s.Jobs, " ")), text(orDash(len(s.Tags) > 0, strings.Join(s.Tags, " "))))
	}
	return a.printTable(t)
}

func (a *app) printEndpoints(v model.ServiceView) error {
	if len(v.Endpoints) == 0 {
		a.note("service %s has no endpoint that may be used; --all shows those there are", v.Name)
		return nil
	}
	t := &table{columns: []column{
		{title: "ENDPOINT"}, {title: "TASK", floor: 10}, {title: "NODE", floor: 8, spare: 2}, {title: "TAGS", floor: 6, spare: 3}, {title: "STATE", floor: 10, spare: 1},
	}}
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		state := cell{"healthy", green}
		if !e.Healthy {
			state = cell{cmp.Or(e.Status, "unhealthy"), red}
		}
		t.add(text(endpointAddress(e)), text(fmt.Sprintf("%s.%s[%d]", e.JobName, e.Group, e.Index)), text(e.Node),
			text(orDash(len(e.Tags) > 0, strings.Join(e.Tags, " "))), state)
	}
	return a.printTable(t)
}

// endpointAddress is ADDRESS:PORT, or the address alone of a service without a port.
func endpointAddress(e *model.Endpoint) string {
	if e.Port == 0 {
		return e.Address
	}
	return net.JoinHostPort(e.Address, strconv.Itoa(e.Port))
}

package master

import (
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// operate asks what operators ask about nodes; under the turn stands what is set then.
func (s *script) operate(d *datadriven.TestData) string {
	name := d.CmdArgs[0].Key
	s.asked++
	in := Asked{ID: s.asked}
	switch d.Cmd {
	case "drain":
		r := model.DrainNode{Node: name, Force: d.HasArg("force"), NoDeadline: d.HasArg("no-deadline"),
			IgnoreSystem: d.HasArg("ignore-system"), Message: s.strArg(d, "message", "")}
		if v := s.strArg(d, "deadline", ""); v != "" {
			dur, err := time.ParseDuration(v)
			if err != nil {
				d.Fatalf(s.t, "%v", err)
			}
			r.Deadline = model.Duration(dur)
		}
		in.Body = r
	case "eligible", "ineligible":
		in.Body = model.SetEligibility{Node: name, Eligible: d.Cmd == "eligible", EndDrain: d.HasArg("end-drain"), Message: s.strArg(d, "message", "")}
	}
	return s.turn(in) + s.policies()
}

func (s *script) policies() string {
	var b strings.Builder
	for _, p := range s.m.state.sortedPolicies() {
		v := s.m.nodeNamed(p.Node)
		fmt.Fprintf(&b, "  %s: %s, %d leaving\n", p.Node, p.why(), v.Leaving)
	}
	return b.String()
}

// offered lists services, or one service's endpoints with why some are not used.
func (s *script) offered(d *datadriven.TestData) string {
	var b strings.Builder
	if len(d.CmdArgs) == 0 {
		for _, v := range s.m.listServices().Services {
			fmt.Fprintf(&b, "%s %d/%d of %s, tags %v\n", v.Name, v.Healthy, v.Total, strings.Join(v.Jobs, ","), v.Tags)
		}
		return b.String()
	}
	v := s.m.service(model.GetService{Name: d.CmdArgs[0].Key, All: true})
	for _, e := range v.Endpoints {
		fmt.Fprintf(&b, "%s/%s[%d] on %s port %d", e.JobName, e.Group, e.Index, e.Node, e.Port)
		if !e.Healthy {
			fmt.Fprintf(&b, ": %s", e.Status)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// withdrawn makes the call in a framework's place.
func (s *script) withdrawn(d *datadriven.TestData) string {
	c := model.Withdraw{Restore: d.HasArg("restore")}
	for _, a := range d.CmdArgs {
		if id, err := model.ParseTaskID(a.Key); err == nil {
			c.Tasks = append(c.Tasks, id)
		}
	}
	s.m.calls = append(s.m.calls, pendingCall{s.m.order[0], c})
	return s.turn(Tick{})
}

// offerService gives a job's group a service with a check.
func offerService(g *model.Group, name string) {
	g.Network = &model.Network{Ports: []model.Port{{Label: "http", Static: 8080}}}
	g.Services = []model.Service{{Name: name, Port: "http", Tags: []string{"v1"}, Checks: []model.Check{{Name: "up", Type: model.CheckTCP}}}}
}

// healthOf reads STATE:healthy and STATE:failing.
func healthOf(word string) *agentpb.Health {
	switch word {
	case "healthy":
		return &agentpb.Health{Healthy: true, Checks: []*agentpb.CheckStatus{{Service: "web", Check: "up", Passing: true}}}
	case "failing":
		return &agentpb.Health{Checks: []*agentpb.CheckStatus{{Service: "web", Check: "up", Output: "connection refused"}}}
	}
	return nil
}

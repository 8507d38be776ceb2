package model

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Withdraw takes running tasks off the list of services without stopping them,
// or with Restore puts them back. It lasts for the leader's term: a framework
// says it again when it is Leading. Kill withdraws by itself.
type Withdraw struct {
	Tasks   []TaskID
	Restore bool
}

func (Withdraw) call() {}

// LaunchFacts is what the master keeps of a launch's job: what its tasks offer
// to others. It is journaled with the launch, as later versions of the job may
// say otherwise.
type LaunchFacts struct {
	JobName  string        `json:"job_name"`
	Group    string        `json:"group"`
	System   bool          `json:"system,omitempty"` // of a job that runs on every node
	Services []ServiceFact `json:"services,omitempty"`
}

// ServiceFact is one service of a launch's tasks.
type ServiceFact struct {
	Name    string            `json:"name"`
	Port    string            `json:"port,omitempty"` // its label, or the number
	Granted int               `json:"granted"`        // position of the port in the task's grant; -1 = Number is it
	Number  uint16            `json:"number,omitempty"`
	Tags    []string          `json:"tags,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
	Checked bool              `json:"checked,omitempty"` // it has checks of its own
}

// FactsOf returns what the master keeps of a launch of a job's group; nil if
// that is nothing.
func FactsOf(j *Job, group int) *LaunchFacts {
	if j == nil || group < 0 || group >= len(j.Groups) {
		return nil
	}
	g := &j.Groups[group]
	system := j.Type == JobSystem || j.Type == JobSysBatch
	if !system && len(g.Services) == 0 {
		return nil
	}
	f := &LaunchFacts{JobName: j.Name, Group: g.Name, System: system}
	for i := range g.Services {
		s := &g.Services[i]
		x := ServiceFact{Name: s.Name, Port: s.Port, Tags: s.Tags, Meta: s.Meta, Checked: len(s.Checks) > 0}
		x.Granted, x.Number = g.PortOf(s.Port)
		f.Services = append(f.Services, x)
	}
	return f
}

// Equal compares by value; nil equals nil only.
func (f *LaunchFacts) Equal(o *LaunchFacts) bool {
	if f == nil || o == nil || f == o {
		return f == o
	}
	return f.JobName == o.JobName && f.Group == o.Group && f.System == o.System && slices.EqualFunc(f.Services, o.Services, ServiceFact.equal)
}

func (s ServiceFact) equal(o ServiceFact) bool {
	return s.Name == o.Name && s.Port == o.Port && s.Granted == o.Granted && s.Number == o.Number && s.Checked == o.Checked &&
		slices.Equal(s.Tags, o.Tags) && maps.Equal(s.Meta, o.Meta)
}

// PortOf says where a service's or check's port is found: at a position of the
// allocation's grant, or (-1) it is the number itself; 0 if it is neither.
func (g *Group) PortOf(port string) (granted int, number uint16) {
	if g.Network != nil {
		for i := range g.Network.Ports {
			if g.Network.Ports[i].Label == port {
				return i, g.Network.Ports[i].Static
			}
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return -1, 0
	}
	return -1, uint16(n)
}

// HasChecks reports whether any service of the group has a check.
func (g *Group) HasChecks() bool {
	for i := range g.Services {
		if len(g.Services[i].Checks) > 0 {
			return true
		}
	}
	return false
}

// ListServices is a query; the answer is a ServiceList ordered by name.
type ListServices struct{}

// ServiceList answers ListServices.
type ServiceList struct {
	Services []ServiceSummary `json:"services"`
}

// ServiceSummary is a service in a list.
type ServiceSummary struct {
	Name    string   `json:"name"`
	Tags    []string `json:"tags,omitempty"` // of all its endpoints, sorted
	Jobs    []string `json:"jobs"`           // names of the jobs behind it
	Healthy int      `json:"healthy"`        // endpoints that may be used
	Total   int      `json:"total"`          // all that run
	Index   uint64   `json:"index"`
}

// GetService is a query for one service; the answer is a ServiceView, also of a
// service that nobody offers now. With All set, endpoints that may not be used
// are listed too.
type GetService struct {
	Name string
	All  bool
}

// ServiceView answers GetService.
type ServiceView struct {
	Name string `json:"name"`
	// Index ascends with every change of the service; a reader passes it on to
	// wait for the next one. It is never 0.
	Index     uint64     `json:"index"`
	Endpoints []Endpoint `json:"endpoints"` // by job, group and index
}

// Endpoint is one task's address for a service.
type Endpoint struct {
	Address string            `json:"address"`
	Port    int               `json:"port,omitempty"` // 0 = the service has none
	Tags    []string          `json:"tags,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
	Job     JobID             `json:"job"`
	JobName string            `json:"job_name"`
	Group   string            `json:"group"`
	Index   uint32            `json:"index"`
	Attempt uint16            `json:"attempt"`
	Node    string            `json:"node"`
	Healthy bool              `json:"healthy"`
	// Status says why it may not be used: a failing check, "draining", "unreachable".
	Status string    `json:"status,omitempty"`
	Since  time.Time `json:"since,omitzero"` // of its task's start
}

package offers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// The calls of a transcript about holds, recalls and roles.

// settings [holds=1] [tasks_held=4] [patience=1m]
func (s *script) settings(a arguments) error {
	c := s.b.settings
	var err error
	for _, k := range a.order {
		v := a.values[k][0]
		switch k {
		case "holds":
			c.Holds, err = strconv.Atoi(v)
		case "tasks_held":
			c.TasksHeld, err = strconv.Atoi(v)
		case "patience":
			c.Patience, err = time.ParseDuration(v)
		default:
			err = fmt.Errorf("there is no setting %s", k)
		}
	}
	s.b.Configure(c)
	return err
}

func (s *script) holds(arguments) error {
	views := s.b.Holds(s.now)
	for _, h := range views {
		var parts []string
		for _, p := range h.Parts {
			parts = append(parts, fmt.Sprintf("%d on %s", p.Tasks, p.Name))
		}
		from := "as soon as it is free"
		if !h.From.IsZero() {
			from = "from " + h.From.Format(time.TimeOnly)
		}
		s.printf("%s holds %s %s", h.Demand, strings.Join(parts, ", "), from)
	}
	if len(views) == 0 {
		s.printf("nothing is held")
	}
	return nil
}

// recalls prints inverse offers as they come and go.
func (s *script) recalls() {
	for _, v := range s.b.Inverse() {
		var tasks []string
		for i, t := range v.Tasks {
			tasks = append(tasks, fmt.Sprintf("%s on %s", t, s.b.byID[v.Agents[i]].info.Name))
		}
		s.printf("inverse offer %s to %s for %s, by %s: %s", v.ID, v.Framework, v.For, v.Deadline.Format(time.TimeOnly), strings.Join(tasks, ", "))
	}
	for _, v := range s.b.RescindedInverse() {
		s.printf("rescinded inverse offer %s for %s", v.ID, v.For)
	}
}

// role physics [weight=2] [guarantee=(cpus=8, memory=1GiB)] [limit=(cpus=16)] · role physics reset
func (s *script) role(a arguments) error {
	if a.has("reset") {
		s.b.ResetRole(a.words[0])
		return nil
	}
	c := model.RoleConfig{Role: a.words[0]}
	var err error
	if w := a.value("weight", ""); w != "" {
		c.Weight, err = strconv.ParseFloat(w, 64)
	}
	for _, text := range a.values["guarantee"] {
		k, v, _ := strings.Cut(text, "=")
		if err == nil {
			err = quantity(&c.Guarantee, k, v)
		}
	}
	for _, text := range a.values["limit"] {
		k, v, _ := strings.Cut(text, "=")
		var r model.Resources
		if err == nil {
			err = quantity(&r, k, v)
		}
		switch k {
		case "cpus":
			c.Limit.CPUMilli = &r.CPUMilli
		case "memory":
			c.Limit.MemoryBytes = &r.MemoryBytes
		}
	}
	s.b.SetRole(c)
	return err
}

// reserve physics on=a1 cpus=4
func (s *script) reserve(a arguments) error {
	r := model.Reservation{Role: a.words[0], Agent: a.value("on", "")}
	for _, k := range []string{"cpus", "memory"} {
		if v := a.value(k, ""); v != "" {
			if err := quantity(&r.Amount, k, v); err != nil {
				return err
			}
		}
	}
	s.b.SetReservation(r)
	return nil
}

func (s *script) shares(a arguments) error {
	for _, v := range s.b.Shares("").Roles {
		below := ""
		if v.Below {
			below = ", below its guarantee"
		}
		if v.AtLimit != nil {
			below += ", at its limit of " + strings.Join(v.AtLimit, " and ")
		}
		s.printf("%q: uses %s, share %.0f%%, %d running, %d waiting%s", v.Role, v.Used, 100*v.Share, v.Running, v.Waiting, below)
	}
	return nil
}

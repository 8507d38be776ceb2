package offers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// The calls of a transcript that answer, and how they print.

func (s *script) parts(o *model.Offer) string {
	var out []string
	for _, p := range o.Parts {
		text := fmt.Sprintf("%d on %s", p.Count, s.b.byID[p.Agent].info.Name)
		if p.Room != nil {
			text = fmt.Sprintf("%s on %s%s", p.Room.Resources, s.b.byID[p.Agent].info.Name, s.granted(model.OfferPart{
				Grants: []model.Grant{{GPUs: p.Room.GPUs}},
			}))
			for _, r := range p.Room.Ports {
				text += fmt.Sprintf(" ports %d-%d", r.First, r.Last)
			}
		}
		text += s.granted(p)
		if p.Group > 0 {
			text += fmt.Sprintf(" (group %d)", p.Group)
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (s *script) plan(arguments) error {
	os := s.b.Plan(s.now)
	for i := range os {
		s.printf("offer %s %s: %s%s", os[i].ID, forWhom(&os[i]), s.parts(&os[i]), until(os[i].UnavailableFrom))
	}
	if len(os) == 0 {
		s.printf("no offers")
	}
	return nil
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + t.Format(time.TimeOnly)
}

func (s *script) offers(arguments) error {
	for _, o := range s.b.Offers() {
		s.printf("%s %s since %s: %s", o.ID, forWhom(&o), o.MadeAt.Format(time.TimeOnly), s.parts(&o))
	}
	return nil
}

func offerID(text string) model.OfferID {
	n, _ := strconv.ParseUint(strings.TrimPrefix(text, "o"), 10, 64)
	return model.OfferID(n)
}

// accept o1 [a1=2 a2=1] [job=x] [limit=1h] [framework=f] [cpus=3]: all of it, or
// the counts on the agents named; cpus makes the tasks unlike the offer's.
func (s *script) accept(a arguments) error {
	o, _ := s.b.Offer(offerID(a.words[0]))
	acc := model.Accept{Offer: offerID(a.words[0])}
	job := model.JobID(a.value("job", o.Demand))
	d, _ := s.b.Demand(o.Framework, o.Demand)
	limit, err := time.ParseDuration(a.value("limit", d.TimeLimit.String()))
	if err != nil {
		return err
	}
	explicit := slices.ContainsFunc(a.order, func(k string) bool { return s.b.byID[model.AgentID("id-"+k)] != nil || k == "nowhere" })
	take := func(agent model.AgentID, group, count int) {
		l := model.Launch{Agent: agent, Job: job, Group: uint16(group), TimeLimit: model.Duration(limit), Tasks: s.tasks(job, count)}
		if d.Groups != nil {
			l.Shape = d.Groups[group].Shape
		}
		if v := a.value("cpus", ""); v != "" {
			err = quantity(&l.Shape.Resources, "cpus", v)
		}
		if a.has("again") {
			l.Tasks[0].Index = 0
		}
		acc.Launches = append(acc.Launches, l)
	}
	for _, p := range o.Parts {
		if !explicit && !a.has("nothing") {
			take(p.Agent, p.Group, p.Count)
		}
	}
	for _, k := range a.order {
		if n, err := strconv.Atoi(a.values[k][0]); err == nil && k != "cpus" {
			take(model.AgentID("id-"+k), 0, n)
		}
	}
	if err != nil {
		return err
	}
	fw := model.FrameworkID(a.value("framework", "batch"))
	if _, r := s.b.Accept(s.now, fw, acc); r != nil {
		s.printf("refused, %s: %s", r.Reason, r.Message)
	}
	return nil
}

// decline o1 [for=10s]
func (s *script) decline(a arguments) error {
	pause, err := time.ParseDuration(a.value("for", "0s"))
	for _, id := range a.words {
		if _, ok := s.b.DeclineFor(s.now, offerID(id), pause); !ok {
			s.printf("no such offer")
		}
	}
	return err
}

func (s *script) why(a arguments) error {
	d, err := s.find(a.words[0])
	s.explain(d)
	return err
}

func (s *script) whatIf(a arguments) error {
	d, err := s.parseDemand(a)
	s.explain(d)
	return err
}

func (s *script) explain(d model.Demand) {
	e := s.b.Explain(s.now, d)
	s.printf("%s: %s", e.Tier, e.Summary)
	s.printf("  fits %d of %d", e.Fits, e.Asked)
	for _, w := range e.Why {
		agents := ""
		if w.Count > 0 {
			agents = fmt.Sprintf(" [%d: %s]", w.Count, strings.Join(w.Agents, " "))
		}
		s.printf("  %s, %s: %s%s", w.Tier, w.Reason, w.Text, agents)
		s.printf("    clears: %s", w.Clears)
	}
	if e.Fix != "" {
		s.printf("  %s", e.Fix)
	}
	if !e.Expected.IsZero() {
		s.printf("  expected %s", e.Expected.Format(time.TimeOnly))
	}
}

func (s *script) nodes(arguments) error {
	for u := range s.b.Agents() {
		state := ""
		switch {
		case !u.Known:
			state = " (unknown)"
		case !u.Available:
			state = " (out of contact)"
		}
		s.printf("%s%s: %s; used %s by %d tasks; on offer %s", u.Info.Name, state, u.Info.Capacity, u.Allocated, u.Tasks, u.Offered)
	}
	return nil
}

func (s *script) demands(arguments) error {
	for _, d := range s.b.Demands() {
		var groups []string
		for _, g := range d.Groups {
			groups = append(groups, fmt.Sprintf("%d × %s", g.Count, g.Shape))
		}
		s.printf("%s rank %d: %s", d.ID, d.Rank, strings.Join(groups, " + "))
	}
	return nil
}

func (s *script) wake(arguments) error {
	at := s.b.NextWake()
	if at.IsZero() {
		s.printf("never")
		return nil
	}
	s.printf("%s", at.Format(time.TimeOnly))
	return nil
}

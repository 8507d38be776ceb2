package offers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// The calls of a transcript that are about roles and classic offers.

// forWhom says whom an offer is made to.
func forWhom(o *model.Offer) string {
	if o.Classic {
		return "to " + whose(o)
	}
	return "for " + whose(o)
}

func whose(o *model.Offer) string {
	if !o.Classic {
		return o.Demand
	}
	return fmt.Sprintf("%s in %q", o.Framework, o.Role)
}

// subscribe f roles=(a, b) [suppressed=b] [gpus]
func (s *script) subscribe(a arguments) error {
	s.b.Subscribe(Subscription{
		Framework: model.FrameworkID(a.words[0]), Roles: a.values["roles"], Suppressed: a.values["suppressed"], GPUs: a.has("gpus"),
	})
	return nil
}

func (s *script) unsubscribe(a arguments) error {
	s.b.Unsubscribe(model.FrameworkID(a.words[0]))
	return nil
}

func (s *script) suppress(a arguments) error {
	s.b.Suppress(model.FrameworkID(a.words[0]), a.values["roles"])
	return nil
}

func (s *script) revive(a arguments) error {
	s.b.Revive(model.FrameworkID(a.words[0]), a.values["roles"])
	return nil
}

// launch o1 2×cpus=1 [3×memory=1GiB …] [job=x] [limit=1h] [on=a2] [names=a1-g0]: ACCEPT of a
// classic offer, a launch for each shape.
func (s *script) launch(a arguments) error {
	o, _ := s.b.Offer(offerID(a.words[0]))
	acc := model.Accept{Offer: offerID(a.words[0])}
	limit, err := time.ParseDuration(a.value("limit", "0s"))
	if err != nil {
		return err
	}
	for _, k := range a.order {
		count, kind, times := strings.Cut(k, "×")
		if !times {
			continue
		}
		n, err := strconv.Atoi(count)
		if err != nil {
			return err
		}
		l := model.Launch{Job: model.JobID(a.value("job", string(o.Framework))), TimeLimit: model.Duration(limit)}
		if l.Agent = model.AgentID("id-" + a.value("on", "")); l.Agent == "id-" && o.Parts != nil {
			l.Agent = o.Parts[0].Agent
		}
		l.Tasks = s.tasks(l.Job, n)
		switch kind {
		case "gpus":
			err = askGPUs(&l.Shape, a.values[k][0])
		case "ports":
			l.Shape.Ports = askPorts(a.values[k])
		default:
			err = quantity(&l.Shape.Resources, kind, a.values[k][0])
		}
		if v := a.value("names", ""); v != "" {
			l.Grants = []model.Grant{{GPUs: []model.GPUShare{{UUID: v, Milli: l.Shape.GPUMilli}}}}
		}
		if err != nil {
			return err
		}
		acc.Launches = append(acc.Launches, l)
	}
	done, r := s.b.Accept(s.now, o.Framework, acc)
	for _, l := range acc.Launches {
		if text := s.granted(model.OfferPart{Grants: l.Grants}); r == nil && text != "" {
			s.printf("%s gets%s", l.Job, text)
		}
	}
	if r != nil {
		s.printf("refused, %s: %s", r.Reason, r.Message)
		return nil
	}
	for i := range done.Claims {
		if c := done.Claims[i]; c.Framework != o.Framework || c.Demand != "" || c.Role != o.Role {
			return fmt.Errorf("claimed as %+v", c)
		}
	}
	return nil
}

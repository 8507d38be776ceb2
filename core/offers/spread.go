package offers

import "github.com/tender-scheduler/tender/core/model"

// spreading is one spread of a group: how many of its tasks are where an
// attribute has which value, and how many should be.
type spreading struct {
	name   operand
	weight float64
	total  int                // tasks wanted in all
	wanted map[string]float64 // percent by value; nil = evenly
	rest   float64            // percent for values without a target
	have   map[string]int
	others int // tasks at values without a target
}

func newSpreading(s *model.Spread, total int) *spreading {
	p := &spreading{name: parseOperand(s.Attribute), weight: float64(s.Weight), total: total, have: map[string]int{}, rest: 100}
	for _, t := range s.Targets {
		if p.wanted == nil {
			p.wanted = map[string]float64{}
		}
		p.wanted[t.Value] = float64(t.Percent)
		p.rest -= float64(t.Percent)
	}
	return p
}

func (s *spreading) count(attributes map[string]string, n int) {
	if v, ok := s.name.value(attributes); ok {
		s.have[v] += n
		if _, named := s.wanted[v]; !named {
			s.others += n
		}
	}
}

// score says how welcome one more task is on an agent, -1..1. One without the
// attribute is outside the spread.
//
// With targets it is what part of the target is still to come, as Nomad has it
// (scheduler/spread.go). Without, the targets are equal parts for all values
// that agents have; Nomad compares with the least and the most used value
// instead, which orders values in the same way.
func (s *spreading) score(attributes map[string]string) float64 {
	v, ok := s.name.value(attributes)
	if !ok {
		return -1
	}
	var want float64
	have := s.have[v]
	percent, named := s.wanted[v]
	switch {
	case s.wanted == nil:
		want = max(float64(s.total)/float64(max(len(s.have), 1)), 1)
	case named:
		want = percent / 100 * float64(s.total)
	default: // the rest is for all other values together
		want, have = s.rest/100*float64(s.total), s.others
	}
	if want <= 0 {
		return -1
	}
	return max((want-float64(have+1))/want, -1)
}

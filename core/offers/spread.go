package offers

import (
	"math"

	"github.com/tender-scheduler/tender/core/model"
)

// spreading is one spread of a group: how many of its tasks are where an
// attribute has which value, and how many should be.
type spreading struct {
	name   operand
	weight float64
	more   int                // tasks of the demand, which are still to be placed
	total  int                // tasks in all: those and what is there
	wanted map[string]float64 // percent by value; nil = evenly
	rest   float64            // percent for values without a target
	have   map[string]int
	others int // tasks at values without a target
}

func newSpreading(s *model.Spread, more int) *spreading {
	p := &spreading{name: parseOperand(s.Attribute), weight: float64(s.Weight), more: more, total: more, have: map[string]int{}, rest: 100}
	for _, t := range s.Targets {
		if p.wanted == nil {
			p.wanted = map[string]float64{}
		}
		p.wanted[t.Value] = float64(t.Percent)
		p.rest -= float64(t.Percent)
	}
	return p
}

// begin forgets what was counted; each task that is there says found.
func (s *spreading) begin() {
	clear(s.have)
	s.others, s.total = 0, s.more
}

func (s *spreading) found(attributes map[string]string, n int) {
	s.count(attributes, n)
	s.total += n
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
// attribute is outside the spread. What is there counts, also in the total: a demand
// is for what is still to come of a group.
//
// With targets it is what part of the target is still to come, as Nomad has it
// (scheduler/spread.go). Without, it is by how many tasks a value is short of an equal
// part: one task more or less weighs as much however many there are, so that an
// agent that is fuller by a task does not win by that.
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
		short := float64(s.total)/float64(max(len(s.have), 1)) - float64(have+1)
		return short / (1 + math.Abs(short))
	case named:
		want = percent / 100 * float64(s.total)
	default: // the rest is for all other values together
		want, have = s.rest/100*float64(s.total), s.others
	}
	if want <= 0 {
		return -1
	}
	left := (want - float64(have+1)) / want
	if left >= 0 {
		return left
	}
	return left / (1 - left) // however many there are too many, fewer are better
}

package agent

import (
	"math"
	"slices"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// taskKey is a task's id within its job: group, index and attempt in one word,
// in the order that model.TaskID.Compare gives.
type taskKey uint64

func newKey(group, index, attempt uint32) (k taskKey, ok bool) {
	k = taskKey(group)<<48 | taskKey(index)<<16 | taskKey(attempt)
	return k, group <= math.MaxUint16 && attempt <= math.MaxUint16
}

// keyOf trusts its source, an executor, to use only ids it was given.
func keyOf(t *execpb.Task) taskKey {
	k, _ := newKey(t.GetGroup()&math.MaxUint16, t.GetIndex(), t.GetAttempt()&math.MaxUint16)
	return k
}

func (k taskKey) group() uint32   { return uint32(k >> 48) }
func (k taskKey) index() uint32   { return uint32(k >> 16) }
func (k taskKey) attempt() uint32 { return uint32(k & math.MaxUint16) }

func (k taskKey) id(job model.JobID) model.TaskID {
	return model.TaskID{Job: job, Group: uint16(k.group()), Index: k.index(), Attempt: uint16(k.attempt())}
}

func (k taskKey) wire(job model.JobID) *agentpb.TaskId {
	return &agentpb.TaskId{Job: string(job), Group: k.group(), Index: k.index(), Attempt: k.attempt()}
}

func (k taskKey) exec(state model.TaskState) *execpb.Task {
	return &execpb.Task{Group: k.group(), Index: k.index(), Attempt: k.attempt(), State: uint32(state)}
}

// attemptSet is a set of tasks of one job. Indices that follow each other take
// one span together, so that an array of a million costs next to nothing.
type attemptSet struct {
	rows []attemptRow
}

// attemptRow holds the indices of one group and attempt, as spans in ascending
// order that neither overlap nor touch.
type attemptRow struct {
	group, attempt uint32
	spans          []indexSpan
}

type indexSpan struct{ first, last uint32 }

// add puts k into the set and reports whether it was not in it yet.
func (s *attemptSet) add(k taskKey) bool {
	r := s.row(k.group(), k.attempt())
	index := k.index()
	// The first span that ends at or after index-1 is the only one that can
	// hold index or be extended by it upwards.
	i, _ := slices.BinarySearchFunc(r.spans, index, func(sp indexSpan, x uint32) int {
		if uint64(sp.last)+1 < uint64(x) {
			return -1
		}
		return 1
	})
	switch {
	case i == len(r.spans) || uint64(r.spans[i].first) > uint64(index)+1:
		r.spans = slices.Insert(r.spans, i, indexSpan{index, index})
	case index >= r.spans[i].first && index <= r.spans[i].last:
		return false
	case uint64(index)+1 == uint64(r.spans[i].first):
		r.spans[i].first = index
	default:
		r.spans[i].last = index
		if i+1 < len(r.spans) && uint64(r.spans[i+1].first) == uint64(index)+1 {
			r.spans[i].last = r.spans[i+1].last
			r.spans = slices.Delete(r.spans, i+1, i+2)
		}
	}
	return true
}

func (s *attemptSet) row(group, attempt uint32) *attemptRow {
	for i := range s.rows {
		if s.rows[i].group == group && s.rows[i].attempt == attempt {
			return &s.rows[i]
		}
	}
	s.rows = append(s.rows, attemptRow{group: group, attempt: attempt})
	return &s.rows[len(s.rows)-1]
}

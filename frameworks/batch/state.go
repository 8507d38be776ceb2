package batch

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// state is the folded state of the framework and what is derived from it.
type state struct {
	lastSeq    uint64
	lastEndSeq uint64
	lastTicket uint64
	done       int64      // work that was ever done, in milli-CPU × seconds
	clock      sdk.Micros // of the last event that bears the master's time
	jobs       map[model.JobID]*job
	habits     habits

	// Derived.
	lines   []*line           // by role and priority, those where somebody stands
	order   []*job            // by seq
	names   map[string][]*job // by seq
	keys    map[string]*job
	waiters map[model.JobID]*waiters
	ended   []*job                // by endSeq
	runs    map[model.JobID]*runs // by schedule, those that have ended
	crowded map[model.JobID]bool  // schedules with more of those than they keep, perhaps
	counts  struct {
		openJobs, openSlots int
		ended, runs         held // jobs that are no runs of schedules, and runs
	}
}

// waiters are the jobs that wait for another one.
type waiters struct {
	jobs []*job // may hold jobs that do not wait any more
	pins int    // conditions that have not come true, of jobs that have not ended
}

func (s *state) init() {
	*s = state{
		jobs:    map[model.JobID]*job{},
		names:   map[string][]*job{},
		keys:    map[string]*job{},
		waiters: map[model.JobID]*waiters{},
		runs:    map[model.JobID]*runs{},
		crowded: map[model.JobID]bool{},
	}
	s.habits.init()
}

// add enters a job into the indices; jobs come in the order of their seq.
func (s *state) add(j *job) {
	s.jobs[j.id] = j
	s.order = append(s.order, j)
	s.names[j.spec.Name] = append(s.names[j.spec.Name], j)
	if j.key != "" {
		s.keys[j.key] = j
	}
	if j.state.Ended() {
		s.held(j).count(j, 1)
	} else {
		s.counts.openJobs++
		s.counts.openSlots += j.slots()
	}
}

// closed and reopened move a job between the open and the ended counts.
func (s *state) closed(j *job) {
	n := j.slots()
	s.counts.openJobs--
	s.counts.openSlots -= n
	s.held(j).count(j, 1)
	s.lastEndSeq++
	j.endSeq = s.lastEndSeq
	s.ended = append(s.ended, j)
	s.passed(j)
}

func (s *state) reopened(j *job) {
	n := j.slots()
	s.counts.openJobs++
	s.counts.openSlots += n
	s.held(j).count(j, -1)
	s.unpassed(j)
	j.endSeq, j.frozen = 0, nil
	if i := slices.Index(s.ended, j); i >= 0 {
		s.ended = slices.Delete(s.ended, i, i+1)
	}
}

// remove drops ended jobs.
func (s *state) remove(ids []model.JobID) {
	names := map[string]bool{}
	for _, id := range ids {
		j := s.jobs[id]
		if j == nil || !j.state.Ended() {
			continue
		}
		j.gone, names[j.spec.Name] = true, true
		delete(s.jobs, id)
		if s.keys[j.key] == j {
			delete(s.keys, j.key)
		}
		s.held(j).count(j, -1)
		s.unpassed(j)
	}
	isGone := func(j *job) bool { return j.gone }
	s.order = slices.DeleteFunc(s.order, isGone)
	s.ended = slices.DeleteFunc(s.ended, isGone)
	for n := range names {
		if s.names[n] = slices.DeleteFunc(s.names[n], isGone); len(s.names[n]) == 0 {
			delete(s.names, n)
		}
	}
}

// latest returns the latest job of that name, nil if there is none.
func (s *state) latest(name string) *job {
	if js := s.names[name]; len(js) > 0 {
		return js[len(js)-1]
	}
	return nil
}

// before returns how many of jobs, which are in the order of their seq, were
// submitted before seq.
func before(jobs []*job, seq uint64) int {
	n, _ := slices.BinarySearchFunc(jobs, seq, func(j *job, seq uint64) int { return cmp.Compare(j.seq, seq) })
	return n
}

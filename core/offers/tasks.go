package offers

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// taskTable finds a task's stake. Tasks of arrays come by the hundred thousand
// with indexes that follow one another, so a job's tasks are kept in pages of
// consecutive indexes: about ten bytes a task, and no hashing for most. A job
// of one task has no page.
type taskTable struct {
	jobs map[model.JobID]*jobTasks
	// twins are tasks of a slot of which another attempt is in its page.
	twins map[model.TaskID]*stake
	count int
}

type jobTasks struct {
	live  int
	one   model.TaskID // the job's only task, while pages is nil
	stake *stake
	pages map[uint64]*taskPage
	last  *taskPage // the one used last
}

const pageSize = 64

type taskPage struct {
	key      uint64
	live     int
	stakes   [pageSize]*stake // nil where there is no task
	attempts [pageSize]uint16
}

func newTaskTable() taskTable {
	return taskTable{jobs: map[model.JobID]*jobTasks{}, twins: map[model.TaskID]*stake{}}
}

// get returns the task's stake, nil if it is not in the table.
func (t *taskTable) get(id model.TaskID) *stake {
	j := t.jobs[id.Job]
	if j == nil {
		return nil
	}
	if j.pages == nil {
		if j.one == id {
			return j.stake
		}
		return nil
	}
	if p, i := j.page(id), id.Index%pageSize; p != nil && p.stakes[i] != nil && p.attempts[i] == id.Attempt {
		return p.stakes[i]
	}
	if len(t.twins) == 0 {
		return nil
	}
	return t.twins[id]
}

// put enters a task, or replaces its stake.
func (t *taskTable) put(id model.TaskID, s *stake) {
	j := t.jobs[id.Job]
	if j == nil {
		t.jobs[id.Job] = &jobTasks{live: 1, one: id, stake: s}
		t.count++
		return
	}
	if j.pages == nil {
		if j.one == id {
			j.stake = s
			return
		}
		j.pages = map[uint64]*taskPage{}
		j.enter(j.one, j.stake)
		j.one, j.stake = model.TaskID{}, nil
	}
	old := t.get(id)
	if old == nil {
		j.live++
		t.count++
	}
	if (old != nil && t.twins[id] == old) || !j.enter(id, s) {
		t.twins[id] = s
	}
}

// of returns count tasks of a stake, those with the highest indexes, ascending.
func (t *taskTable) of(s *stake, count int) []model.TaskID {
	var out []model.TaskID
	add := func(id model.TaskID, x *stake) {
		if x == s {
			out = append(out, id)
		}
	}
	if j := t.jobs[s.job]; j != nil {
		j.each(s.job, add)
	}
	for id, x := range t.twins {
		add(id, x)
	}
	slices.SortFunc(out, model.TaskID.Compare)
	return out[max(len(out)-count, 0):]
}

// remove takes a task out; it must be in the table.
func (t *taskTable) remove(id model.TaskID) {
	j := t.jobs[id.Job]
	t.count--
	if j.live--; j.live == 0 {
		delete(t.jobs, id.Job)
		delete(t.twins, id)
		return
	}
	p, i := j.page(id), id.Index%pageSize
	if p == nil || p.stakes[i] == nil || p.attempts[i] != id.Attempt {
		delete(t.twins, id)
		return
	}
	p.stakes[i] = nil
	if p.live--; p.live == 0 {
		delete(j.pages, p.key)
		if j.last == p {
			j.last = nil
		}
	}
}

// enter puts a task in its page unless another attempt at its slot is there.
func (j *jobTasks) enter(id model.TaskID, s *stake) bool {
	p := j.page(id)
	if p == nil {
		p = &taskPage{key: pageKey(id)}
		j.pages[p.key] = p
		j.last = p
	}
	i := id.Index % pageSize
	switch {
	case p.stakes[i] == nil:
		p.live++
	case p.attempts[i] != id.Attempt:
		return false
	}
	p.stakes[i], p.attempts[i] = s, id.Attempt
	return true
}

func (j *jobTasks) page(id model.TaskID) *taskPage {
	key := pageKey(id)
	if j.last == nil || j.last.key != key {
		p := j.pages[key]
		if p == nil {
			return nil
		}
		j.last = p
	}
	return j.last
}

func pageKey(id model.TaskID) uint64 { return uint64(id.Group)<<32 | uint64(id.Index/pageSize) }

// each calls visit for every task of the job but twins.
func (j *jobTasks) each(job model.JobID, visit func(id model.TaskID, s *stake)) {
	if j.pages == nil {
		visit(j.one, j.stake)
	}
	for key, p := range j.pages {
		for i, s := range p.stakes {
			if s != nil {
				visit(model.TaskID{Job: job, Group: uint16(key >> 32),
					Index: uint32(key)*pageSize + uint32(i), Attempt: p.attempts[i]}, s)
			}
		}
	}
}

// all calls visit for every task, in no order.
func (t *taskTable) all(visit func(id model.TaskID, s *stake)) {
	for job, j := range t.jobs {
		j.each(job, visit)
	}
	for id, s := range t.twins {
		visit(id, s)
	}
}

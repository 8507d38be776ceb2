package master

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// gangID is the job group whose tasks start together. A gang is tried again only
// when all of it have ended, so at most one attempt of it is live.
type gangID struct {
	job   model.JobID
	group uint16
}

func gangOf(id model.TaskID) gangID { return gangID{id.Job, id.Group} }

// gang is the live tasks of one attempt at a gang.
type gang struct {
	size     int
	tasks    map[model.TaskID]*task
	starting int  // of them, prepared and waiting
	started  bool // one of them has run
}

// mayRun reports whether the members may be told to start: all of them have been
// prepared, now or before one of them began to run.
func (g *gang) mayRun() bool {
	return g.started || g.starting == g.size && len(g.tasks) == g.size
}

func (g *gang) sorted() []*task {
	out := make([]*task, 0, len(g.tasks))
	for _, t := range g.tasks {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *task) int { return a.id.Compare(b.id) })
	return out
}

// joinGang enters a staged task.
func (s *state) joinGang(t *task) {
	if t.batch.gang == 0 {
		return
	}
	id := gangOf(t.id)
	g := s.gangs[id]
	if g == nil {
		g = &gang{size: t.batch.gang, tasks: map[model.TaskID]*task{}}
		s.gangs[id] = g
	}
	g.tasks[t.id] = t
}

// moveInGang notes a member's new state.
func (s *state) moveInGang(t *task, was, is model.TaskState) {
	g := s.gangs[gangOf(t.id)]
	if t.batch.gang == 0 || g == nil {
		return
	}
	if was == model.TaskStarting {
		g.starting--
	}
	if is == model.TaskStarting {
		g.starting++
	}
	if is == model.TaskRunning || is == model.TaskFinished {
		g.started = true
	}
	if is.Terminal() {
		if delete(g.tasks, t.id); len(g.tasks) == 0 {
			delete(s.gangs, gangOf(t.id))
		}
	}
}

// snapshotGang is a gang that has begun to run; of the others the tasks tell.
type snapshotGang struct {
	Job   model.JobID `json:"job"`
	Group uint16      `json:"group"`
}

func (s *state) snapshotGangs() []snapshotGang {
	var out []snapshotGang
	for id, g := range s.gangs {
		if g.started {
			out = append(out, snapshotGang{id.job, id.group})
		}
	}
	slices.SortFunc(out, func(a, b snapshotGang) int {
		return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Group, b.Group))
	})
	return out
}

func (s *state) restoreGangs(in []snapshotGang) {
	for _, sg := range in {
		if g := s.gangs[gangID{sg.Job, sg.Group}]; g != nil {
			g.started = true
		}
	}
}

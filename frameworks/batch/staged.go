package batch

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// foldStaged records launches that are on their way to their agents.
func (f *Framework) foldStaged(e *model.Staged) {
	at := sdk.MicrosOf(e.At)
	f.tick(at)
	for i := range e.Launches {
		l := &e.Launches[i]
		j := f.jobs[l.Job]
		if j == nil || int(l.Group) >= len(j.groups) {
			for n := range l.Tasks {
				f.out.kill(l.ID(n), 0) // nobody waits for its result
			}
			continue
		}
		g := &j.groups[l.Group]
		agent := j.agentAt(l.Agent)
		for _, a := range l.Tasks {
			f.stage(g, a, agent, at)
		}
		g.refusals = sdk.Refusals{}
		f.touch(g)
	}
}

func (f *Framework) stage(g *group, a model.Attempt, agent uint32, at sdk.Micros) {
	n, ok := g.slotOf(a.Index)
	if !ok {
		return
	}
	s := g.at(n)
	if a.Attempt != s.attempts || s.state.class().live() || s.attempts == maxAttemptNumber {
		return
	}
	if g.claimed > 0 {
		g.claimed--
	}
	// Cancelled between the accept and its check: it is on its way all the same.
	unwanted := s.state.class().ended() || g.job.dropped()
	if unwanted {
		f.reopen(g.job)
	}
	*s = slot{staged: at, agent: agent, attempts: s.attempts + 1, state: s.state}
	g.set(n, s, taskSlot(model.TaskStaging))
	g.say(n, "")
	if t, ok := g.tries[uint32(n)]; ok && t.since != 0 {
		t.since, t.wait, t.due = 0, 0, time.Time{}
		g.tries[uint32(n)] = t
	}
	if unwanted {
		f.kill(g, n, s)
	}
}

// reopen takes back the end of a job of which a cancelled task turns out to be
// on its way; the job ends again when that task has.
func (f *Framework) reopen(j *job) {
	if !j.state.Ended() {
		return
	}
	whole := j.dropped() && j.open > 0
	f.reopened(j)
	j.ended, j.outcome, j.state = 0, outcome{}, model.JobRunning
	if whole {
		j.state = model.JobStopping
	}
	f.wait(j)
}

// kill asks for the end of a live attempt. The wish is kept with the slot, so
// that it outlives this leader, and repeated until it is heeded.
func (f *Framework) kill(g *group, n int, s *slot) {
	if s.flags&flagKill == 0 {
		s.flags |= flagKill
		g.killing++
	}
	if f.out != nil {
		f.out.kill(g.taskID(n, *s), g.grace())
		f.wantRekill()
	}
}

// grace is how long a task has after its kill signal: 0 = its own kill timeout.
// The rest of a gang of which one has failed or was lost has next to none: there
// is nothing left for it to do, and others wait for its room.
func (g *group) grace() model.Duration {
	if g.abort == abortFault || g.abort == abortFree {
		return model.GangGrace
	}
	return 0
}

// killLive asks for the end of every live attempt of a group.
func (f *Framework) killLive(g *group) {
	if g.live() == 0 {
		return
	}
	g.launched(func(n int, s *slot) {
		if s.state.class().live() && s.flags&flagKill == 0 {
			f.kill(g, n, s)
		}
	})
}

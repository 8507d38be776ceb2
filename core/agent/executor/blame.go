package executor

import (
	"time"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/mpi"
)

// endPMI waits until all that the ranks have said is in the inbox, before the
// end of the task.
func (t *run) endPMI(gone bool) {
	for _, r := range t.ranks {
		if r.pmi == nil {
			continue
		}
		if !gone {
			r.pmi.close()
		}
		select {
		case <-r.pmi.done:
		case <-time.After(time.Second): // it has given its end to somebody elsewhere
			r.pmi.close()
			<-r.pmi.done
		}
		r.pmi.close()
	}
}

// blame notes that a rank has failed, by what it said or did not say. If it is
// to go no further, or has ended, the others are stopped.
func (r *runner) blame(k lifecycle.Key, local int, f mpi.Fault) {
	a := r.attempts[k]
	main := r.job.Groups[k.Group].MainTask()
	if a == nil || main < 0 || a.runs[main] == nil {
		return
	}
	t := a.runs[main]
	t.mu.Lock()
	if local >= len(t.ranks) {
		t.mu.Unlock()
		return
	}
	who := t.ranks[local]
	who.fault = &f
	guilty := (f.Now || who.ended) && t.culprit == nil
	if guilty {
		t.culprit = who
	}
	t.mu.Unlock()
	if guilty {
		t.strike(model.GangGrace.Std())
	}
}

// amend adds to an exit what was said of the ranks since it was worked out.
func (r *runner) amend(e *lifecycle.Ended) {
	a := r.attempts[e.Key]
	if a == nil || a.runs[e.Task] == nil || e.Exit.Failure != "" {
		return
	}
	t := a.runs[e.Task]
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, who := range t.ranks {
		if who.fault == nil || t.culprit != nil && t.culprit != who {
			continue
		}
		if who == t.culprit || e.Exit.Code == 0 && e.Exit.Signal == 0 {
			e.Exit.Who = t.who(who)
			blamed(who.fault, &e.Exit)
			return
		}
	}
}

// blamed puts a rank's fault into an exit. The code that it asked for counts, not
// what it met with on its way out.
func blamed(f *mpi.Fault, e *lifecycle.Exit) {
	if f.Now || f.Code != 0 {
		e.Code, e.Signal = f.Code, 0
	}
	if f.Now || e.Code == 0 && e.Signal == 0 {
		e.Fault = f.Message
	}
}

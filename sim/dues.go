package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/cron"
)

// scheduleBook is what the journal says of one schedule, kept by counting alone: it
// knows nothing of cron but that a due time is a whole multiple of so many seconds,
// and of each policy what it allows.
type scheduleBook struct {
	id      model.JobID
	keeper  *keeper
	decided time.Time // what is due up to here has been decided, or is nobody's
	paused  bool
	over    bool
	last    int                       // number of the last run
	runs    map[time.Time]model.JobID // by due time, those that nobody asked for
	going   map[int]time.Time         // runs whose end is not known yet, and their rounds
	waiting []cronEvent               // to run after those
	asked   int                       // due times that somebody asked for
	rounds  map[time.Time]*parentRun  // of one that follows another: what it has heard
}

// parentRun is what became of the run that another schedule's run is to follow.
type parentRun struct {
	ok      bool
	skipped bool
	decided bool // what follows from it
}

// cronListener is the cron framework under the auditor's machine: it hears every event.
type cronListener struct {
	*cron.Framework
	a *auditor
}

func (l *cronListener) Apply(e model.JournalEvent) error {
	if own, ok := e.(model.OwnEvent); ok {
		if err := l.a.scheduled(own); err != nil {
			return err
		}
	}
	return l.Framework.Apply(e)
}

// cronEvent is what the auditor reads of the framework's events.
type cronEvent struct {
	ID    model.JobID    `json:"id"`
	At    time.Time      `json:"at"`
	Job   *model.Job     `json:"job"`
	Due   time.Time      `json:"due"`
	Until time.Time      `json:"until"`
	Cause model.RunCause `json:"cause"`
	Held  bool           `json:"held"`
	N     int            `json:"n"`
	Count int            `json:"count"`
	State model.JobState `json:"state"`

	kind string
}

// scheduled books one event of the cron framework's.
func (a *auditor) scheduled(own model.OwnEvent) error {
	kind, body, _ := bytes.Cut(own, []byte("@"))
	_, body, _ = bytes.Cut(body, []byte(" "))
	e := cronEvent{kind: string(kind)}
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("read %s: %w", kind, err)
	}
	b := a.schedules[e.ID]
	switch e.kind {
	case "submitted":
		if b == nil {
			a.schedules[e.ID] = &scheduleBook{
				id: e.ID, keeper: a.w.keeperOf(e.Job.Name), decided: e.At,
				runs: map[time.Time]model.JobID{}, going: map[int]time.Time{}, rounds: map[time.Time]*parentRun{},
			}
		}
	case "ran":
		a.w.stats.Runs++
		a.ran(b, &e)
		a.decision(b, &e)
	case "held", "skipped":
		a.decision(b, &e)
	case "paused":
		b.paused = true
	case "resumed":
		// What was due while it was paused is nobody's.
		if b.paused = false; e.At.After(b.decided) {
			b.decided = e.At
		}
	case "changed":
		a.changed(b, &e)
	case "ended":
		b.over = true
	}
	return nil
}

// changed books where a run stands.
func (a *auditor) changed(b *scheduleBook, e *cronEvent) {
	if e.State == model.RunRefused {
		delete(a.awaited, b.job(e.N))
	}
	due, goes := b.going[e.N]
	if !goes || !e.State.Ended() && e.State != model.RunRefused {
		return
	}
	delete(b.going, e.N)
	a.tellFollowers(b, due, &parentRun{ok: e.State == model.JobSucceeded})
}

func (b *scheduleBook) job(n int) model.JobID { return b.id + model.JobID(fmt.Sprintf(".%d", n)) }

// ran books a run: it is the next one, the only one of its due time, its job is in the
// same commit, and unless runs may overlap the one before has ended.
func (a *auditor) ran(b *scheduleBook, e *cronEvent) {
	job := b.job(e.N)
	a.w.say("journal", "%d run %s of %s, due %s (%s)", a.commit.index, job, b.keeper.job.Name, e.Due.Format("15:04:05.000"), e.Cause)
	if e.N != b.last+1 {
		a.w.fail("due runs exactly once", "run %d of %s follows run %d", e.N, b.id, b.last)
	}
	before := b.job(b.last)
	if b.last = e.N; e.Cause != model.RunTrigger {
		if was, twice := b.runs[e.Due]; twice {
			a.w.fail("due runs exactly once", "%s and %s are both runs of what was due at %s", was, job, e.Due)
		}
		b.runs[e.Due] = job
	}
	if v, ok := a.job(string(before)); ok && v.ID == before && !v.State.Ended() && b.keeper.job.Periodic.Overlap != model.OverlapAllow {
		a.w.fail("runs do not overlap", "%s is made while %s is %s", job, before, v.State)
	}
	a.awaited[job] = true
}

// spawnedTogether looks, at the end of a commit, whether each run has its job in it.
func (a *auditor) spawnedTogether() {
	for job := range a.awaited {
		a.w.fail("due runs exactly once", "run %s was committed without its job", job)
	}
	a.schedulesAreTrue()
}

// sawSubmission notes that a job is submitted in this commit.
func (a *auditor) sawSubmission(e model.OwnEvent) {
	_, body, _ := bytes.Cut(e, []byte(" "))
	var s struct {
		ID     model.JobID `json:"id"`
		Parent model.JobID `json:"parent"`
		Job    model.Job   `json:"job"`
	}
	if err := json.Unmarshal(body, &s); err != nil {
		a.w.fail("replay", "a submission cannot be read: %v", err)
		return
	}
	if everywhere(&s.Job) {
		a.spreads[s.ID] = newSpread()
	}
	if s.Parent != "" {
		if !a.awaited[s.ID] {
			a.w.fail("due runs exactly once", "job %s is submitted as a run of %s, which made none", s.ID, s.Parent)
		}
		delete(a.awaited, s.ID)
	}
}

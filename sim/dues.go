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
// knows nothing of cron but that a due time is a whole multiple of so many seconds.
type scheduleBook struct {
	id      model.JobID
	keeper  *keeper
	from    time.Time // due times count from here
	decided time.Time // up to here each has been decided
	counted int       // those that have a run, wait for one or were skipped
	runs    map[time.Time]model.JobID
	last    int // number of the last run
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
}

// scheduled books one event of the cron framework's.
func (a *auditor) scheduled(own model.OwnEvent) error {
	kind, body, _ := bytes.Cut(own, []byte("@"))
	_, body, _ = bytes.Cut(body, []byte(" "))
	var e cronEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("read %s: %w", kind, err)
	}
	b := a.schedules[e.ID]
	switch string(kind) {
	case "submitted":
		if b == nil {
			k := a.w.keeperOf(e.Job.Name)
			a.schedules[e.ID] = &scheduleBook{id: e.ID, keeper: k, from: e.At, decided: e.At, runs: map[time.Time]model.JobID{}}
		}
	case "ran":
		a.w.stats.Runs++
		a.ran(b, &e)
		a.decided(b, &e, 1)
	case "held":
		a.decided(b, &e, 1)
	case "skipped":
		a.decided(b, &e, e.Count)
	case "resumed":
		// What was due while it was paused is nobody's.
		if e.At.After(b.decided) {
			b.from, b.decided, b.counted = e.At, e.At, 0
		}
	case "changed":
		if e.State == model.RunRefused {
			delete(a.awaited, e.ID+model.JobID(fmt.Sprintf(".%d", e.N)))
		}
	}
	return nil
}

// ran books a run: it is the next one, the only one of its due time, its job is in the
// same commit, and unless runs may overlap the one before has ended.
func (a *auditor) ran(b *scheduleBook, e *cronEvent) {
	job := b.id + model.JobID(fmt.Sprintf(".%d", e.N))
	a.w.say("journal", "%d run %s of %s, due %s (%s)", a.commit.index, job, b.keeper.job.Name, e.Due.Format("15:04:05.000"), e.Cause)
	if e.N != b.last+1 {
		a.w.fail("due runs exactly once", "run %d of %s follows run %d", e.N, b.id, b.last)
	}
	before := b.id + model.JobID(fmt.Sprintf(".%d", b.last))
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

// decided books due times that were decided, and counts them anew.
func (a *auditor) decided(b *scheduleBook, e *cronEvent, count int) {
	if e.Held || e.Cause != model.RunDue && e.Cause != model.RunCatchUp {
		return
	}
	last := e.Due
	if e.Until.After(last) {
		last = e.Until
	}
	every := int64(b.keeper.every)
	if every == 0 || e.Due.Nanosecond() != 0 || e.Due.Unix()%every != 0 || !e.Due.After(b.decided) {
		a.w.fail("due runs exactly once", "%s is no due time of %s, or was decided before %s", e.Due, b.id, b.decided)
		return
	}
	b.counted += count
	b.decided = last
	if want := int(last.Unix()/every - b.from.Unix()/every); want != b.counted {
		a.w.fail("due runs exactly once", "of %d due times of %s up to %s, %d have a run or were skipped", want, b.id, last, b.counted)
	}
}

// spawnedTogether looks, at the end of a commit, whether each run has its job in it.
func (a *auditor) spawnedTogether() {
	for job := range a.awaited {
		a.w.fail("due runs exactly once", "run %s was committed without its job", job)
	}
}

// sawSubmission notes that a job is submitted in this commit.
func (a *auditor) sawSubmission(e model.OwnEvent) {
	_, body, _ := bytes.Cut(e, []byte(" "))
	var s struct {
		ID     model.JobID `json:"id"`
		Parent model.JobID `json:"parent"`
	}
	if err := json.Unmarshal(body, &s); err == nil && s.Parent != "" {
		if !a.awaited[s.ID] {
			a.w.fail("due runs exactly once", "job %s is submitted as a run of %s, which made none", s.ID, s.Parent)
		}
		delete(a.awaited, s.ID)
	}
}

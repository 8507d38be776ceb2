package service

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// alloc is an allocation: one place for a group's tasks, from when it is wanted
// until it is replaced or given up. It has one live task at most.
type alloc struct {
	Base    uint32 `json:"v"`
	Lane    uint16 `json:"lane,omitempty"`
	Attempt uint16 `json:"a,omitempty"`   // of the next launch
	Made    uint32 `json:"dep,omitempty"` // the job's latest deployment when it was made

	// The task that runs, or is on its way.
	Live    bool            `json:"live,omitempty"`
	State   model.TaskState `json:"state,omitempty"`
	Agent   model.AgentID   `json:"agent,omitempty"` // that it is on, or was last
	Staged  sdk.Micros      `json:"staged,omitempty"`
	Started sdk.Micros      `json:"started,omitempty"`
	Well    sdk.Micros      `json:"well,omitempty"`   // healthy since; 0 = it is not
	Checks  *model.Health   `json:"checks,omitempty"` // as last heard

	First  sdk.Micros `json:"first,omitempty"`  // when its first task was on its way
	Said   bool       `json:"said,omitempty"`   // by a person: that it works
	Marked bool       `json:"marked,omitempty"` // its task was healthy for min_healthy_time
	Late   bool       `json:"late,omitempty"`   // it was not by its healthy_deadline
	// Proved says that one of its tasks ever was: a deployment gets on by that once,
	// or one whose tasks come and go would never end.
	Proved bool `json:"proved,omitempty"`

	// What is to become of it.
	Since  sdk.Micros     `json:"since,omitempty"` // of a failure that is waited out
	Wait   model.Duration `json:"wait,omitempty"`
	Prefer model.AgentID  `json:"prefer,omitempty"` // to start again where it was
	Shun   model.AgentID  `json:"shun,omitempty"`   // to start elsewhere
	Stop   sdk.Micros     `json:"stop,omitempty"`   // when it was told to end; 0 = it was not
	Grace  model.Duration `json:"grace,omitempty"`  // before its tasks are killed
	Why    string         `json:"why,omitempty"`    // for what, for people
	Failed bool           `json:"failed,omitempty"` // given up for good

	Retries int            `json:"retries,omitempty"` // see sdk.Tries
	Window  sdk.Micros     `json:"window,omitempty"`
	Moves   int            `json:"moves,omitempty"` // to other agents, in a row
	MoveIn  sdk.Micros     `json:"move_in,omitempty"`
	MoveGap model.Duration `json:"move_gap,omitempty"` // the last delay

	End *ending `json:"end,omitempty"` // of its task before

	// Transient.
	claimed bool      // an offer was accepted for it
	seen    time.Time // since when it is healthy, on this leader's clock
	due     time.Time // when the present delay ends, likewise
	killed  bool      // a kill was sent in this term
	// withdrawn says that it was taken off the list of services in this term.
	withdrawn bool
}

// ending is how an allocation's task ended.
type ending struct {
	At      sdk.Micros       `json:"at"`
	Attempt uint16           `json:"a,omitempty"`
	State   model.TaskState  `json:"state"`
	Result  *model.Result    `json:"result,omitempty"`
	Reason  model.TaskReason `json:"reason,omitempty"`
	Message string           `json:"message,omitempty"`
}

// text says in a line how a task ended.
func (e *ending) text() string {
	if e.Result == nil {
		return e.Message
	}
	if e.Result.Cause == model.CausePreempted && e.Message != "" {
		return e.Message
	}
	s := string(e.Result.Cause)
	if e.Result.ExitCode != 0 || e.Result.Signal != 0 {
		s += fmt.Sprintf(", exit code %d", e.Result.Code())
	}
	if e.Message != "" && !strings.Contains(s, e.Message) {
		s += ": " + e.Message
	}
	return s
}

// waiting reports whether the allocation wants to be launched: now, or after a delay.
func (a *alloc) waiting() bool { return !a.Live && a.Stop == 0 && !a.Failed }

// healthy reports whether its task runs and works.
func (a *alloc) healthy() bool { return a != nil && a.Live && a.Well != 0 }

// works is healthy, and not about to end.
func (a *alloc) works() bool { return a.healthy() && a.Stop == 0 }

// launchID is the job as which the allocation's tasks are launched.
func (a *alloc) launchID(j *job) model.JobID { return launchID(j.ID, a.Base, a.Lane) }

func launchID(id model.JobID, base uint32, lane uint16) model.JobID {
	s := string(id) + "." + strconv.FormatUint(uint64(base), 10)
	if lane != 0 {
		s += "." + strconv.FormatUint(uint64(lane), 10)
	}
	return model.JobID(s)
}

// taskID is the live task, or while there is none the one to come.
func (a *alloc) taskID(g *group, s *slot) model.TaskID {
	_, num := g.runs(a.Base)
	id := model.TaskID{Job: a.launchID(g.job), Group: uint16(max(num, 0)), Index: s.Index, Attempt: a.Attempt}
	if a.Live {
		id.Attempt--
	}
	return id
}

// launch is what a launch id names.
type launch struct {
	job  *job
	base uint32
	lane uint16
}

// launchOf resolves a launch id; ok is false for one of no job that is known.
func (f *Framework) launchOf(id model.JobID) (l launch, ok bool) {
	head, tail := string(id), [2]uint64{}
	for n := range tail {
		i := strings.LastIndexByte(head, '.')
		if i < 0 {
			return l, false
		}
		v, err := strconv.ParseUint(head[i+1:], 10, 32)
		if err != nil {
			return l, false
		}
		head, tail[n] = head[:i], v
		j := f.jobs[model.JobID(head)]
		if j == nil {
			continue
		}
		if n == 0 {
			return launch{j, uint32(v), 0}, v > 0
		}
		return launch{j, uint32(v), uint16(tail[0])}, v > 0 && tail[0] > 0 && tail[0] < 1<<16
	}
	return l, false
}

// find returns the slot and allocation of a task that is live; nil if none is.
func (f *Framework) find(id model.TaskID) (*group, *slot, *alloc) {
	l, ok := f.launchOf(id.Job)
	if !ok {
		return nil, nil, nil
	}
	g := l.group(id.Group)
	if g == nil {
		return nil, nil, nil
	}
	s := g.slot(id.Index)
	if s == nil {
		return g, nil, nil
	}
	for _, a := range [...]*alloc{s.Cur, s.Next} {
		if a != nil && a.Base == l.base && a.Lane == l.lane && a.Live && a.Attempt == id.Attempt+1 {
			return g, s, a
		}
	}
	return g, s, nil
}

// group returns the group with a position in the launch's version.
func (l launch) group(num uint16) *group {
	v := l.job.version(l.base)
	if v == nil || int(num) >= len(v.Job.Groups) {
		return nil
	}
	return l.job.group(v.Job.Groups[num].Name)
}

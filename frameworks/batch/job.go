package batch

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// job is one submission.
type job struct {
	// Folded.
	id        model.JobID
	seq       uint64 // in order of submission
	spec      *model.Job
	key, user string
	parent    model.JobID
	keep      model.KeepRuns // of parent
	keepSeq   uint64         // of the run that said it: this one, or a later one
	submitted sdk.Micros
	started   sdk.Micros // of the first task
	ended     sdk.Micros
	endSeq    uint64 // in order of ending; 0 = has not ended
	state     model.JobState
	deps      []dependency
	groups    []group
	agents    []model.AgentID // that it was ever launched on; slots hold positions
	cpu       time.Duration   // of all attempts
	peakBytes int64
	gpuTime   time.Duration // that devices were busy, in all attempts
	peakGPU   int64         // bytes of one device
	outcome   outcome       // when ended

	// Derived.
	live, open int // slots with a live attempt; slots that have not ended
	agentPos   map[model.AgentID]uint32
	lastText   string
	gone       bool   // from the history
	specJSON   []byte // as in a snapshot, once one was taken
	frozen     []byte // an ended job's whole record in a snapshot, likewise
}

// outcome is how an ended job ended.
type outcome struct {
	ExitCode int         `json:"exit_code"`
	Cause    model.Cause `json:"cause,omitempty"`
	Message  string      `json:"message,omitempty"`
	// The slot that gave the exit code, if Failed.
	Failed bool   `json:"failed,omitempty"`
	Group  uint16 `json:"group,omitempty"`
	Slot   uint32 `json:"slot,omitempty"`
}

func newJob(id model.JobID, seq uint64, spec *model.Job) *job {
	j := &job{id: id, seq: seq, keepSeq: seq, spec: spec, groups: make([]group, len(spec.Groups))}
	for i := range j.groups {
		j.groups[i].init(j, i)
		j.open += j.groups[i].size
	}
	return j
}

// slots returns how many slots the job has.
func (j *job) slots() int {
	n := 0
	for i := range j.groups {
		n += j.groups[i].size
	}
	return n
}

// active reports whether the job's waiting slots are to be launched.
func (j *job) active() bool { return j.state == model.JobQueued || j.state == model.JobRunning }

// dropped reports whether the job's waiting slots have been given up: they read
// as killed. Nothing is written per slot, so cancelling a million is cheap.
func (j *job) dropped() bool {
	return j.state == model.JobStopping || j.state == model.JobCancelled
}

func (j *job) fillReady() {
	for i := range j.groups {
		j.groups[i].fillReady()
	}
}

func (j *job) freeReady() {
	for i := range j.groups {
		j.groups[i].ready = sdk.SlotSet{}
	}
}

// agentAt returns the position of id in j.agents, adding it if need be.
func (j *job) agentAt(id model.AgentID) uint32 {
	const few = 8
	if len(j.agents) <= few {
		for i, a := range j.agents {
			if a == id {
				return uint32(i)
			}
		}
	} else {
		if j.agentPos == nil {
			j.agentPos = make(map[model.AgentID]uint32, 2*len(j.agents))
			for i, a := range j.agents {
				j.agentPos[a] = uint32(i)
			}
		}
		if p, ok := j.agentPos[id]; ok {
			return p
		}
	}
	p := uint32(len(j.agents))
	j.agents = append(j.agents, id)
	if j.agentPos != nil {
		j.agentPos[id] = p
	}
	return p
}

// intern returns s, as the string of the message before where they are equal:
// an array that fails says the same a hundred thousand times.
func (j *job) intern(s string) string {
	if s != j.lastText {
		j.lastText = strings.Clone(s)
	}
	return j.lastText
}

// clip cuts s to at most n bytes of whole characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

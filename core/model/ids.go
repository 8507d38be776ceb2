package model

import (
	"fmt"
	"strconv"
	"strings"
)

// JobID names one submission of a job. It is made at the API's edge from random
// bits (see NewJobID), so it is unique across clusters and data directories.
type JobID string

// AgentID names an agent for the life of its data directory.
type AgentID string

// FrameworkID names a framework: "batch", later "service", "cron" and foreign ones.
type FrameworkID string

// OfferID names an outstanding offer within one leader's term.
type OfferID uint64

func (id OfferID) String() string { return "o" + strconv.FormatUint(uint64(id), 10) }

// TaskID names one attempt at one slot of a job's group. A task is one-shot, so
// a retry has the same Job, Group and Index and the next Attempt.
type TaskID struct {
	Job     JobID  `json:"job"`
	Group   uint16 `json:"group"`   // position of the group in the job
	Index   uint32 `json:"index"`   // allocation index, or the array index
	Attempt uint16 `json:"attempt"` // 0 for the first
}

// Slot returns the identity shared by all attempts at the same work.
func (id TaskID) Slot() TaskID { id.Attempt = 0; return id }

// String returns JOB/GROUP/INDEX/ATTEMPT, the form that ParseTaskID reads.
func (id TaskID) String() string {
	return fmt.Sprintf("%s/%d/%d/%d", id.Job, id.Group, id.Index, id.Attempt)
}

// Compare orders task ids by job, group, index and attempt.
func (id TaskID) Compare(o TaskID) int {
	if c := strings.Compare(string(id.Job), string(o.Job)); c != 0 {
		return c
	}
	for _, d := range [...]int{
		int(id.Group) - int(o.Group), int(id.Index) - int(o.Index), int(id.Attempt) - int(o.Attempt),
	} {
		if d != 0 {
			return d
		}
	}
	return 0
}

// ParseTaskID reads the form that TaskID.String writes.
func ParseTaskID(s string) (TaskID, error) {
	p := strings.Split(s, "/")
	if len(p) != 4 || p[0] == "" {
		return TaskID{}, fmt.Errorf("parse task id %q: want JOB/GROUP/INDEX/ATTEMPT", s)
	}
	g, err1 := strconv.ParseUint(p[1], 10, 16)
	i, err2 := strconv.ParseUint(p[2], 10, 32)
	a, err3 := strconv.ParseUint(p[3], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil {
		return TaskID{}, fmt.Errorf("parse task id %q: want JOB/GROUP/INDEX/ATTEMPT with numbers", s)
	}
	return TaskID{Job: JobID(p[0]), Group: uint16(g), Index: uint32(i), Attempt: uint16(a)}, nil
}

// jobIDAlphabet is Crockford's base 32 in lower case: no i, l, o or u, so an id
// read aloud or copied by hand survives.
const jobIDAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewJobID makes a job id of eight characters from 40 random bits. The first
// character is a letter, so an id never looks like a number.
func NewJobID(random [5]byte) JobID {
	var bits uint64
	for _, b := range random {
		bits = bits<<8 | uint64(b)
	}
	var out [8]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = jobIDAlphabet[bits&31]
		bits >>= 5
	}
	if out[0] < 'a' {
		out[0] = jobIDAlphabet[10+(out[0]-'0')]
	}
	return JobID(out[:])
}

package service

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// snapshotVersion is raised when the form changes; an older build refuses a newer one.
const snapshotVersion = 1

// snapshot is the JSON form of the folded state.
type snapshot struct {
	Version int           `json:"version"`
	LastSeq uint64        `json:"last_seq"`
	Index   uint64        `json:"index"`
	Ended   []model.JobID `json:"ended,omitempty"` // in the order in which they did
	Jobs    []*job        `json:"jobs,omitempty"`  // in order of submission
}

// Snapshot returns the folded state; equal states give equal bytes.
func (f *Framework) Snapshot() ([]byte, error) {
	s := snapshot{Version: snapshotVersion, LastSeq: f.lastSeq, Index: f.index, Jobs: f.order}
	for _, j := range f.ended {
		s.Ended = append(s.Ended, j.ID)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("snapshot services: %w", err)
	}
	return b, nil
}

// Restore replaces the state by one that Snapshot returned.
func (f *Framework) Restore(b []byte) error {
	var in snapshot
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("restore services: %w", err)
	}
	if in.Version < 1 || in.Version > snapshotVersion {
		return fmt.Errorf("restore services: the snapshot has version %d, this build reads up to %d", in.Version, snapshotVersion)
	}
	var s state
	s.init()
	s.lastSeq, s.index, s.order = in.LastSeq, in.Index, in.Jobs
	for _, j := range s.order {
		if err := j.check(); err != nil {
			return fmt.Errorf("restore services: %w", err)
		}
		if s.jobs[j.ID] != nil {
			return fmt.Errorf("restore services: job %s is there twice", j.ID)
		}
		s.jobs[j.ID], s.names[j.spec().Name] = j, j
		for _, v := range j.Versions {
			if v.Key != "" {
				s.keys[v.Key] = keyed{j, v}
			}
		}
		for _, g := range j.Groups {
			g.job = j
		}
		s.slots += j.slotCount()
		if !j.State.Ended() {
			s.open++
		}
	}
	for _, id := range in.Ended {
		j := s.jobs[id]
		if j == nil || !j.State.Ended() || slices.Contains(s.ended, j) {
			return fmt.Errorf("restore services: job %s is among those that ended and has not", id)
		}
		s.ended = append(s.ended, j)
	}
	if len(s.ended)+s.open != len(s.order) {
		return fmt.Errorf("restore services: %d of %d jobs have ended, and %d are listed as such", len(s.order)-s.open, len(s.order), len(s.ended))
	}
	f.state = s
	f.timers.Reset()
	f.book.Reset()
	f.bucket = map[string]*bucket{}
	return nil
}

// check refuses a job that the code here could not work with.
func (j *job) check() error {
	if j == nil || j.ID == "" || len(j.Versions) == 0 {
		return fmt.Errorf("a job without an id or a version")
	}
	for _, v := range j.Versions {
		if v == nil || v.Job == nil {
			return fmt.Errorf("job %s: a version without a job", j.ID)
		}
	}
	for _, g := range j.Groups {
		if g == nil || j.version(g.Base) == nil {
			return fmt.Errorf("job %s: a group of no version", j.ID)
		}
		for _, s := range g.Slots {
			if s == nil || s.Cur == nil && s.Next == nil {
				return fmt.Errorf("job %s: an empty slot in group %q", j.ID, g.Name)
			}
		}
	}
	return nil
}

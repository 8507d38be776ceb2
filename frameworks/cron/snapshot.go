package cron

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// A snapshot is a line with its kind, version and the counter, and a line of JSON for
// each schedule in the order of their first submission.

const snapshotVersion = 1

// snapshotHead is a snapshot's first line.
type snapshotHead struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	LastSeq uint64 `json:"last_seq"`
	Count   int    `json:"count"`
}

// Snapshot returns the folded state. What has not changed since the last is not
// encoded again: the master does nothing else meanwhile.
func (f *Framework) Snapshot() ([]byte, error) {
	var b bytes.Buffer
	head, err := json.Marshal(snapshotHead{"tender-cron", snapshotVersion, f.lastSeq, len(f.order)})
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	b.Write(append(head, '\n'))
	for _, e := range f.order {
		if e.frozen == nil {
			if e.frozen, err = json.Marshal(e); err != nil {
				return nil, fmt.Errorf("snapshot schedule %s: %w", e.ID, err)
			}
		}
		b.Write(e.frozen)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// Restore replaces the state by one that Snapshot returned. On error the framework is
// left empty.
func (f *Framework) Restore(b []byte) error {
	*f = Framework{cfg: f.cfg, zones: f.zones}
	f.state.init()
	var s state
	s.init()
	d := json.NewDecoder(bytes.NewReader(b))
	var head snapshotHead
	if err := d.Decode(&head); err != nil || head.Kind != "tender-cron" {
		return errors.New("restore cron snapshot: it is not one")
	}
	if head.Version != snapshotVersion {
		return fmt.Errorf("restore cron snapshot: it has version %d, this program knows %d", head.Version, snapshotVersion)
	}
	s.lastSeq = head.LastSeq
	for range head.Count {
		e := &entry{}
		if err := d.Decode(e); err != nil {
			return fmt.Errorf("restore cron snapshot: %w", err)
		}
		if err := s.checkEntry(e); err != nil {
			return fmt.Errorf("restore cron snapshot: schedule %q: %w", e.ID, err)
		}
		s.add(e)
	}
	if d.More() {
		return errors.New("restore cron snapshot: something is left over")
	}
	f.state = s
	return nil
}

var endStates = []model.JobState{"", model.JobSucceeded, model.JobFailed, model.JobCancelled}

func (s *state) checkEntry(e *entry) error {
	switch {
	case e.Job == nil || e.Job.Periodic == nil:
		return errors.New("it has no schedule")
	case s.entries[e.ID] != nil || len(s.order) > 0 && s.order[len(s.order)-1].Seq >= e.Seq || e.Seq > s.lastSeq:
		return errors.New("it is out of order")
	case !slices.Contains(endStates, e.State):
		return fmt.Errorf("no such end %q", e.State)
	case !e.ended() && s.live(e.Job.Name) != nil:
		return fmt.Errorf("two schedules are called %q", e.Job.Name)
	}
	for _, r := range e.Runs {
		if r == nil || r.N > e.Number {
			return errors.New("it has a run that it never made")
		}
	}
	return nil
}

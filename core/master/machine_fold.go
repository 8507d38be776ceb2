package master

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// Apply folds one committed group of records, in journal order. An error means
// the journal and this build do not fit together.
func (m *Machine) Apply(index uint64, records [][]byte) error {
	for i, r := range records {
		if err := m.applyRecord(r); err != nil {
			return fmt.Errorf("apply journal entry %d, record %d: %w", index, i, err)
		}
	}
	return nil
}

func (m *Machine) applyRecord(rec []byte) error {
	if len(rec) == 0 {
		return fmt.Errorf("empty record")
	}
	switch rec[0] {
	case recCluster:
		var r clusterRecord
		if err := json.Unmarshal(rec[1:], &r); err != nil {
			return fmt.Errorf("read cluster record: %w", err)
		}
		m.state.clusterID = r.ID
	case recAgent:
		var r agentRecordJSON
		if err := json.Unmarshal(rec[1:], &r); err != nil {
			return fmt.Errorf("read agent record: %w", err)
		}
		m.state.setAgent(r.Info, r.At)
	case recAgentRemoved:
		var r removedRecord
		if err := json.Unmarshal(rec[1:], &r); err != nil {
			return fmt.Errorf("read agent removal: %w", err)
		}
		return m.state.removeAgent(r.Agent)
	case recStaged:
		return m.applyStaged(rec)
	case recStatuses:
		return m.applyStatusRecord(rec)
	case recJobDone:
		var r jobDoneRecord
		if err := json.Unmarshal(rec[1:], &r); err != nil {
			return fmt.Errorf("read job end: %w", err)
		}
		m.state.jobDone(r.Job)
	case recRole, recRoleRemoved, recReservation:
		return m.state.roles.apply(rec)
	case recNode:
		var p nodePolicy
		if err := json.Unmarshal(rec[1:], &p); err != nil {
			return fmt.Errorf("read node policy: %w", err)
		}
		m.state.setPolicy(p)
	case recFramework:
		id, ev, err := splitPrefixed(rec)
		if err != nil {
			return err
		}
		return m.applyTo(model.FrameworkID(id), model.OwnEvent(ev))
	default:
		return fmt.Errorf("unknown record kind %q: the journal was written by a newer tender", rec[0])
	}
	return nil
}

func (m *Machine) applyStaged(rec []byte) error {
	var r stagedRecord
	if err := json.Unmarshal(rec[1:], &r); err != nil {
		return fmt.Errorf("read launch: %w", err)
	}
	if err := m.state.stage(r.batch(), &r.Launch); err != nil {
		return err
	}
	return m.applyTo(r.Claim.Framework, model.Staged{Launches: []model.Launch{r.Launch}, At: r.At})
}

func (m *Machine) applyStatusRecord(rec []byte) error {
	sts, err := parseStatuses(rec)
	if err != nil {
		return err
	}
	owners := make([]model.FrameworkID, len(sts))
	for i := range sts {
		t := m.state.tasks[sts[i].Task]
		if t == nil {
			return fmt.Errorf("update task %s: it is not live", sts[i].Task)
		}
		owners[i] = t.batch.claim.Framework
		if err := m.state.update(&sts[i]); err != nil {
			return err
		}
	}
	for _, p := range portions(m.order, sts, owners) {
		if err := m.applyTo(p.framework, p.statuses); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) applyTo(id model.FrameworkID, e model.JournalEvent) error {
	f := m.frameworks[id]
	if f == nil {
		return fmt.Errorf("the journal has events of framework %q, which this build does not have", id)
	}
	return f.Apply(e)
}

// Snapshot returns the whole folded state: a line of JSON (snapshotHead), then
// the frameworks' own snapshots end to end. Equal states give equal bytes.
func (m *Machine) Snapshot() ([]byte, error) {
	head := snapshotHead{Version: snapshotVersion, Master: m.state.snapshot()}
	var tail []byte
	for _, id := range m.order {
		b, err := m.frameworks[id].Snapshot()
		if err != nil {
			return nil, fmt.Errorf("snapshot framework %s: %w", id, err)
		}
		head.Frameworks = append(head.Frameworks, snapshotPart{ID: id, Bytes: len(b)})
		tail = append(tail, b...)
	}
	out, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return append(append(out, '\n'), tail...), nil
}

// Restore replaces the state by that of a snapshot.
func (m *Machine) Restore(b []byte) error {
	line, rest, ok := bytes.Cut(b, []byte{'\n'})
	var head snapshotHead
	if !ok {
		return fmt.Errorf("read snapshot: it has no end of its first line")
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	if head.Version < 1 || head.Version > snapshotVersion {
		return fmt.Errorf("read snapshot: it has version %d, this build reads up to %d", head.Version, snapshotVersion)
	}
	if err := m.state.restore(head.Master); err != nil {
		return err
	}
	for _, p := range head.Frameworks {
		f := m.frameworks[p.ID]
		switch {
		case f == nil:
			return fmt.Errorf("read snapshot: it has the state of framework %q, which this build does not have", p.ID)
		case p.Bytes < 0 || p.Bytes > len(rest):
			return fmt.Errorf("read snapshot: framework %q has %d bytes, %d are left", p.ID, p.Bytes, len(rest))
		}
		if err := f.Restore(rest[:p.Bytes]); err != nil {
			return fmt.Errorf("restore framework %s: %w", p.ID, err)
		}
		rest = rest[p.Bytes:]
	}
	return nil
}

// fillBook gives a new leader's allocator what the journal says is in use.
func (m *Machine) fillBook() {
	m.book = offers.NewBook()
	m.book.Configure(m.allocator)
	m.fillRoles()
	for _, id := range m.agentIDs() {
		m.book.SetAgent(m.state.agents[id].info)
		m.bar(id)
	}
	for _, b := range m.state.snapshotBatches() {
		m.book.Use(&b.Launch, b.Claim, b.At)
	}
}

package batch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// snapshotVersion is raised when the form of a snapshot changes.
const snapshotVersion = 2

var snapshotMagic = []byte("tender-batch")

// jobHead is what a snapshot says of a job but for its spec and its slots.
type jobHead struct {
	ID        model.JobID     `json:"id"`
	Seq       uint64          `json:"seq"`
	Key       string          `json:"key,omitempty"`
	User      string          `json:"user,omitempty"`
	Parent    model.JobID     `json:"parent,omitempty"`
	Keep      model.KeepRuns  `json:"keep,omitzero"`
	KeepSeq   uint64          `json:"keep_seq,omitempty"` // 0 = Seq
	Submitted sdk.Micros      `json:"submitted"`
	Started   sdk.Micros      `json:"started,omitempty"`
	Ended     sdk.Micros      `json:"ended,omitempty"`
	EndSeq    uint64          `json:"end_seq,omitempty"`
	State     model.JobState  `json:"state"`
	Deps      []dependency    `json:"deps,omitempty"`
	Agents    []model.AgentID `json:"agents,omitempty"`
	CPU       time.Duration   `json:"cpu,omitempty"`
	PeakBytes int64           `json:"peak,omitempty"`
	GPUTime   time.Duration   `json:"gpu_time,omitempty"`
	PeakGPU   int64           `json:"peak_gpu,omitempty"`
	// GPUs is by group and slot.
	GPUs    map[uint16]map[uint32][]model.TaskGPU `json:"gpus,omitempty"`
	Hosts   []hostRecord                          `json:"hosts,omitempty"` // by group, of a sysbatch job
	Outcome outcome                               `json:"outcome,omitzero"`
}

// Snapshot returns the folded state: magic, version, the counters, then each
// job in order of submission as a JSON head, the JSON of its spec and its slots
// in binary.
//
// The master does nothing else meanwhile, so what cannot have changed is not
// encoded again: the whole record of an ended job, the spec of the others.
func (f *Framework) Snapshot() ([]byte, error) {
	w := &writer{b: make([]byte, 0, f.snapshotBytes+f.snapshotBytes/8)}
	defer func() { f.snapshotBytes = len(w.b) }()
	w.bytes(snapshotMagic)
	w.uint(snapshotVersion)
	w.uint(f.lastSeq)
	w.uint(f.lastEndSeq)
	w.uint(f.lastTicket)
	w.int(f.done)
	w.int(int64(f.clock))
	w.memory(&f.habits.users)
	w.memory(&f.habits.works)
	w.uint(uint64(len(f.order)))
	for _, j := range f.order {
		if j.frozen != nil {
			w.b = append(w.b, j.frozen...)
			continue
		}
		from := len(w.b)
		if err := w.job(j); err != nil {
			return nil, fmt.Errorf("snapshot job %s: %w", j.id, err)
		}
		if record := w.b[from:]; j.state.Ended() && len(record) <= maxFrozenBytes {
			j.frozen, j.specJSON = bytes.Clone(record), nil
		}
	}
	return w.b, nil
}

// maxFrozenBytes bounds the records that are kept: encoding a large one again
// is cheaper than the memory.
const maxFrozenBytes = 16 << 10

func (w *writer) job(j *job) error {
	keepSeq := j.keepSeq
	if keepSeq == j.seq {
		keepSeq = 0
	}
	head, err := json.Marshal(&jobHead{
		ID: j.id, Seq: j.seq, Key: j.key, User: j.user, Parent: j.parent, Keep: j.keep, KeepSeq: keepSeq,
		Submitted: j.submitted, Started: j.started, Ended: j.ended, EndSeq: j.endSeq, State: j.state,
		Deps: j.deps, Agents: j.agents, CPU: j.cpu, PeakBytes: j.peakBytes, Outcome: j.outcome,
		GPUTime: j.gpuTime, PeakGPU: j.peakGPU, GPUs: j.gpuRecords(), Hosts: j.hostRecords(),
	})
	if err != nil {
		return err
	}
	if j.specJSON == nil {
		if j.specJSON, err = json.Marshal(j.spec); err != nil {
			return err
		}
	}
	w.bytes(head)
	w.bytes(j.specJSON)
	for i := range j.groups {
		w.group(&j.groups[i])
	}
	return nil
}

// Restore replaces the state by one that Snapshot returned. On error the
// framework is left empty.
func (f *Framework) Restore(b []byte) error {
	*f = Framework{cfg: f.cfg}
	f.state.init()
	r := &reader{b: b}
	if string(r.bytes()) != string(snapshotMagic) {
		return errors.New("restore batch snapshot: it is not one")
	}
	if v := r.uint(); v != snapshotVersion {
		return fmt.Errorf("restore batch snapshot: it has version %d, this program knows %d", v, snapshotVersion)
	}
	var s state
	s.init()
	s.lastSeq, s.lastEndSeq = r.uint(), r.uint()
	s.lastTicket, s.done, s.clock = r.uint(), r.int(), sdk.Micros(r.int())
	r.memory(&s.habits.users)
	r.memory(&s.habits.works)
	for range r.uint() {
		if r.err != nil {
			break
		}
		if err := s.restoreJob(r); err != nil {
			return fmt.Errorf("restore batch snapshot: %w", err)
		}
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("%d bytes are left over", len(r.b))
	}
	if r.err != nil {
		return fmt.Errorf("restore batch snapshot: %w", r.err)
	}
	s.link()
	s.formLines()
	f.state = s
	return nil
}

func (s *state) restoreJob(r *reader) error {
	head, spec := r.bytes(), r.bytes()
	if r.err != nil {
		return r.err
	}
	var h jobHead
	if err := json.Unmarshal(head, &h); err != nil {
		return fmt.Errorf("decode job: %w", err)
	}
	var job model.Job
	if err := json.Unmarshal(spec, &job); err != nil {
		return fmt.Errorf("decode job %s: %w", h.ID, err)
	}
	if err := checkJob(&job); err != nil {
		return fmt.Errorf("job %s: %w", h.ID, err)
	}
	if s.jobs[h.ID] != nil || len(s.order) > 0 && s.order[len(s.order)-1].seq >= h.Seq || h.Seq > s.lastSeq {
		return fmt.Errorf("job %s: out of order", h.ID)
	}
	if !slices.Contains(jobStates, h.State) {
		return fmt.Errorf("job %s: no such state %q", h.ID, h.State)
	}
	j := newJob(h.ID, h.Seq, &job)
	j.key, j.user, j.parent, j.keep = h.Key, h.User, h.Parent, h.Keep
	j.keepSeq = max(h.KeepSeq, j.seq)
	j.state, j.deps, j.agents = h.State, h.Deps, h.Agents
	j.submitted, j.started, j.ended, j.endSeq = h.Submitted, h.Started, h.Ended, h.EndSeq
	j.cpu, j.peakBytes, j.outcome = h.CPU, h.PeakBytes, h.Outcome
	j.gpuTime, j.peakGPU = h.GPUTime, h.PeakGPU
	j.restoreGPUs(h.GPUs)
	j.restoreHosts(h.Hosts)
	for i := range j.groups {
		r.group(&j.groups[i])
	}
	if r.err != nil {
		return fmt.Errorf("job %s: %w", h.ID, r.err)
	}
	if o := &j.outcome; o.Failed && (int(o.Group) >= len(j.groups) || int(o.Slot) >= j.groups[o.Group].size) {
		return fmt.Errorf("job %s: its failure is of no task", h.ID)
	}
	s.add(j)
	return nil
}

// link makes what is derived from the jobs together.
func (s *state) link() {
	for _, j := range s.order {
		if j.state.Ended() {
			s.ended = append(s.ended, j)
			continue
		}
		if !j.dropped() {
			j.fillReady()
		}
		s.wait(j)
	}
	slices.SortFunc(s.ended, func(a, b *job) int { return cmp.Compare(a.endSeq, b.endSeq) })
	for _, j := range s.ended {
		s.passed(j)
	}
}

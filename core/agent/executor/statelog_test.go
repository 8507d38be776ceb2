package executor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

func logRecords() []*execpb.LogRecord {
	update := func(seq uint64, index uint32, s model.TaskState) *execpb.Update {
		return &execpb.Update{Seq: seq, Task: wireTask(lifecycle.Key{Index: index}, s), Message: "words"}
	}
	return []*execpb.LogRecord{
		{Kind: &execpb.LogRecord_Begin{Begin: &execpb.Begin{Job: "j", Pid: 7, Cgroups: []string{"/a", "/b"}}}},
		{Kind: &execpb.LogRecord_Launch{Launch: &execpb.Launch{Indices: []uint32{1, 2, 3}}}},
		{Kind: &execpb.LogRecord_Updates{Updates: &execpb.Updates{Updates: []*execpb.Update{
			update(1, 1, model.TaskRunning), update(2, 2, model.TaskRunning), update(3, 1, model.TaskFinished),
		}}}},
		{Kind: &execpb.LogRecord_Acknowledge{Acknowledge: &execpb.Acknowledge{Seqs: []uint64{1, 3}}}},
		{Kind: &execpb.LogRecord_Updates{Updates: &execpb.Updates{Updates: []*execpb.Update{update(4, 3, model.TaskFailed)}}}},
		{Kind: &execpb.LogRecord_Ended{Ended: &execpb.Ended{Group: 1, Ranges: []uint32{5, 6, 9, 9}}}},
	}
}

// pastOf folds records the slow way: read from a file.
func pastOf(t testing.TB, raw []byte) *Past {
	path := filepath.Join(t.TempDir(), StateLogName)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := ReadStateLog(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReadStateLog(t *testing.T) {
	var raw []byte
	for _, r := range logRecords() {
		raw, _ = appendMessage(raw, r)
	}
	p := pastOf(t, raw)
	if p.Job != "j" || p.Pid != 7 || !slices.Equal(p.Cgroups, []string{"/a", "/b"}) || p.LastSeq != 4 {
		t.Errorf("past is %+v", p)
	}
	task := func(group uint16, index uint32, s model.TaskState) *execpb.Task {
		return wireTask(lifecycle.Key{Group: group, Index: index}, s)
	}
	wantLive := []*execpb.Task{task(0, 2, model.TaskRunning)}
	wantEnded := []*execpb.Task{
		task(0, 1, model.TaskFinished), task(1, 5, model.TaskFinished), task(1, 6, model.TaskFinished), task(1, 9, model.TaskFinished),
	}
	if d := cmp.Diff(wantLive, p.Live, protocmp.Transform()); d != "" {
		t.Errorf("live: %s", d)
	}
	if d := cmp.Diff(wantEnded, p.Ended, protocmp.Transform()); d != "" {
		t.Errorf("ended: %s", d)
	}
	if len(p.Unacked) != 2 || p.Unacked[0].Seq != 2 || p.Unacked[1].Seq != 4 || p.Unacked[1].Message != "words" {
		t.Errorf("unacknowledged: %v", p.Unacked)
	}
}

// Wherever the last write was cut off, what came before it is read.
func TestTornStateLog(t *testing.T) {
	var raw []byte
	var ends []int
	for _, r := range logRecords() {
		raw, _ = appendMessage(raw, r)
		ends = append(ends, len(raw))
	}
	for n := range len(raw) {
		whole := 0
		for _, end := range ends {
			if end <= n {
				whole = end
			}
		}
		torn, clean := pastOf(t, raw[:n]), pastOf(t, raw[:whole])
		if d := cmp.Diff(clean, torn, protocmp.Transform(), cmp.AllowUnexported(Past{})); d != "" {
			t.Fatalf("cut off at byte %d: %s", n, d)
		}
	}
}

func TestStateLogErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadStateLog(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing log: %v", err)
	}
	path := filepath.Join(dir, StateLogName)
	os.WriteFile(path, []byte{3, 0xff, 0xff, 0xff, 1, 1}, 0o600)
	if _, err := ReadStateLog(path); err == nil {
		t.Error("a log of rubbish was read")
	}
	if _, _, err := openStateLog(dir); err == nil {
		t.Error("a log of rubbish was opened")
	}
}

// A log that is compacted at any time says the same about live and
// unacknowledged tasks, and which have ended.
func TestCompaction(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "tender-log-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		state, _, err := openStateLog(dir)
		if err != nil {
			rt.Fatal(err)
		}
		defer state.close()
		l := &loop{state: state, machine: lifecycle.New(&model.Job{Groups: []model.Group{{Tasks: make([]model.TaskSpec, 1)}}})}
		l.begin = &execpb.Begin{Job: "j"}
		l.record(&execpb.LogRecord{Kind: &execpb.LogRecord_Begin{Begin: l.begin}})
		w := &logWorld{T: rt, l: l}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			w.step()
		}
		l.flush()
		before, err := ReadStateLog(state.path)
		if err != nil {
			rt.Fatal(err)
		}
		if err := l.compact(); err != nil {
			rt.Fatal(err)
		}
		after, err := ReadStateLog(state.path)
		if err != nil {
			rt.Fatal(err)
		}
		// Sequence numbers and last states of what is over are of no use any more.
		before.bytes, after.bytes = 0, 0
		for _, e := range before.Ended {
			e.State = uint32(model.TaskFinished)
		}
		if d := cmp.Diff(before, after, protocmp.Transform(), cmp.AllowUnexported(Past{})); d != "" {
			rt.Fatalf("compaction changed the past: %s", d)
		}
	})
}

// logWorld makes a loop's log grow without an executor around it.
type logWorld struct {
	*rapid.T
	l    *loop
	next uint32
	live []lifecycle.Key
}

func (w *logWorld) step() {
	switch rapid.IntRange(0, 3).Draw(w.T, "what") {
	case 0:
		k := lifecycle.Key{Index: w.next}
		w.next += uint32(rapid.IntRange(1, 3).Draw(w.T, "gap"))
		w.l.record(&execpb.LogRecord{Kind: &execpb.LogRecord_Launch{Launch: &execpb.Launch{Indices: []uint32{k.Index}}}})
		w.machine(lifecycle.Launch{Key: k})
		w.live = append(w.live, k)
	case 1:
		if len(w.live) > 0 {
			w.machine(lifecycle.Started{Key: w.live[rapid.IntRange(0, len(w.live)-1).Draw(w.T, "which")]})
		}
	case 2:
		if len(w.live) > 0 {
			i := rapid.IntRange(0, len(w.live)-1).Draw(w.T, "which")
			w.machine(lifecycle.Ended{Key: w.live[i], Exit: lifecycle.Exit{Code: i}})
			w.live = slices.Delete(w.live, i, i+1)
		}
	case 3:
		w.l.flush()
		var seqs []uint64
		for _, u := range w.l.unacked {
			if rapid.Bool().Draw(w.T, "acknowledge") {
				seqs = append(seqs, u.Seq)
			}
		}
		w.l.acknowledge(seqs)
	}
}

// machine steps the machine and keeps only its reports.
func (w *logWorld) machine(in lifecycle.Input) {
	for _, e := range w.l.machine.Step(w.l.flushed, in) {
		if r, ok := e.(lifecycle.Report); ok {
			w.l.seq++
			w.l.fresh = append(w.l.fresh, wireUpdate(w.l.seq, &r.Status))
		}
	}
}

// The set of indices as ranges equals the set.
func TestEndedSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ranges []uint32
		want := map[uint32]bool{}
		for _, i := range rapid.SliceOf(rapid.Uint32Range(0, 40)).Draw(t, "indices") {
			ranges = addIndex(ranges, i)
			want[i] = true
		}
		got := map[uint32]bool{}
		for i := 0; i < len(ranges); i += 2 {
			if i > 0 && ranges[i] <= ranges[i-1]+1 {
				t.Fatalf("ranges %v are not apart", ranges)
			}
			for x := ranges[i]; x <= ranges[i+1]; x++ {
				got[x] = true
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

// What cannot be written stays for the next time.
func TestStateLogOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	state, _, err := openStateLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	good := state.file
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	state.file = full
	recs := logRecords()
	state.add(recs[0])
	if err := state.flush(); err == nil {
		t.Fatal("a full disk took a record")
	}
	full.Close()
	state.file = good
	state.add(recs[1])
	if err := state.flush(); err != nil {
		t.Fatal(err)
	}
	state.close()
	p, err := ReadStateLog(state.path)
	if err != nil || p.Job != "j" || len(p.Live) != 3 {
		t.Errorf("past is %+v, %v", p, err)
	}
}

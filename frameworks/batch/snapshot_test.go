package batch

import (
	"bytes"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

// eventful returns a framework with something of everything in it.
func eventful(t testing.TB) *Framework {
	m := sdktest.NewMaster(func() model.Framework { return newFramework(DefaultConfig()) })
	m.AddAgent("a1", model.Resources{CPUMilli: 8000, MemoryBytes: 1 << 40})
	job := benchJob(20)
	job.Groups = append(job.Groups, job.Groups[0])
	job.Groups[1].Name, job.Groups[1].Array, job.Groups[1].Count = "gang", nil, 2
	job.Groups[1].Gang = &model.Gang{}
	job.Groups[0].Restart = model.RestartPolicy{Attempts: 2, Delay: 1e9, Mode: model.RestartFail}
	m.Do(model.Submit{ID: "j1", Job: job, Key: "key", User: "ada"})
	after := benchJob(2000)
	after.DependsOn = []model.Dependency{{Job: "j1", Kind: model.DependOK}}
	m.Do(model.Submit{ID: "j2", Job: after})
	m.Do(model.Submit{ID: "j3", Job: benchJob(3)})
	m.Offer()
	for i, task := range m.Live() {
		st := model.TaskStatus{Task: task.ID, State: model.TaskFailed, Message: "no", Result: &model.Result{ExitCode: i, Signal: i, Cause: model.CauseOOM}}
		switch i % 4 {
		case 1:
			st.State = model.TaskGone
		case 2:
			st.State, st.Usage = model.TaskFinished, &model.Usage{CPU: 3e9, PeakMemoryBytes: 77, GPUs: []model.TaskGPU{{UUID: "g", Samples: 3, BusyMilli: 400, PeakMemoryBytes: 5}}}
		case 3:
			st.State = model.TaskRunning
		}
		m.Report(st)
	}
	m.Do(model.CancelJob{Selector: "j3"})
	m.Offer()
	m.Do(model.CancelJob{Selector: "j1", Indices: []uint32{3, 9}})
	if err := m.Err(); err != nil {
		t.Fatal(err)
	}
	return m.Framework().(*Framework)
}

// TestTruncated refuses every beginning of a snapshot, and one with more behind it.
func TestTruncated(t *testing.T) {
	snap, err := eventful(t).Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	f := newFramework(DefaultConfig())
	for n := range snap {
		if err := f.Restore(snap[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were restored", n, len(snap))
		}
	}
	if err := f.Restore(append(bytes.Clone(snap), 0)); err == nil {
		t.Error("a byte too many was restored")
	}
	if err := f.Restore(snap); err != nil {
		t.Error(err)
	}
	if again, _ := f.Snapshot(); !bytes.Equal(snap, again) {
		t.Error("the snapshot of what was restored is another")
	}
	snap[len(snapshotMagic)+1]++
	if err := f.Restore(snap); err == nil {
		t.Error("a later version was restored")
	}
	if len(f.(*Framework).jobs) != 0 {
		t.Error("a failed restore left jobs behind")
	}
}

// FuzzRestore restores damaged snapshots. What is accepted has to work.
func FuzzRestore(f *testing.F) {
	snap, err := eventful(f).Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(snap, 0, byte(0))
	for at := range snap {
		if at%37 == 0 {
			f.Add(snap, at, byte(0xff))
			f.Add(snap, at, byte(1))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, flip byte) {
		b = bytes.Clone(b)
		if at >= 0 && at < len(b) {
			b[at] ^= flip
		}
		x := newFramework(DefaultConfig()).(*Framework)
		if x.Restore(b) != nil {
			return
		}
		if _, err := x.Snapshot(); err != nil {
			t.Fatal(err)
		}
		x.Step(sdktest.Start, model.Leading{})
		for _, j := range x.order {
			for _, q := range []any{model.GetJob{Selector: string(j.id)}, model.ListTasks{Selector: string(j.id)}, model.Why{Selector: string(j.id)}} {
				if _, err := x.Query(sdktest.Start, q); err != nil && err.Reason != model.ReasonNotFound {
					t.Fatal(err)
				}
			}
		}
	})
}

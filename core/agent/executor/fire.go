package executor

import (
	"time"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// fire forks. From here on the task can be signalled. With several ranks the
// first that cannot be started takes the others along.
func (t *run) fire() error {
	t.mu.Lock()
	stopped := t.stopped
	t.pending = len(t.ranks)
	t.mu.Unlock()
	if stopped {
		t.disarm()
		return errStopped
	}
	// Without the lock: the fork may take a while, and stop must not wait for it.
	at, s := time.Now(), t.ready
	var broken error
	for i, r := range t.ranks {
		_, err := s.cell.Start(r.cmd, func(e isolation.Exit) { go t.rankEnded(r, e) })
		if err != nil && i == 0 {
			t.disarm()
			return startFailure(r.cmd, err)
		}
		if err != nil {
			broken = startFailure(r.cmd, err)
			t.mu.Lock()
			t.pending -= len(t.ranks) - i
			t.broken = broken
			t.mu.Unlock()
			break
		}
	}
	for _, r := range t.ranks {
		if r.pmi != nil {
			r.pmi.given()
		}
	}
	t.watchForeign()
	t.pass.begin()
	t.mu.Lock()
	t.slot = s
	t.meterGPUs(at)
	stopped, grace := t.stopped, t.grace
	t.mu.Unlock()
	if broken == nil {
		t.runner.inbox.put(lifecycle.Started{Key: t.key, Task: t.task, At: at})
	}
	switch {
	case broken != nil:
		t.strike(-1)
	case stopped:
		t.strike(grace)
	}
	close(t.launched)
	return nil
}

// rankEnded takes in the end of one of the task's processes. The first that did
// not end well stops the others: what they do has lost its sense.
func (t *run) rankEnded(r *rank, e isolation.Exit) {
	<-t.launched
	t.mu.Lock()
	r.exit, r.ended = e, true
	t.pending--
	last := t.pending == 0
	guilty := !r.ok() && t.culprit == nil
	if guilty {
		t.culprit = r
	}
	t.mu.Unlock()
	switch {
	case last:
		t.finish()
	case guilty:
		t.strike(model.GangGrace.Std())
	}
}

// finish is called when the last main process has ended: the rest is killed,
// output is brought in, and the slot given back.
func (t *run) finish() {
	t.mu.Lock()
	s := t.slot
	t.slot = nil
	if t.killer != nil {
		t.killer.Stop()
	}
	t.mu.Unlock()
	t.cancel()
	t.pass.end()
	t.beside.end()
	killed := s.cell.Kill(killPatience)
	t.endPMI(killed == nil)
	exit := t.exit()
	if killed != nil {
		exit.Note = killed.Error()
	}
	if note := t.endLogs(); note != "" {
		exit.Note = joinNotes(exit.Note, note)
	}
	t.measure(s, &exit)
	if killed != nil {
		go t.runner.pool.discard(s) // takes until the processes are gone
	} else {
		t.runner.sandboxes.nursery.take(t.plan, t.sandbox)
		t.runner.pool.put(s)
	}
	t.runner.inbox.put(lifecycle.Ended{Key: t.key, Task: t.task, Exit: exit})
}

// exit is how the task ended: as the rank that was the first to fail, or else as
// its first one.
func (t *run) exit() lifecycle.Exit {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.ranks[0]
	if t.culprit != nil {
		r = t.culprit
	}
	e := lifecycle.Exit{At: r.exit.At, Who: t.who(r)}
	for _, other := range t.ranks {
		if other.exit.At.After(e.At) && t.culprit == nil {
			e.At = other.exit.At
		}
	}
	if t.broken != nil {
		e.Failure, e.Who = t.broken.Error(), t.who(nil)
	}
	if st := r.exit.Status; st.Signaled() {
		e.Signal = int(st.Signal())
	} else {
		e.Code = st.ExitStatus()
	}
	if r.fault != nil {
		blamed(r.fault, &e)
	}
	return e
}

// measure adds what the task used.
func (t *run) measure(s *slot, exit *lifecycle.Exit) {
	usage := s.cell.Group.Usage()
	exit.OOM = usage.OOMKills > 0
	exit.Usage = model.Usage{CPU: model.Duration(usage.CPU), PeakMemoryBytes: usage.PeakMemoryBytes, GPUs: t.gpuUse()}
	for _, r := range t.ranks {
		if usage.CPU == 0 {
			exit.Usage.CPU += model.Duration(r.exit.Rusage.Utime.Nano() + r.exit.Rusage.Stime.Nano())
		}
		if usage.PeakMemoryBytes == 0 {
			exit.Usage.PeakMemoryBytes += r.exit.Rusage.Maxrss << 10
		}
	}
}

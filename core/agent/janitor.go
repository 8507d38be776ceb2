package agent

import (
	"log/slog"
	"sync"
)

// janitor does the slow work on the data directory, in order: removing trees
// and measuring them must not hold up the loop. Its goroutine lives while there
// is work.
type janitor struct {
	files Files
	inbox *inbox
	log   *slog.Logger

	mu      sync.Mutex
	work    []Effect
	running bool
	ended   bool
	idle    sync.Cond
}

func newJanitor(f Files, in *inbox, log *slog.Logger) *janitor {
	j := &janitor{files: f, inbox: in, log: log}
	j.idle.L = &j.mu
	return j
}

func (j *janitor) put(e Effect) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.work = append(j.work, e)
	if !j.running {
		j.running = true
		go j.run()
	}
}

// close waits for the work at hand. What else waits is left to the next start.
func (j *janitor) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	for j.running {
		j.idle.Wait()
	}
}

func (j *janitor) run() {
	for {
		j.mu.Lock()
		if len(j.work) == 0 {
			j.running = false
			j.idle.Broadcast()
			j.mu.Unlock()
			return
		}
		e := j.work[0]
		j.work = j.work[1:]
		skip := j.ended
		j.mu.Unlock()
		if !skip {
			j.do(e)
		}
	}
}

func (j *janitor) do(e Effect) {
	var err error
	switch e := e.(type) {
	case RemoveSandbox:
		err = j.files.RemoveSandbox(e.Exec, e.Task)
	case RemoveExecutor:
		err = j.files.Sweep()
	case Measure:
		var m Measured
		if m, err = j.files.Measure(); err == nil {
			j.inbox.put(event{input: m})
		}
	}
	if err != nil {
		j.log.Warn("cannot tidy the data directory", "error", err)
	}
}

package agent

import (
	"log/slog"
	"sync"
)

// janitor does the slow work on the data directory, in order: removing trees
// and measuring them must not hold up the loop. Its goroutine lives while there
// is work.
type janitor struct {
	store Store
	inbox *inbox
	log   *slog.Logger

	mu      sync.Mutex
	work    []Effect
	running bool
	ended   bool
	idle    sync.Cond
}

func newJanitor(s Store, in *inbox, log *slog.Logger) *janitor {
	j := &janitor{store: s, inbox: in, log: log}
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

// close waits for the work at hand. What else waits is left to the next start,
// but for what is quick and saves that one work.
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
		_, quick := e.(Settle)
		skip := j.ended && !quick
		j.mu.Unlock()
		if !skip {
			j.do(e)
		}
	}
}

func (j *janitor) do(e Effect) {
	var err error
	switch e := e.(type) {
	case Settle:
		err = j.store.Settle(e.Exec)
	case RemoveSandbox:
		err = j.store.Remove(e.Exec, e.Task)
	case RemoveExecutor:
		err = j.store.Remove(e.Exec, nil)
	case Measure:
		var m Measured
		if m, err = j.store.Measure(); err == nil {
			j.inbox.put(event{input: m})
		}
	}
	if err != nil {
		j.log.Warn("cannot tidy the data directory", "error", err)
	}
}

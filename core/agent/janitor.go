package agent

import (
	"log/slog"
	"sync"
)

// janitor does the slow work on the data directory in a goroutine of its own,
// in order: removing trees and measuring them must not hold up the loop.
type janitor struct {
	store Store
	inbox *inbox
	log   *slog.Logger

	mu     sync.Mutex
	work   []Effect
	ended  bool
	wake   chan struct{}
	closed chan struct{}
}

func startJanitor(s Store, in *inbox, log *slog.Logger) *janitor {
	j := &janitor{store: s, inbox: in, log: log, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	go j.run()
	return j
}

func (j *janitor) put(e Effect) {
	j.mu.Lock()
	j.work = append(j.work, e)
	j.mu.Unlock()
	j.poke()
}

func (j *janitor) poke() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// close waits for the work at hand and leaves the rest: the next start finds it.
func (j *janitor) close() {
	j.mu.Lock()
	j.ended = true
	j.mu.Unlock()
	j.poke()
	<-j.closed
}

func (j *janitor) run() {
	defer close(j.closed)
	for range j.wake {
		for {
			j.mu.Lock()
			work, ended := j.work, j.ended
			j.work = nil
			j.mu.Unlock()
			if len(work) == 0 || ended {
				if ended {
					j.settleAll(work)
					return
				}
				break
			}
			for _, e := range work {
				j.do(e)
			}
		}
	}
}

// settleAll does what is quick and saves the next start work.
func (j *janitor) settleAll(work []Effect) {
	for _, e := range work {
		if _, ok := e.(Settle); ok {
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

package executor

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/core/agent/isolation"
)

const (
	// idleSlots are kept of each driver's free slots; more are closed when they
	// have not been used for idleFor.
	idleSlots = 8
	idleFor   = 30 * time.Second
	// returnWithin bounds how long the end waits for slots that are in use.
	returnWithin = 5 * time.Second
)

// pool makes slots and keeps those that are clean. The last used is the first
// to be used again: its memory is warm, and the longest unused can go.
type pool struct {
	host   *isolation.Host
	reaper *isolation.Reaper
	rel    string // cgroup path that holds the slots' groups
	log    *slog.Logger

	out sync.WaitGroup // slots in use, being made or being closed

	mu      sync.Mutex
	made    int
	free    map[string][]idleSlot // by driver, the longest unused first
	warming map[string]chan struct{}
	all     map[*slot]bool
	trimmer *time.Timer // while there are more than idleSlots
	closed  bool
}

// idleSlot is a free slot and since when it has been.
type idleSlot struct {
	*slot
	since time.Time
}

var errPoolClosed = errors.New("the executor is ending")

func newPool(h *isolation.Host, r *isolation.Reaper, log *slog.Logger) *pool {
	return &pool{
		host: h, reaper: r, log: log,
		free: map[string][]idleSlot{}, warming: map[string]chan struct{}{}, all: map[*slot]bool{},
	}
}

func (p *pool) tree() isolation.Tree { return p.host.Tree(p.rel) }

// get returns a free slot for a driver, or makes one. It is to be given to put
// or discard.
func (p *pool) get(driver string) (*slot, error) {
	p.mu.Lock()
	for p.warming[driver] != nil && len(p.free[driver]) == 0 {
		warm := p.warming[driver]
		p.mu.Unlock()
		<-warm
		p.mu.Lock()
	}
	if p.closed {
		p.mu.Unlock()
		return nil, errPoolClosed
	}
	p.out.Add(1)
	free := p.free[driver]
	if n := len(free); n > 0 {
		s := free[n-1].slot
		p.free[driver] = free[:n-1]
		p.mu.Unlock()
		return s, nil
	}
	p.made++
	name := fmt.Sprintf("%s/%d", p.rel, p.made)
	p.mu.Unlock()
	s, err := newSlot(p.host, p.reaper, name, driver)
	if err != nil {
		p.out.Done()
		return nil, err
	}
	p.mu.Lock()
	p.all[s] = true
	p.mu.Unlock()
	return s, nil
}

// put takes a slot back once nothing runs in it.
func (p *pool) put(s *slot) {
	if err := s.cell.Clean(); err != nil {
		p.log.Debug("a slot is not used again", "cause", err)
		p.discard(s)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.out.Done()
	p.free[s.driver] = append(p.free[s.driver], idleSlot{s, time.Now()})
	if len(p.free[s.driver]) > idleSlots && p.trimmer == nil {
		p.trimmer = time.AfterFunc(idleFor, p.trim)
	}
}

// discard ends a slot with all that runs in it.
func (p *pool) discard(s *slot) {
	defer p.out.Done()
	p.mu.Lock()
	delete(p.all, s)
	p.mu.Unlock()
	if err := s.close(); err != nil {
		p.log.Warn("cannot remove a slot", "error", err)
	}
}

// trim closes slots that were needed by a burst that is over.
func (p *pool) trim() {
	var old []*slot
	p.mu.Lock()
	p.trimmer = nil
	for driver, free := range p.free {
		n := 0
		for n < len(free)-idleSlots && time.Since(free[n].since) >= idleFor {
			old = append(old, free[n].slot)
			n++
		}
		p.free[driver] = append([]idleSlot(nil), free[n:]...)
		if len(p.free[driver]) > idleSlots && !p.closed {
			p.trimmer = time.AfterFunc(idleFor, p.trim)
		}
	}
	p.out.Add(len(old))
	p.mu.Unlock()
	for _, s := range old {
		p.discard(s)
	}
}

// warm makes a slot before it is needed.
func (p *pool) warm(driver string) {
	done := make(chan struct{})
	p.mu.Lock()
	p.made++
	name := fmt.Sprintf("%s/%d", p.rel, p.made)
	p.warming[driver] = done
	p.out.Add(1)
	p.mu.Unlock()
	go func() {
		s, err := newSlot(p.host, p.reaper, name, driver)
		if err != nil {
			p.log.Warn("cannot make a slot", "error", err)
			p.out.Done()
		} else {
			p.mu.Lock()
			p.all[s] = true
			p.mu.Unlock()
			p.put(s)
		}
		p.mu.Lock()
		delete(p.warming, driver)
		p.mu.Unlock()
		close(done)
	}()
}

// close ends every slot with all that runs in it.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	if p.trimmer != nil {
		p.trimmer.Stop()
	}
	p.mu.Unlock()
	returned := make(chan struct{})
	go func() { p.out.Wait(); close(returned) }()
	select {
	case <-returned:
	case <-time.After(returnWithin): // a task that will not die: see isolation.Group.Kill
	}
	p.mu.Lock()
	all := p.all
	p.all, p.free = map[*slot]bool{}, map[string][]idleSlot{}
	p.mu.Unlock()
	var errs []error
	for s := range all {
		errs = append(errs, s.close())
	}
	if p.rel != "" {
		errs = append(errs, p.tree().Remove())
	}
	return errors.Join(errs...)
}

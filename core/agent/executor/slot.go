package executor

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/agent/tasklog"
)

// slot is what one running task needs and the next can use again: a cell, and
// the pipes that its output comes through.
type slot struct {
	cell   *isolation.Cell
	driver string
	stdout *stream
	stderr *stream
}

func (s *slot) close() error {
	err := s.cell.Close()
	s.stdout.close()
	s.stderr.close()
	return err
}

// stream carries one descriptor's output from a pipe to a log. The pipe is kept
// from task to task: its write end stays open here, so there is no end of file.
// Instead, once all processes of a task are gone, drain takes what is left.
type stream struct {
	r *os.File // not blocking
	w int      // blocking, for the task

	mu   sync.Mutex
	sink *tasklog.Writer // nil between tasks
}

const pipeChunkBytes = 64 << 10 // what a pipe holds, pipe(7)

var chunks = sync.Pool{New: func() any { b := make([]byte, pipeChunkBytes); return &b }}

func newStream() (*stream, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		return nil, errors.Join(err, unix.Close(p[0]), unix.Close(p[1]))
	}
	s := &stream{r: os.NewFile(uintptr(p[0]), "pipe"), w: p[1]}
	raw, err := s.r.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, s.r.Close(), unix.Close(p[1]))
	}
	go func() {
		// Its error is the stream's end.
		_ = raw.Read(func(fd uintptr) bool {
			s.copy(int(fd))
			return false // until closed
		})
	}()
	return s, nil
}

// copy moves what the pipe holds to the log.
func (s *stream) copy(fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf := chunks.Get().(*[]byte)
	defer chunks.Put(buf)
	for {
		n, err := unix.Read(fd, *buf)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return
		}
		if s.sink != nil {
			s.sink.Write((*buf)[:n], time.Now())
		}
	}
}

// attach directs output to w from now on.
func (s *stream) attach(w *tasklog.Writer) {
	s.mu.Lock()
	s.sink = w
	s.mu.Unlock()
}

// drain takes what is left in the pipe and ends the log.
func (s *stream) drain() *tasklog.Writer {
	raw, err := s.r.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { s.copy(int(fd)) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.sink
	s.sink = nil
	if w != nil {
		w.Close(time.Now())
	}
	return w
}

func (s *stream) close() {
	s.r.Close()
	unix.Close(s.w)
}

// pool makes slots and keeps those that are clean, the last used first: its
// memory is warm and the longest unused ones can go.
type pool struct {
	host   *isolation.Host
	reaper *isolation.Reaper
	rel    string // cgroup path that holds the slots' groups

	made   atomic.Int64
	making sync.WaitGroup

	mu     sync.Mutex
	free   map[string][]*slot // by driver
	all    map[*slot]bool
	closed bool
}

var errPoolClosed = errors.New("the executor is ending")

func newPool(h *isolation.Host, r *isolation.Reaper) *pool {
	return &pool{host: h, reaper: r, free: map[string][]*slot{}, all: map[*slot]bool{}}
}

func (p *pool) tree() isolation.Tree { return p.host.Tree(p.rel) }

// get returns a free slot for a driver, or makes one.
func (p *pool) get(driver string) (*slot, error) {
	p.mu.Lock()
	free := p.free[driver]
	if n := len(free); n > 0 {
		s := free[n-1]
		p.free[driver] = free[:n-1]
		p.mu.Unlock()
		return s, nil
	}
	if p.closed {
		p.mu.Unlock()
		return nil, errPoolClosed
	}
	p.making.Add(1)
	p.mu.Unlock()
	defer p.making.Done()
	return p.make(driver)
}

func (p *pool) make(driver string) (*slot, error) {
	stdout, err := newStream()
	if err != nil {
		return nil, err
	}
	stderr, err := newStream()
	if err != nil {
		stdout.close()
		return nil, err
	}
	rel := fmt.Sprintf("%s/%d", p.rel, p.made.Add(1))
	cell, err := p.host.NewCell(rel, p.reaper, driver == driverExec)
	if err != nil {
		stdout.close()
		stderr.close()
		return nil, err
	}
	s := &slot{cell: cell, driver: driver, stdout: stdout, stderr: stderr}
	p.mu.Lock()
	p.all[s] = true
	p.mu.Unlock()
	return s, nil
}

// put takes a slot back once nothing runs in it.
func (p *pool) put(s *slot) error {
	if s.cell.Clean() != nil {
		return p.discard(s)
	}
	p.mu.Lock()
	p.free[s.driver] = append(p.free[s.driver], s)
	p.mu.Unlock()
	return nil
}

// discard ends a slot.
func (p *pool) discard(s *slot) error {
	p.mu.Lock()
	delete(p.all, s)
	p.mu.Unlock()
	return s.close()
}

// close ends every slot with all that runs in it.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.making.Wait()
	p.mu.Lock()
	all := p.all
	p.all, p.free = map[*slot]bool{}, map[string][]*slot{}
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

// warm makes a slot before it is needed.
func (p *pool) warm(driver string, log *slog.Logger) {
	s, err := p.get(driver)
	if err == nil {
		err = p.put(s)
	}
	if err != nil {
		log.Warn("cannot make a slot", "error", err)
	}
}

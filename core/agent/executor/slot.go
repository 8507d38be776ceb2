package executor

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/agent/tasklog"
	"github.com/tender-scheduler/tender/core/model"
)

// slot is what one running task needs and the next can use again: a cell, and
// the pipes that its output comes through.
type slot struct {
	cell   *isolation.Cell
	driver string
	stdout *stream
	stderr *stream
}

func newSlot(h *isolation.Host, r *isolation.Reaper, rel, driver string) (*slot, error) {
	stdout, err := newStream()
	if err != nil {
		return nil, err
	}
	stderr, err := newStream()
	if err != nil {
		stdout.close()
		return nil, err
	}
	cell, err := h.NewCell(rel, r, driver == model.DriverExec)
	if err != nil {
		stdout.close()
		stderr.close()
		return nil, err
	}
	return &slot{cell: cell, driver: driver, stdout: stdout, stderr: stderr}, nil
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

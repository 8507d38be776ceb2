package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// caller is this process's end of a session.
type caller struct {
	*app
	stream   session.Stream // a session.Durable, if the session can be resumed
	stdin    io.Reader      // nil: nothing is passed on
	terminal *localTerminal // in raw mode while the session runs; nil: none

	mu     sync.Mutex
	more   sync.Cond
	credit int64
	closed bool
	left   bool // broken off by the person
}

const (
	errBroken  = "the connection broke; the command is killed when its node notices"
	errUnknown = "the session broke off, and how the command ended is not known"
)

// run carries the session and returns the command's end as this command's.
func (c *caller) run(open *sessionpb.Open) error {
	c.more.L, c.credit = &c.mu, session.WindowBytes
	ok := false
	defer func() { c.close(ok) }()
	if err := c.stream.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Open{Open: open}}); err != nil {
		return c.broken(err)
	}
	f, err := c.stream.Recv()
	switch {
	case err != nil:
		return c.broken(err)
	case f.GetRefused() != nil:
		return session.RefusalOf(f.GetRefused())
	}
	stop := c.passSignals()
	defer stop()
	if c.terminal != nil {
		restore, err := c.terminal.raw(func(size *sessionpb.Resize) {
			_ = c.stream.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Resize{Resize: size}}) // Recv fails too
		})
		if err != nil {
			return err
		}
		defer restore()
	}
	if c.stdin != nil {
		go c.passInput()
	}
	ended, err := c.passOutput()
	if c.terminal != nil {
		c.terminal.restore() // before anything is said
	}
	if err != nil {
		return err
	}
	ok = true
	if ended.Message != "" {
		c.note("%s", ended.Message)
	}
	if ended.ExitCode == 0 {
		return nil
	}
	return &exitError{code: int(ended.ExitCode)}
}

func (c *caller) broken(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, durable := c.stream.(*session.Durable)
	refusal, refused := errors.AsType[*model.Refusal](err)
	switch {
	case c.left:
		return &exitError{code: exitInterrupted}
	case refused:
		return &exitError{code: model.ExitLost, err: fmt.Errorf("%s: %w", errUnknown, refusal)}
	case durable:
		return &exitError{code: model.ExitUnreachable, err: fmt.Errorf("%s: %w", errBroken, err)}
	}
	return &exitError{code: model.ExitUnreachable, err: errors.New(errBroken)}
}

// passOutput writes what comes until the end.
func (c *caller) passOutput() (*sessionpb.Ended, error) {
	for {
		f, err := c.stream.Recv()
		if err != nil {
			return nil, c.broken(err)
		}
		switch k := f.Kind.(type) {
		case *sessionpb.Frame_Stdout:
			_, err = c.Stdout.Write(k.Stdout)
		case *sessionpb.Frame_Stderr:
			_, err = c.Stderr.Write(k.Stderr)
		case *sessionpb.Frame_Credit:
			c.mu.Lock()
			c.credit += k.Credit.GetBytes()
			c.more.Signal()
			c.mu.Unlock()
		case *sessionpb.Frame_Ended:
			return k.Ended, nil
		case *sessionpb.Frame_Refused:
			return nil, session.RefusalOf(k.Refused)
		}
		if err != nil {
			return nil, fmt.Errorf("write the output: %w", err)
		}
	}
}

// passInput sends standard input as far as there is credit for it.
func (c *caller) passInput() {
	buf := make([]byte, session.ChunkBytes)
	var esc escape
	for {
		n, err := c.stdin.Read(buf)
		b := buf[:n]
		if c.terminal != nil {
			var leave bool
			if b, leave = esc.filter(b); leave {
				c.leave()
				return
			}
		}
		if !c.sendInput(b) {
			return
		}
		if err != nil {
			_ = c.stream.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Eof{Eof: &sessionpb.Eof{}}}) // Recv fails too
			return
		}
	}
}

func (c *caller) sendInput(b []byte) bool {
	for len(b) > 0 {
		c.mu.Lock()
		for c.credit == 0 && !c.closed {
			c.more.Wait()
		}
		n := min(int64(len(b)), c.credit)
		c.credit -= n
		closed := c.closed
		c.mu.Unlock()
		if closed || c.stream.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Stdin{Stdin: b[:n]}}) != nil {
			return false
		}
		b = b[n:]
	}
	return true
}

// leave breaks the session off.
func (c *caller) leave() {
	c.mu.Lock()
	c.left = true
	c.mu.Unlock()
	c.abandon()
}

// close ends this end; ended says that the command has ended and need not be told.
func (c *caller) close(ended bool) {
	c.mu.Lock()
	c.closed = true
	c.more.Signal()
	c.mu.Unlock()
	if !ended {
		c.abandon()
	}
	c.stream.Close()
}

// abandon tells the command's end not to wait for this one.
func (c *caller) abandon() {
	if d, ok := c.stream.(*session.Durable); ok {
		d.Leave()
		return
	}
	c.stream.Close()
}

// passSignals passes on what this process is told. The second interrupt breaks
// the session off, which kills the command.
func (c *caller) passSignals() (stop func()) {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	done := make(chan struct{})
	go func() {
		told := 0
		for {
			select {
			case <-done:
				return
			case s := <-ch:
				if told++; told > 1 {
					c.leave()
					return
				}
				n, _ := s.(syscall.Signal)
				_ = c.stream.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Signal{Signal: &sessionpb.Signal{Number: int32(n)}}}) // Recv fails too
			}
		}
	}()
	return func() { signal.Stop(ch); close(done) }
}

package attach

import (
	"os"
	"sync"

	"github.com/tender-scheduler/tender/api/session"
)

// endOfTransmission is what a terminal takes for the end of input (VEOF, termios(3)).
const endOfTransmission = 4

// input is what waits to be read by the command, never more than was granted.
type input struct {
	to       *os.File // nil: the command reads nothing
	terminal bool
	consumed func(int)
	done     chan struct{}

	mu      sync.Mutex
	more    sync.Cond
	buf     []byte
	owed    int  // taken in and not consumed yet
	ended   bool // nothing follows buf
	stopped bool
}

func newInput(to *os.File, terminal bool, consumed func(int)) *input {
	in := &input{to: to, terminal: terminal, consumed: consumed, done: make(chan struct{})}
	in.more.L = &in.mu
	go in.pump()
	return in
}

// put takes bytes in; false means that they are more than was granted.
func (in *input) put(b []byte) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.owed+len(b) > session.WindowBytes || in.ended {
		return false
	}
	in.owed += len(b)
	in.buf = append(in.buf, b...)
	in.more.Signal()
	return true
}

func (in *input) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended = true
	in.more.Signal()
}

// stop drops what waits: the command has ended.
func (in *input) stop() {
	in.mu.Lock()
	in.stopped = true
	in.more.Signal()
	in.mu.Unlock()
	if in.to != nil {
		expire(in.to)
	}
}

func (in *input) wait() { <-in.done }

// pump writes what comes. A command that has closed its input reads nothing more,
// and what is sent to it is dropped as a pipe would.
func (in *input) pump() {
	defer close(in.done)
	broken := in.to == nil
	for {
		in.mu.Lock()
		for len(in.buf) == 0 && !in.ended && !in.stopped {
			in.more.Wait()
		}
		b, last, stopped := in.buf, in.ended, in.stopped
		in.buf = nil
		in.mu.Unlock()
		if stopped {
			return
		}
		if len(b) > 0 {
			if !broken {
				_, err := in.to.Write(b)
				broken = err != nil
			}
			in.mu.Lock()
			in.owed -= len(b)
			in.mu.Unlock()
			in.consumed(len(b))
		}
		if last {
			in.finish(broken)
			return
		}
	}
}

// finish tells the command that there is no more.
func (in *input) finish(broken bool) {
	switch {
	case broken:
	case in.terminal:
		_, _ = in.to.Write([]byte{endOfTransmission})
	default:
		in.to.Close()
	}
}

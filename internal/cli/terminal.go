package cli

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/tender-scheduler/tender/api/sessionpb"
)

// localTerminal is the terminal this process was started at.
type localTerminal struct {
	fd   int
	mu   sync.Mutex
	was  *term.State // before raw mode; nil while it is as it was
	stop func()
}

// newLocalTerminal returns nil if f is no terminal.
func newLocalTerminal(f *os.File) *localTerminal {
	if !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &localTerminal{fd: int(f.Fd())}
}

// size is the terminal's; nil if there is none, or it does not say.
func (t *localTerminal) size() *sessionpb.Resize {
	if t == nil {
		return nil
	}
	columns, rows, err := term.GetSize(t.fd)
	if err != nil {
		return nil
	}
	return &sessionpb.Resize{Rows: uint32(rows), Columns: uint32(columns)}
}

// raw hands every key to the session, and tells of every new size.
func (t *localTerminal) raw(resized func(*sessionpb.Resize)) (restore func(), err error) {
	was, err := term.MakeRaw(t.fd)
	if err != nil {
		return nil, fmt.Errorf("put the terminal into raw mode: %w", err)
	}
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGWINCH)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-ch:
				if s := t.size(); s != nil {
					resized(s)
				}
			case <-done:
				return
			}
		}
	}()
	t.was, t.stop = was, sync.OnceFunc(func() { signal.Stop(ch); close(done) })
	return t.restore, nil
}

// restore makes the terminal what it was. It may be called more than once.
func (t *localTerminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.was == nil {
		return
	}
	t.stop()
	_ = term.Restore(t.fd, t.was)
	t.was = nil
}

// escape finds ENTER ~ . in what is typed, as ssh(1) does; ENTER ~ ~ is one ~.
type escape struct {
	inLine bool // something was typed since the last ENTER
	tilde  bool // a ~ is held back
}

// filter returns what to pass on of b, and whether the session is to be left.
func (e *escape) filter(b []byte) (pass []byte, leave bool) {
	for _, c := range b {
		switch {
		case e.tilde && c == '.':
			return pass, true
		case e.tilde:
			e.tilde = false
			pass = append(pass, '~')
			if c == '~' {
				e.inLine = true
				continue
			}
		case c == '~' && !e.inLine:
			e.tilde = true
			continue
		}
		e.inLine = c != '\r' && c != '\n'
		pass = append(pass, c)
	}
	return pass, false
}

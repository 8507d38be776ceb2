// Package attach runs a command beside a task and couples it with a stream of
// frames: the executor's end of a session.
//
// Run owns one session and returns when nothing of it is left: its goroutines
// have ended, its descriptors are closed, and the command has ended or was
// killed. What the command left running on purpose (a daemon) is the task's and
// ends with it.
package attach

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// Process is a command that has been started.
type Process interface {
	Pid() int
	Signal(unix.Signal) error // to its process group
	Kill() error              // SIGKILL to all of its session
}

// Place is where a session's command runs: one task.
type Place interface {
	// Command works out what to run, without its Files.
	Command(*sessionpb.Open) (*isolation.Command, error)
	// Join starts it; done is called once when the command has ended.
	Join(cmd *isolation.Command, done func(isolation.Exit)) (Process, error)
	// Over is closed when the task has ended, before what runs beside it is killed.
	Over() <-chan struct{}
}

const (
	// hangUpGrace is what a command gets between being told that its caller has
	// gone and SIGKILL.
	hangUpGrace = 2 * time.Second
	killAgain   = 20 * time.Millisecond
)

// Run carries out the session that comes over s, and closes it.
func Run(s session.Stream, place Place) {
	defer s.Close()
	first, err := s.Recv()
	if err != nil {
		return
	}
	open := first.GetOpen()
	if open == nil || len(open.Args) == 0 || open.Args[0] == "" {
		refuse(s, model.ReasonBadRequest, "run a command beside the task: there is no command")
		return
	}
	r := &running{stream: s, place: place, open: open, ended: make(chan isolation.Exit, 1)}
	if err := r.start(); err != nil {
		refuse(s, model.ReasonBadRequest, "%v", err)
		return
	}
	r.attend()
}

func refuse(s session.Stream, reason model.Reason, format string, args ...any) {
	_ = s.Send(session.Refuse(model.Refuse(reason, format, args...))) // the caller has gone; nobody is left to be told
}

// running is a session whose command was started.
type running struct {
	stream session.Stream
	place  Place
	open   *sessionpb.Open

	io      *stdio
	process Process
	ended   chan isolation.Exit
	over    atomic.Bool // the command has ended, and what is still said to it is dropped
}

func (r *running) start() error {
	cmd, err := r.place.Command(r.open)
	if err != nil {
		return err
	}
	if r.io, err = newStdio(r.open, cmd.Credential); err != nil {
		return fmt.Errorf("run %q beside the task: %w", r.open.Args[0], err)
	}
	cmd.Files, cmd.Terminal = r.io.files(), r.open.Terminal
	r.process, err = r.place.Join(cmd, func(e isolation.Exit) { r.ended <- e })
	r.io.started()
	if err != nil {
		r.io.close()
	}
	return err
}

// attend carries frames until the command has ended or the caller has gone.
func (r *running) attend() {
	gone := make(chan struct{}) // closed when nobody is at the other end
	var outputs outputs
	if r.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Started{Started: &sessionpb.Started{Pid: int32(r.process.Pid())}}}) == nil {
		outputs.copy(r.io.out, func(b []byte) error { return r.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Stdout{Stdout: b}}) })
		outputs.copy(r.io.errs, func(b []byte) error { return r.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Stderr{Stderr: b}}) })
	}
	in := newInput(r.io.in, r.open.Terminal, func(n int) {
		_ = r.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Credit{Credit: &sessionpb.Credit{Bytes: int64(n)}}}) // Recv fails too
	})
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		defer close(gone)
		r.listen(in)
	}()

	exit, alone := r.awaitExit(gone)
	r.over.Store(true)
	in.stop()
	outputs.finish(alone)
	if !alone {
		_ = r.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Ended{Ended: r.ending(exit)}})
	}
	in.wait()
	r.io.close()
	r.stream.Close() // which may wait for the caller to have it all
	<-heard
}

func (r *running) send(f *sessionpb.Frame) error { return r.stream.Send(f) }

// awaitExit waits for the command's end, and brings it about when the caller has
// gone, which alone reports.
func (r *running) awaitExit(gone <-chan struct{}) (exit isolation.Exit, alone bool) {
	select {
	case exit = <-r.ended:
		return exit, false
	case <-gone:
	}
	// What a terminal's or a connection's end means to a program. Failing that,
	// SIGKILL, until the command is known to have ended.
	hint := unix.SIGTERM
	if r.open.Terminal {
		hint = unix.SIGHUP
	}
	_ = r.process.Signal(hint)
	r.io.hangUp()
	timer := time.NewTimer(hangUpGrace)
	defer timer.Stop()
	for {
		select {
		case exit = <-r.ended:
			_ = r.process.Kill() // what it has started and not waited for
			return exit, true
		case <-timer.C:
			_ = r.process.Kill()
			timer.Reset(killAgain)
		}
	}
}

// ending says how the command ended.
func (r *running) ending(e isolation.Exit) *sessionpb.Ended {
	out := &sessionpb.Ended{ExitCode: int32(e.Status.ExitStatus())}
	if e.Status.Signaled() {
		out.Signal = int32(e.Status.Signal())
		out.ExitCode = 128 + out.Signal
	}
	select {
	case <-r.place.Over():
		out.Message = "the task has ended, and what ran beside it was killed"
	default:
	}
	return out
}

// listen takes in the caller's frames until there are no more.
func (r *running) listen(in *input) {
	for {
		f, err := r.stream.Recv()
		if err != nil {
			return
		}
		if r.over.Load() {
			continue
		}
		switch k := f.Kind.(type) {
		case *sessionpb.Frame_Stdin:
			if !in.put(k.Stdin) {
				return // more than was granted: not a caller that can be served
			}
		case *sessionpb.Frame_Eof:
			in.end()
		case *sessionpb.Frame_Resize:
			r.io.resize(k.Resize)
		case *sessionpb.Frame_Signal:
			if n := unix.Signal(k.Signal.GetNumber()); n > 0 && n < 65 {
				_ = r.process.Signal(n)
			}
		}
	}
}

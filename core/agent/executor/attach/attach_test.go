package attach

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/isolation"
)

// host is a Place without a task: commands run as they are.
type host struct {
	over chan struct{}
	wg   sync.WaitGroup
}

func (h *host) Over() <-chan struct{} { return h.over }

func (h *host) Command(o *sessionpb.Open) (*isolation.Command, error) {
	path, err := exec.LookPath(o.Args[0])
	return &isolation.Command{Path: path, Args: o.Args, Env: os.Environ(), Dir: "/"}, err
}

func (h *host) Join(cmd *isolation.Command, done func(isolation.Exit)) (Process, error) {
	pid, err := syscall.ForkExec(cmd.Path, cmd.Args, &syscall.ProcAttr{
		Dir: cmd.Dir, Env: cmd.Env, Files: cmd.Files, Sys: &syscall.SysProcAttr{Setsid: true, Setctty: cmd.Terminal},
	})
	if err != nil {
		return nil, err
	}
	h.wg.Go(func() {
		var e isolation.Exit
		for {
			if _, err := unix.Wait4(pid, &e.Status, 0, nil); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		done(e)
	})
	return process(pid), nil
}

type process int

func (p process) Pid() int                   { return int(p) }
func (p process) Signal(s unix.Signal) error { return unix.Kill(-int(p), s) }
func (p process) Kill() error                { return unix.Kill(-int(p), unix.SIGKILL) }

// bench is a session and who called it.
type bench struct {
	*testing.T
	host  *host
	conn  *session.Conn
	ended chan struct{} // closed when Run has returned

	out, errs bytes.Buffer
	credit    int64
}

func newBench(t *testing.T) *bench {
	near, far := net.Pipe()
	b := &bench{T: t, host: &host{over: make(chan struct{})}, conn: session.NewConn(near, nil), ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		Run(session.NewConn(far, nil), b.host)
	}()
	t.Cleanup(func() {
		b.conn.Close()
		<-b.ended
		b.host.wg.Wait()
	})
	return b
}

func (b *bench) send(f *sessionpb.Frame) {
	b.Helper()
	if err := b.conn.Send(f); err != nil {
		b.Fatal(err)
	}
}

// open starts a shell command.
func (b *bench) open(stdin bool, script string) *bench {
	b.Helper()
	b.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Open{Open: &sessionpb.Open{Args: []string{"sh", "-c", script}, Stdin: stdin}}})
	if f := b.recv(); f.GetStarted() == nil {
		b.Fatalf("answered with %v", f)
	}
	return b
}

func (b *bench) recv() *sessionpb.Frame {
	b.Helper()
	f, err := b.conn.Recv()
	if err != nil {
		b.Fatal(err)
	}
	b.out.Write(f.GetStdout())
	b.errs.Write(f.GetStderr())
	b.credit += f.GetCredit().GetBytes()
	return f
}

// end takes in everything up to the end.
func (b *bench) end() *sessionpb.Ended {
	b.Helper()
	for {
		if f := b.recv(); f.GetEnded() != nil {
			return f.GetEnded()
		}
	}
}

// until takes in output until it holds text.
func (b *bench) until(text string) {
	b.Helper()
	for !strings.Contains(b.out.String(), text) {
		if f := b.recv(); f.GetEnded() != nil {
			b.Fatalf("ended before %q came: %q", text, b.out.String())
		}
	}
}

func stdin(text string) *sessionpb.Frame {
	return &sessionpb.Frame{Kind: &sessionpb.Frame_Stdin{Stdin: []byte(text)}}
}

func eof() *sessionpb.Frame {
	return &sessionpb.Frame{Kind: &sessionpb.Frame_Eof{Eof: &sessionpb.Eof{}}}
}

func TestStreams(t *testing.T) {
	b := newBench(t).open(false, "echo out; echo err >&2; cat; exit 3")
	if e := b.end(); e.ExitCode != 3 || e.Signal != 0 || e.Message != "" {
		t.Errorf("ended with %v", e)
	}
	if b.out.String() != "out\n" || b.errs.String() != "err\n" {
		t.Errorf("printed %q and %q", b.out.String(), b.errs.String())
	}
}

func TestInput(t *testing.T) {
	b := newBench(t).open(true, "cat; echo end")
	b.send(stdin("one "))
	b.send(stdin("two "))
	b.send(eof())
	if e := b.end(); e.ExitCode != 0 || b.out.String() != "one two end\n" || b.credit != 8 {
		t.Errorf("ended with %v, printed %q, %d bytes credited", e, b.out.String(), b.credit)
	}
}

// What a process that was left behind may still write does not hold up the end.
func TestLeftBehind(t *testing.T) {
	b := newBench(t).open(false, "sleep 1000 & echo $!; exit 0")
	b.end()
	pid := strings.TrimSpace(b.out.String())
	if out, err := exec.Command("kill", pid).CombinedOutput(); err != nil {
		t.Errorf("kill %s: %v\n%s", pid, err, out)
	}
}

// A command that reads nothing does not hold up signals behind its input, and a
// caller that sends more than it was granted is dropped.
func TestWindow(t *testing.T) {
	full := strings.Repeat("x", session.WindowBytes)
	b := newBench(t).open(true, "trap 'exit 9' INT; echo ready; while :; do sleep 0.01; done")
	b.until("ready")
	b.send(stdin(full))
	b.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Signal{Signal: &sessionpb.Signal{Number: int32(unix.SIGINT)}}})
	if e := b.end(); e.ExitCode != 9 {
		t.Errorf("ended with %v", e)
	}

	b = newBench(t).open(true, "echo ready; exec sleep 1000")
	b.until("ready")
	go func() { // a pipe may take as much as it holds, and that be credited
		for range 4 {
			if b.conn.Send(stdin(full)) != nil {
				return
			}
		}
	}()
	for {
		if _, err := b.conn.Recv(); err != nil {
			break
		}
	}
	<-b.ended
}

func TestSignalled(t *testing.T) {
	b := newBench(t).open(false, "kill -SEGV $$")
	if e := b.end(); e.Signal != 11 || e.ExitCode != 139 {
		t.Errorf("ended with %v", e)
	}
}

func TestTaskOver(t *testing.T) {
	b := newBench(t).open(false, "exec sleep 1000")
	close(b.host.over)
	b.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Signal{Signal: &sessionpb.Signal{Number: int32(unix.SIGKILL)}}})
	if e := b.end(); e.Message == "" || e.ExitCode != 137 {
		t.Errorf("ended with %v", e)
	}
}

// The caller goes away: first the command is told, then it is killed.
func TestCallerGone(t *testing.T) {
	for name, script := range map[string]string{
		"told":   "trap 'echo told > FILE; exit 0' TERM; echo ready; while :; do sleep 0.01; done",
		"killed": "trap '' TERM; echo ready; while :; do sleep 0.01; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "file")
			b := newBench(t).open(true, strings.ReplaceAll(script, "FILE", file))
			b.until("ready")
			b.conn.Close()
			<-b.ended
			b.host.wg.Wait()
			if _, err := os.Stat(file); (err == nil) != (name == "told") {
				t.Errorf("the command's mark: %v", err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, f := range map[string]*sessionpb.Frame{
		"no command":  {Kind: &sessionpb.Frame_Open{Open: &sessionpb.Open{}}},
		"not an Open": eof(),
		"no such":     {Kind: &sessionpb.Frame_Open{Open: &sessionpb.Open{Args: []string{"no-such-program"}}}},
	} {
		b := newBench(t)
		b.send(f)
		if f := b.recv(); f.GetRefused() == nil {
			t.Errorf("%s: answered with %v", name, f)
		}
		<-b.ended
	}
}

func TestTerminal(t *testing.T) {
	b := newBench(t)
	b.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Open{Open: &sessionpb.Open{
		Args:     []string{"sh", "-c", "trap 'stty size; exit 4' WINCH; tty; stty size; echo rea$((1+1)); while :; do sleep 0.01; done"},
		Terminal: true, Stdin: true, Size: &sessionpb.Resize{Rows: 20, Columns: 70},
	}}})
	if f := b.recv(); f.GetRefused() != nil {
		t.Skipf("no terminals here: %v", f)
	}
	b.until("rea2")
	if !strings.Contains(b.out.String(), "/dev/") || !strings.Contains(b.out.String(), "20 70") {
		t.Errorf("the terminal: %q", b.out.String())
	}
	b.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Resize{Resize: &sessionpb.Resize{Rows: 21, Columns: 71}}})
	if e := b.end(); e.ExitCode != 4 || !strings.Contains(b.out.String(), "21 71") {
		t.Errorf("ended with %v after %q", e, b.out.String())
	}
	// Its end of input is a key.
	b = newBench(t)
	b.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Open{Open: &sessionpb.Open{Args: []string{"cat"}, Terminal: true, Stdin: true}}})
	b.recv()
	b.send(stdin("line\n"))
	b.send(eof())
	if e := b.end(); e.ExitCode != 0 {
		t.Errorf("ended with %v", e)
	}
	// Its loss is SIGHUP.
	b = newBench(t)
	b.send(&sessionpb.Frame{Kind: &sessionpb.Frame_Open{Open: &sessionpb.Open{Args: []string{"sh", "-c", "echo up; exec sleep 1000"}, Terminal: true, Stdin: true}}})
	b.until("up")
	b.conn.Close()
	began := time.Now()
	<-b.ended
	t.Logf("gone after %v", time.Since(began))
}

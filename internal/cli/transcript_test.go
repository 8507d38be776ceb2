package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/master/httpapi/apitest"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/internal/cli"
	"github.com/tender-scheduler/tender/jobspec"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestTranscripts runs whole commands against an API server over a master in
// memory, and compares all that they print, for terminals of several widths.
// Besides those of apitest.Play the commands are:
//
//	file name=NAME                  write a file
//	tender ARGS [width=N] [color]   run a command with the input on its standard
//	                                input; on a terminal N columns wide
//	background ARGS                 start a command
//	await                           until the background command has printed the input
//	await-jobs n=N                  until N jobs have been submitted
//	interrupt                       Ctrl-C to the background command
//	join                            wait for it and show what it printed
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Chdir(t.TempDir())
		s := newStage(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if handled, err := s.master.Play(d); handled {
				if err != nil {
					t.Fatal(err)
				}
				return ""
			}
			return s.play(t, d)
		})
	})
}

// stage is a master and at most one command in the background.
type stage struct {
	master     *apitest.Master
	server     *httptest.Server
	background *command
}

// command is one run of the command line.
type command struct {
	out, errs *syncBuffer
	cancel    context.CancelFunc
	done      chan int
}

// patience bounds what a transcript waits for: nothing that works takes as long.
const patience = 30 * time.Second

func newStage(t *testing.T) *stage {
	m := apitest.New(epoch)
	h, err := httpapi.New(httpapi.Config{Backend: m, Check: func(job *model.Job) (faults []string) {
		for _, p := range jobspec.Validate(job) {
			faults = append(faults, p.String())
		}
		return faults
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{master: m, server: httptest.NewServer(h)}
	t.Cleanup(s.server.Close)
	return s
}

func (s *stage) play(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "file":
		if err := os.WriteFile(value(d, "name"), []byte(d.Input+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	case "tender":
		return s.join(t, s.start(t, d))
	case "background":
		s.background = s.start(t, d)
	case "await":
		s.background.await(t, d)
	case "await-jobs":
		n, _ := strconv.Atoi(value(d, "n"))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if !s.master.AwaitJobs(ctx, n) {
			t.Fatalf("%s: there are no %d jobs", d.Pos, n)
		}
	case "interrupt":
		s.background.cancel()
	case "join":
		return s.join(t, s.background)
	default:
		t.Fatalf("%s: no such command: %s", d.Pos, d.Cmd)
	}
	return ""
}

func (s *stage) start(t *testing.T, d *datadriven.TestData) *command {
	width, _ := strconv.Atoi(value(d, "width"))
	environ := []string{"TENDER_ADDR=" + s.server.Listener.Addr().String()}
	if width > 0 && !d.HasArg("color") {
		environ = append(environ, "NO_COLOR=1")
	}
	c := &command{out: &syncBuffer{}, errs: &syncBuffer{}, done: make(chan int, 1)}
	env := cli.Env{
		Stdin: strings.NewReader(d.Input), Stdout: c.out, Stderr: c.errs, Environ: environ,
		Now: s.master.Now, Username: func() string { return "ada" }, StdoutColumns: width, StderrColumns: width, Poll: time.Millisecond, Patience: 20 * time.Millisecond,
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(commandLine(d), "tender"), "background"), " width=")
	line, _, _ = strings.Cut(line, " color")
	args := strings.Fields(line)
	ctx, cancel := context.WithCancel(t.Context())
	c.cancel = cancel
	go func() { c.done <- cli.Run(ctx, env, args) }()
	return c
}

// commandLine restores the line that datadriven has taken apart.
func commandLine(d *datadriven.TestData) string {
	parts := []string{d.Cmd}
	for _, a := range d.CmdArgs {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, " ")
}

func value(d *datadriven.TestData, name string) string {
	i := slices.IndexFunc(d.CmdArgs, func(a datadriven.CmdArg) bool { return a.Key == name })
	if i < 0 || len(d.CmdArgs[i].Vals) == 0 {
		return ""
	}
	return d.CmdArgs[i].Vals[0]
}

// join returns what the command printed: standard output as it is, standard
// error marked, and an exit code that is not 0.
func (s *stage) join(t *testing.T, c *command) string {
	var code int
	select {
	case code = <-c.done:
	case <-time.After(patience):
		t.Fatalf("the command does not end; it has printed:\n%s%s", c.out, c.errs)
	}
	c.cancel()
	var b strings.Builder
	b.WriteString(visible(c.out.String()))
	for l := range strings.Lines(c.errs.String()) {
		b.WriteString("2> " + visible(l))
	}
	if text := b.String(); text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteString("(no newline)\n")
	}
	if code != 0 {
		fmt.Fprintf(&b, "exit %d\n", code)
	}
	return strings.ReplaceAll(b.String(), s.server.Listener.Addr().String(), "ADDRESS")
}

// visible shows what steers a terminal.
func visible(s string) string {
	return strings.NewReplacer("\x1b[0m", "»", "\x1b[K", "⌫", "\x1b[", "«", "\r", "⏎").Replace(s)
}

func (c *command) await(t *testing.T, d *datadriven.TestData) {
	deadline := time.After(patience)
	for {
		out, errs := c.out.changed(), c.errs.changed() // before the look, so that no write is missed
		if strings.Contains(c.out.String()+c.errs.String(), d.Input) {
			return
		}
		select {
		case <-out:
		case <-errs:
		case code := <-c.done:
			t.Fatalf("%s: the command ended with %d and never printed %q:\n%s%s", d.Pos, code, d.Input, c.out, c.errs)
		case <-deadline:
			t.Fatalf("%s: the command has not printed %q:\n%s%s", d.Pos, d.Input, c.out, c.errs)
		}
	}
}

// syncBuffer is written by a command while the test reads it.
type syncBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{}
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// changed is closed at the next write.
func (s *syncBuffer) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return s.more
}

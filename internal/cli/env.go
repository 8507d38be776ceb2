package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Env is the world a command runs in.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string // NAME=VALUE
	Now            func() time.Time
	// Username returns who runs the command; asked for only where it matters,
	// since it may be looked up over a network.
	Username func() string
	// StdoutColumns and StderrColumns are the terminals' widths; 0 = not a terminal.
	StdoutColumns, StderrColumns int
	// Poll is how often a wait looks again for progress to show. 0 = what suits
	// the terminal.
	Poll time.Duration
	// Patience is how long to try while no master leads. 0 = the client's default.
	Patience time.Duration
}

// Getenv returns the value of an environment variable, empty if it is not set.
func (e *Env) Getenv(name string) string {
	for i := len(e.Environ) - 1; i >= 0; i-- {
		if v := e.Environ[i]; len(v) > len(name) && v[len(name)] == '=' && v[:len(name)] == name {
			return v[len(name)+1:]
		}
	}
	return ""
}

// Main runs the command that this process was started with and returns its exit
// code. The first SIGINT or SIGTERM ends the command in good order, a second
// one at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	env := Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Now: time.Now, Username: username,
		StdoutColumns: columns(os.Stdout), StderrColumns: columns(os.Stderr),
	}
	return Run(ctx, env, os.Args[1:])
}

func username() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

// columns returns a terminal's width, 0 for anything else. COLUMNS overrides
// what the terminal says, as it does for ls and ps.
func columns(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
		return n
	}
	return 80
}

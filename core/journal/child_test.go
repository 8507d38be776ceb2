package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary started with childDirEnv set is a process of its own that leads
// on a data directory until it is killed. It prints "ready", and every index it
// has been acknowledged.
const (
	childDirEnv  = "TENDER_JOURNAL_TEST_DIR"
	childModeEnv = "TENDER_JOURNAL_TEST_MODE"
)

func runChild(dir string) {
	ctx := context.Background()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	e, err := StartEmbedded(ctx, EmbeddedConfig{DataDir: dir, Logger: logger})
	exitIf(err)
	mode := os.Getenv(childModeEnv)
	cfg := Config{Embedded: e, Cluster: "c", Identity: "child", Logger: logger}
	if mode == "write" {
		cfg.MaxEntryBytes = 64
	}
	j, err := Open(ctx, cfg)
	exitIf(err)
	l := newLedger()
	term, err := j.Lead(ctx, l)
	exitIf(err)
	fmt.Println("ready")
	for n := len(l.all()); mode != "wait"; n++ {
		records := childGroup(n)
		if mode == "fill" {
			records = append(records, incompressible(64<<10))
		}
		index, err := term.Append(ctx, records)
		exitIf(err)
		exitIf(l.Apply(index, records))
		fmt.Println(index)
		if mode == "write" && n%100 == 99 {
			exitIf(term.Snapshot(ctx, index, l.snapshot(index)))
		}
	}
	select {}
}

// childGroup is what the child writes as its nth group: one to six parts.
func childGroup(n int) [][]byte {
	return group(strconv.Itoa(n), strings.Repeat("x", n%6*50))
}

func exitIf(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type child struct {
	cmd    *exec.Cmd
	out    *bufio.Scanner
	stderr bytes.Buffer // to be read after wait
}

// startChild returns when the child leads.
func startChild(t *testing.T, dir, mode string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDirEnv+"="+dir, childModeEnv+"="+mode)
	c := &child{cmd: cmd}
	cmd.Stderr = &c.stderr
	out, err := cmd.StdoutPipe()
	fatalIf(t, err)
	c.out = bufio.NewScanner(out)
	fatalIf(t, cmd.Start())
	t.Cleanup(c.kill)
	if !c.out.Scan() || c.out.Text() != "ready" {
		t.Fatalf("the child said %q, not ready", c.out.Text())
	}
	return c
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// After kill -9 the directory is free at once, and holds every group that was
// acknowledged; at most the one under way has come on top.
func TestKillLosesNothing(t *testing.T) {
	dir := t.TempDir()
	written := 0
	for range 4 {
		c := startChild(t, dir, "write")
		acked := 0
		for range 130 {
			if !c.out.Scan() {
				t.Fatal("the child stopped by itself")
			}
			n, err := strconv.Atoi(c.out.Text())
			fatalIf(t, err)
			acked = n
		}
		c.cmd.Process.Kill()
		for c.out.Scan() { // what it said before it died
			n, err := strconv.Atoi(c.out.Text())
			if err != nil {
				break // a line cut short
			}
			acked = n
		}
		c.cmd.Wait()

		e := ownEtcd(t, EmbeddedConfig{DataDir: dir})
		j := open(t, e, Config{Cluster: "c"})
		l := newLedger()
		lead(t, j, l) // at once, though the dead leader's lease has a minute to go
		groups := l.all()
		if len(groups) < acked || len(groups) > acked+1 || len(groups) <= written {
			t.Fatalf("%d groups after a restart, %d were acknowledged, %d were there before", len(groups), acked, written)
		}
		for i, g := range groups {
			if want := childGroup(i); g[0] != string(want[0]) || g[1] != string(want[1]) {
				t.Fatalf("group %d is %q", i+1, g)
			}
		}
		written = len(groups)
		fatalIf(t, j.Close())
		e.Close()
	}
}

// When the disk is full the process stops, saying why, and what was acknowledged
// is there once there is room again.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	fatalIf(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"))
	t.Cleanup(func() { fatalIf(t, unix.Unmount(dir, 0)) })
	c := startChild(t, dir, "fill")
	acked := 0
	for c.out.Scan() {
		n, err := strconv.Atoi(c.out.Text())
		fatalIf(t, err)
		acked = n
	}
	err := c.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("the child ended with %v, want exit status 1", err)
	}
	if said := c.stderr.String(); !strings.Contains(said, "no space left on device") || !strings.Contains(said, "etcd cannot continue") {
		t.Errorf("the child said:\n%s", said)
	}
	fatalIf(t, unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=256m"))
	e := ownEtcd(t, EmbeddedConfig{DataDir: dir})
	l := newLedger()
	lead(t, open(t, e, Config{Cluster: "c"}), l)
	if got := len(l.all()); acked == 0 || got < acked || got > acked+1 {
		t.Errorf("%d groups after a restart, %d were acknowledged", got, acked)
	}
}

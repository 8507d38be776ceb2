package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// proc names a process for good: a pid alone may come to mean another one.
type proc struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"` // ticks since boot, field 22 of proc_pid_stat(5)
}

// procOf returns the name of a process that runs now.
func procOf(pid int) (proc, error) {
	_, start, err := procStat(pid)
	return proc{pid, start}, err
}

func procStat(pid int) (state byte, start uint64, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, err
	}
	// The name in parentheses may hold anything; behind it are fields 3 to 52.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 20 {
		return 0, 0, fmt.Errorf("read /proc/%d/stat: %d fields", pid, len(f))
	}
	start, err = strconv.ParseUint(string(f[19]), 10, 64)
	return f[0][0], start, err
}

// alive reports whether the process still runs; a zombie does not.
func (p proc) alive() bool {
	state, start, err := procStat(p.Pid)
	return p.Pid > 0 && err == nil && start == p.Start && state != 'Z' && state != 'X'
}

// kill sends SIGKILL and waits until the process does not run any more.
func (p proc) kill(ctx context.Context) error {
	for wait := time.Millisecond; p.alive(); wait = min(2*wait, 50*time.Millisecond) {
		if err := unix.Kill(p.Pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
			return fmt.Errorf("kill process %d: %w", p.Pid, err)
		}
		pause(ctx, wait)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// save and loadProc keep the name of a process in a file.
func (p proc) save(path string) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

func loadProc(path string) (p proc, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	return p, err
}

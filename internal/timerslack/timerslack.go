// Package timerslack makes the Go runtime's monitor thread cheaper in programs
// that are in system calls all the time. It owns no goroutine.
//
// While goroutines are in system calls the monitor ("sysmon" in runtime/proc.go)
// sleeps 20 µs at a time. An executor that starts a thousand processes a second,
// or a master that syncs its journal as often, has it awake ten thousand times a
// second: a fifth of the executor's CPU time on a virtual machine, where setting
// a timer leaves the guest. The kernel lets a thread's timers be late by its timer
// slack (prctl(2), PR_SET_TIMERSLACK; proc_pid_timerslack_ns(5)), 50 µs unless it
// is told otherwise.
package timerslack

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// Slack is how late the monitor may wake up. It decides when a processor is
// taken from a goroutine in a system call, and 10 ms is when one that computes is
// preempted: both are well above it.
const Slack = time.Millisecond

// Relax gives Slack to the runtime's monitor thread, the first that a program
// starts. Call it first thing in main: later there are other threads, and no way
// to tell. It fails where /proc is not mounted or the process may not
// (CAP_SYS_NICE); all that is lost then is CPU time.
func Relax() error {
	monitor, err := secondThread()
	if err != nil {
		return err
	}
	file := fmt.Sprintf("/proc/%d/timerslack_ns", monitor)
	if err := os.WriteFile(file, []byte(strconv.FormatInt(Slack.Nanoseconds(), 10)), 0); err != nil {
		return fmt.Errorf("give the runtime's monitor more timer slack: %w", err)
	}
	return nil
}

// secondThread is the thread of this process that started right after its first.
func secondThread() (int, error) {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, fmt.Errorf("list this process' threads: %w", err)
	}
	var ids []int
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil && id != os.Getpid() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return 0, fmt.Errorf("list this process' threads: there is only one")
	}
	return slices.Min(ids), nil
}

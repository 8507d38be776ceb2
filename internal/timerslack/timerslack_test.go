package timerslack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestRelax(t *testing.T) {
	if err := Relax(); errors.Is(err, fs.ErrPermission) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	monitor, err := secondThread()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", monitor))
	if err != nil || strings.TrimSpace(string(got)) != fmt.Sprint(Slack.Nanoseconds()) {
		t.Errorf("the monitor's timer slack is %q (%v), want %v", got, err, Slack)
	}
	// The others keep theirs: timers of the program are as exact as before.
	if got, err := os.ReadFile("/proc/self/timerslack_ns"); err != nil || strings.TrimSpace(string(got)) != "50000" {
		t.Errorf("the first thread's timer slack is %q (%v)", got, err)
	}
}

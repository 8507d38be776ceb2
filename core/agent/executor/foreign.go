package executor

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/mpi"
)

// A rank whose MPI library does not know PMI-1 runs as a program of size 1, and
// may spend hours overwriting what others like it write. So ranks that have said
// nothing for a while are looked at: what libraries have they loaded?
var lookAfter = []time.Duration{2 * time.Second, 10 * time.Second}

// foreignLibrary is part of every Open MPI, whatever the program links.
const foreignLibrary = "libopen-pal.so"

// shim is how Open MPI can be made to speak PMI-1 all the same: its flux component
// with a library of somebody else's.
const shim = "FLUX_PMI_LIBRARY_PATH"

type (
	// pmiLook asks whether a task's ranks have spoken yet.
	pmiLook struct {
		key  lifecycle.Key
		task int
	}
	pmiForeign struct {
		key     lifecycle.Key
		local   int
		library string
	}
)

// watchForeign has the task's ranks looked at.
func (t *run) watchForeign() {
	if _, shimmed := t.env.Get(shim); shimmed || !t.speaksPMI() {
		return
	}
	for _, d := range lookAfter {
		time.AfterFunc(d, func() { t.runner.inbox.put(pmiLook{t.key, t.task}) })
	}
}

// lookForForeign looks at an allocation with silent ranks.
func (l *loop) lookForForeign(e pmiLook) {
	s, a := l.pmi[attemptOf(e.key)], l.runner.attempts[e.key]
	if s == nil || a == nil || a.runs[e.task] == nil {
		return
	}
	t := a.runs[e.task]
	for local := range s.ranks {
		if s.machine.Silent(int(e.key.Index)*s.ranks + local) {
			go t.findForeign(local)
			return
		}
	}
}

// findForeign reads what the allocation's processes have loaded. Which of them is
// which rank's does not matter: they are alike.
func (t *run) findForeign(local int) {
	t.mu.Lock()
	s := t.slot
	t.mu.Unlock()
	if s == nil {
		return
	}
	pids, _ := s.cell.Group.Tree().Pids()
	for _, pid := range pids {
		if library := loaded(pid, foreignLibrary); library != "" && pid != os.Getpid() {
			t.runner.inbox.put(pmiForeign{t.key, local, library})
			return
		}
	}
}

// loaded returns the file name of a library whose name begins so, if a process
// has it in its memory.
func loaded(pid int, begins string) string {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name := filepath.Base(lines.Text()); strings.HasPrefix(name, begins) {
			return name
		}
	}
	return ""
}

func (l *loop) foreign(e pmiForeign) {
	if s := l.pmi[attemptOf(e.key)]; s != nil {
		l.stepPMI(s.at, mpi.Foreign{Rank: int(e.key.Index)*s.ranks + e.local, Library: e.library})
	}
}

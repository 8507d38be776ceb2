package executor

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// nursery holds sandboxes whose task ended without having touched them, for the
// next attempt at the same task. Most tasks of large arrays work elsewhere, and
// six directories for each, made and later removed, would cost as much as
// starting the process. An attempt whose sandbox went this way keeps an empty
// file in its place, by which others tell that it was here and left nothing. All
// are links to one: for an inode of its own the file system would have to look,
// and where many were freed lately that takes long (ext4's recently_deleted).
//
// Whether a sandbox was touched is told by its directories' modification times:
// they are set to a moment that has passed, exactly, and any change moves them.
// A sandbox is taken before the end of its attempt is reported, so nobody else
// is at work on it.
type nursery struct {
	dir   string
	stamp unix.Timespec // of a directory that was not touched

	mu    sync.Mutex
	made  bool
	blank string // the sandbox of nobody yet; empty if there is none
	n     int
	empty string // what is linked to; another when it has as many links as may be
	ready map[*plan][]waiting
}

// waiting is an untouched sandbox in the nursery.
type waiting struct {
	path  string
	marks *marks
}

// marks is what a sandbox's directories look like as long as nobody touches them.
type marks struct {
	attempt unix.Timespec
	within  [5]unix.Stat_t // alloc, the task's, local, tmp, secrets
}

// maxWaiting bounds the nursery; it holds as many as tasks run at once.
const maxWaiting = 256

// In the nursery, made ahead of need.
const (
	blankDir  = "blank"
	emptyFile = "empty"
)

// newNursery is the nursery of a job whose directory prepareDir may have made ready.
func newNursery(jobDir string) *nursery {
	n := &nursery{
		dir:   filepath.Join(jobDir, nurseryDir),
		stamp: unix.NsecToTimespec(time.Now().Add(-time.Hour).UnixNano()),
		ready: map[*plan][]waiting{},
	}
	if _, err := os.Lstat(n.dir); err == nil {
		n.made, n.blank, n.empty = true, filepath.Join(n.dir, blankDir), filepath.Join(n.dir, emptyFile)
	}
	return n
}

// prepareDir makes, in the directory of an executor that has no job yet, what its
// first task needs. Whatever it cannot make is made in time, or its lack reported
// then. Ten new inodes take as long as all else that happens between a job's
// arrival and its start, where the file system has to look for free ones.
func prepareDir(dir string) {
	_ = os.Mkdir(filepath.Join(dir, tasksDir), 0o755)
	if f, err := os.OpenFile(filepath.Join(dir, StateLogName), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		f.Close()
	}
	nursery := filepath.Join(dir, nurseryDir)
	if os.Mkdir(nursery, 0o700) != nil {
		return
	}
	if f, err := os.OpenFile(filepath.Join(nursery, emptyFile), os.O_CREATE|os.O_WRONLY, 0o444); err == nil {
		f.Close()
	}
	blank := filepath.Join(nursery, blankDir)
	_ = (&sandbox{attempt: blank, task: filepath.Join(blank, blankDir)}).makeDirs(&account{})
}

// skeleton turns the blank sandbox into s, as far as there is one.
func (n *nursery) skeleton(s *sandbox) {
	n.mu.Lock()
	blank := n.blank
	n.blank = ""
	n.mu.Unlock()
	if blank == "" || unix.Rename(blank, s.attempt) != nil {
		return
	}
	_ = unix.Rename(filepath.Join(s.attempt, blankDir), s.task)
}

func (s *sandbox) within() [5]string {
	return [5]string{s.alloc(), s.task, s.local(), s.tmp(), s.secrets()}
}

// mark sets a new sandbox's times. Without that it is merely not used again.
func (n *nursery) mark(s *sandbox) {
	m := &marks{}
	dirs := s.within()
	// Inner ones first: nothing after it may change a directory.
	for i := len(dirs) - 1; i >= 0; i-- {
		if setTimes(dirs[i], n.stamp) != nil || unix.Lstat(dirs[i], &m.within[i]) != nil {
			return
		}
	}
	if m.touch(s) {
		s.marks = m
	}
}

// touch sets the attempt's own time to now: by that others tell its age.
func (m *marks) touch(s *sandbox) bool {
	m.attempt = unix.NsecToTimespec(time.Now().UnixNano())
	return setTimes(s.attempt, m.attempt) == nil
}

func setTimes(path string, t unix.Timespec) error {
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW)
}

// give makes a waiting sandbox into s, if there is one.
func (n *nursery) give(p *plan, s *sandbox) bool {
	n.mu.Lock()
	ready := n.ready[p]
	if len(ready) == 0 {
		n.mu.Unlock()
		return false
	}
	w := ready[len(ready)-1]
	n.ready[p] = ready[:len(ready)-1]
	n.mu.Unlock()
	if unix.Rename(w.path, s.attempt) != nil {
		os.RemoveAll(w.path) // the attempt was made before, by an executor that died
		return false
	}
	if w.marks.touch(s) {
		s.marks = w.marks
	}
	return true
}

// take takes in the sandbox of a task that has ended, if it is untouched, and
// leaves an empty file in its place.
func (n *nursery) take(p *plan, s *sandbox) {
	if s == nil || s.marks == nil || !s.untouched() {
		return
	}
	w := waiting{marks: s.marks}
	n.mu.Lock()
	ok := len(n.ready[p]) < maxWaiting && n.makeDir()
	if ok {
		n.n++
		w.path = filepath.Join(n.dir, strconv.Itoa(n.n))
	}
	n.mu.Unlock()
	if !ok || unix.Rename(s.attempt, w.path) != nil {
		return
	}
	n.leave(s.attempt)
	n.mu.Lock()
	n.ready[p] = append(n.ready[p], w)
	n.mu.Unlock()
}

// leave puts an empty file at path. Should that fail, whoever looks for the
// attempt is told that there is nothing, which is true as well.
func (n *nursery) leave(path string) {
	n.mu.Lock()
	empty := n.empty
	n.mu.Unlock()
	if empty != "" && os.Link(empty, path) == nil {
		return
	}
	// The first, or there are too many links (EMLINK), or there are none here.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return
	}
	f.Close()
	n.mu.Lock()
	n.empty = path
	n.mu.Unlock()
}

func (n *nursery) makeDir() bool {
	if !n.made {
		n.made = os.Mkdir(n.dir, 0o700) == nil
	}
	return n.made
}

// untouched reports whether all is as it was marked.
func (s *sandbox) untouched() bool {
	var st unix.Stat_t
	if unix.Lstat(s.attempt, &st) != nil || st.Mtim != s.marks.attempt {
		return false
	}
	for i, dir := range s.within() {
		was := &s.marks.within[i]
		if unix.Lstat(dir, &st) != nil || st.Ino != was.Ino || st.Mtim != was.Mtim ||
			st.Mode != was.Mode || st.Uid != was.Uid || st.Gid != was.Gid {
			return false
		}
	}
	return true
}

// close removes what waits in the nursery.
func (n *nursery) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.made = false
	os.RemoveAll(n.dir)
}

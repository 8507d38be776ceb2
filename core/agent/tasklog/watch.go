package tasklog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// pollInterval is how often a stream is looked at where inotify(7) cannot be
// had: a host allows a user few instances by default.
const pollInterval = 200 * time.Millisecond

// watch waits for changes in a directory that may not exist yet.
type watch struct {
	file *os.File // inotify, nil if it cannot be had
	fd   int      // its descriptor: File.Fd would make it blocking
	dir  string
	on   string // which directory is watched
	id   int
	stop chan struct{}
}

const watchEvents = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

// wait returns when there may be more to read.
func (r *Reader) wait() error {
	if r.watch == nil {
		r.watch = newWatch(r.ctx, r.ended, r.dir)
	}
	if r.watch.moved() {
		return nil // look once more: something may have come before the watch was set
	}
	return r.watch.next(r.ctx, r.ended)
}

func newWatch(ctx context.Context, ended <-chan struct{}, dir string) *watch {
	w := &watch{dir: dir, stop: make(chan struct{})}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	f := os.NewFile(uintptr(fd), "inotify")
	w.file, w.fd = f, fd
	go func() {
		// Interrupts a read that waits.
		select {
		case <-ctx.Done():
		case <-ended:
		case <-w.stop:
			return
		}
		_ = f.SetReadDeadline(time.Unix(1, 0))
	}()
	return w
}

// moved sets the watch on the directory or, until it exists, on the nearest one
// above it, and reports whether that is another one than before.
func (w *watch) moved() bool {
	if w.file == nil {
		return false
	}
	for on := w.dir; ; on = filepath.Dir(on) {
		if on == w.on {
			return false
		}
		id, err := unix.InotifyAddWatch(w.fd, on, watchEvents)
		if err == nil {
			if w.on != "" {
				_, _ = unix.InotifyRmWatch(w.fd, uint32(w.id))
			}
			w.on, w.id = on, id
			return true
		}
		if on == "/" || on == "." {
			w.file.Close()
			w.file = nil
			return false
		}
	}
}

// next waits for an event, the context, or ended.
func (w *watch) next(ctx context.Context, ended <-chan struct{}) error {
	if w.file == nil {
		t := time.NewTimer(pollInterval)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return nil
	}
	var buf [4096]byte
	_, err := w.file.Read(buf[:]) // which events does not matter
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil // ended
	}
	return err
}

func (w *watch) close() {
	close(w.stop)
	if w.file != nil {
		w.file.Close()
	}
}

package executor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tender-scheduler/tender/api/execpb"
)

// compactBytes is the size from which state.log is written anew without what is
// over and acknowledged.
const compactBytes = 8 << 20

// stateLog appends records to state.log. Records are gathered and written with
// one write(2) per turn of the loop. It is not synced: it must survive the
// executor's death, not the host's, which takes the tasks with it.
type stateLog struct {
	path string
	file *os.File
	buf  []byte
	size int64
	base int64 // size after the last compaction
}

// openStateLog opens the log in dir and returns what earlier executors wrote.
func openStateLog(dir string) (*stateLog, *Past, error) {
	path := filepath.Join(dir, StateLogName)
	past, err := ReadStateLog(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open state log: %w", err)
	}
	l := &stateLog{path: path, file: f}
	if past == nil {
		past = &Past{}
	}
	// A torn record at the end would swallow what follows it.
	l.size = past.bytes
	if err := f.Truncate(l.size); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("open state log: %w", err)
	}
	return l, past, nil
}

// add gathers a record for the next flush.
func (l *stateLog) add(r *execpb.LogRecord) error {
	b, err := appendMessage(l.buf, r)
	if err != nil {
		return fmt.Errorf("write state log: %w", err)
	}
	l.buf = b
	return nil
}

// flush writes what was gathered. What cannot be written stays gathered, so
// that a full disk loses no record as long as the executor lives.
func (l *stateLog) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	n, err := l.file.WriteAt(l.buf, l.size)
	if err != nil {
		return fmt.Errorf("write state log: %w", err)
	}
	l.size += int64(n)
	l.buf = l.buf[:0]
	return nil
}

// bloated reports whether compaction is worth while.
func (l *stateLog) bloated() bool { return l.size > l.base+compactBytes }

// rewrite replaces the log by records, atomically.
func (l *stateLog) rewrite(records []*execpb.LogRecord) error {
	next := &stateLog{path: l.path}
	for _, r := range records {
		if err := next.add(r); err != nil {
			return err
		}
	}
	temp := l.path + ".new"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("compact state log: %w", err)
	}
	next.file = f
	if err = next.flush(); err == nil {
		err = os.Rename(temp, l.path)
	}
	if err != nil {
		f.Close()
		os.Remove(temp)
		return fmt.Errorf("compact state log: %w", err)
	}
	l.file.Close()
	l.file, l.size, l.base, l.buf = f, next.size, next.size, l.buf[:0]
	return nil
}

func (l *stateLog) close() { l.file.Close() }

package tasklog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// retryAfter is how long a Writer that could not write drops output before it tries again.
const retryAfter = time.Second

// Writer appends to a stream. It never fails and never blocks for lack of
// space: a task must not suffer from a full disk. What cannot be written is
// dropped and counted, and once there is space again a line in the stream says so.
type Writer struct {
	dir, name string
	config    model.LogConfig

	file   *os.File
	number int   // of file
	size   int64 // of file

	gap     int64 // bytes dropped since the last write that worked
	lost    int64 // bytes dropped in all
	cause   error // of the last loss
	retryAt time.Time
}

// NewWriter returns a writer of the stream name in dir, such as "web.stdout".
// Files are made when there is something to write; dir too.
func NewWriter(dir, name string, c model.LogConfig) *Writer {
	c.MaxFiles, c.MaxFileBytes = max(c.MaxFiles, 1), max(c.MaxFileBytes, 1)
	return &Writer{dir: dir, name: name, config: c, number: -1}
}

// Lost returns how many bytes were dropped and why.
func (w *Writer) Lost() (bytes int64, cause error) { return w.lost, w.cause }

// Write appends p, or drops what cannot be written.
func (w *Writer) Write(p []byte, now time.Time) {
	if w.gap > 0 && now.Before(w.retryAt) {
		w.drop(int64(len(p)), w.cause, now)
		return
	}
	if w.gap > 0 {
		note := fmt.Appendf(nil, "\n[tender: %s of output lost here: %v]\n", model.FormatBytes(w.gap), w.cause)
		if n, err := w.append(note); err != nil {
			// The note is no output: a part of it must not be counted as such.
			w.retract(n)
			w.drop(int64(len(p)), err, now)
			return
		}
		w.gap = 0
	}
	if n, err := w.append(p); err != nil {
		w.drop(int64(len(p)-n), err, now)
	}
}

func (w *Writer) drop(n int64, cause error, now time.Time) {
	w.gap += n
	w.lost += n
	if !errors.Is(cause, w.cause) || !now.Before(w.retryAt) {
		w.cause = cause
		w.retryAt = now.Add(retryAfter)
	}
}

// retract takes back the last n bytes, as far as they are in the newest file.
func (w *Writer) retract(n int) {
	if w.file != nil && n > 0 && int64(n) <= w.size {
		w.size -= int64(n)
		_ = w.file.Truncate(w.size)
	}
}

// append writes p, moving on to a new file where one is full.
func (w *Writer) append(p []byte) (written int, err error) {
	for len(p) > 0 {
		if w.file == nil || w.size >= w.config.MaxFileBytes {
			if err := w.next(); err != nil {
				return written, err
			}
		}
		part := p[:min(int64(len(p)), w.config.MaxFileBytes-w.size)]
		n, err := w.file.Write(part)
		written += n
		w.size += int64(n)
		if err != nil {
			return written, cause(err)
		}
		p = p[n:]
	}
	return written, nil
}

// cause strips the path from an error: a user of a task's log cares for "no
// space left on device" only, and equal causes compare equal.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// next opens the file after the current one and removes the one that falls off
// the other end.
func (w *Writer) next() error {
	if w.number < 0 {
		if err := os.MkdirAll(w.dir, 0o755); err != nil {
			return cause(err)
		}
	}
	f, err := os.OpenFile(w.path(w.number+1), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o644)
	if err != nil {
		return cause(err)
	}
	w.close()
	w.file, w.size = f, 0
	w.number++
	if old := w.number - w.config.MaxFiles; old >= 0 {
		os.Remove(w.path(old))
	}
	return nil
}

func (w *Writer) path(n int) string {
	return filepath.Join(w.dir, w.name+"."+strconv.Itoa(n))
}

func (w *Writer) close() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// Close ends the stream. A loss that could not be noted in it is noted now if
// that is possible.
func (w *Writer) Close(now time.Time) {
	if w.gap > 0 {
		w.retryAt = now
		w.Write(nil, now)
	}
	w.close()
}

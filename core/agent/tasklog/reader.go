package tasklog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// Options say what to read of a stream.
type Options struct {
	// Offset is where to begin, in bytes from the start of the task's output;
	// negative is from the end. What has been rotated away is skipped.
	Offset int64
	// Follow waits for more at the end, also for the first byte, until Ended is
	// closed and all that was written before has been read.
	Follow bool
	Ended  <-chan struct{}
}

// Reader reads a stream, also while it is written. Read returns io.EOF at the
// end, and the cause of the context's end after that.
type Reader struct {
	ctx    context.Context
	dir    string
	name   string
	config model.LogConfig
	follow bool
	ended  <-chan struct{}

	offset int64
	file   *os.File
	number int64 // of file
	watch  *watch
}

// Open returns a reader of the stream name in dir. Neither needs to exist yet.
// The config must be the one it is written with.
func Open(ctx context.Context, dir, name string, c model.LogConfig, o Options) (*Reader, error) {
	c.MaxFiles, c.MaxFileBytes = max(c.MaxFiles, 1), max(c.MaxFileBytes, 1)
	r := &Reader{
		ctx: ctx, dir: dir, name: name, config: c,
		follow: o.Follow, ended: o.Ended, offset: o.Offset, number: -1,
	}
	if o.Offset < 0 {
		kept, err := r.kept()
		if err != nil {
			return nil, err
		}
		r.offset = max(kept.first, kept.end+o.Offset)
	}
	return r, nil
}

// Offset is where the next byte read is in the task's output.
func (r *Reader) Offset() int64 { return r.offset }

// Close ends the reader.
func (r *Reader) Close() error {
	if r.file != nil {
		r.file.Close()
	}
	if r.watch != nil {
		r.watch.close()
	}
	return nil
}

// Read reads what there is, or waits if it follows.
func (r *Reader) Read(p []byte) (int, error) {
	for {
		if r.ctx.Err() != nil {
			return 0, context.Cause(r.ctx)
		}
		over := r.over() // before reading: what came before it must still be read
		n, err := r.readOnce(p)
		if n > 0 || err != nil {
			return n, err
		}
		if over {
			return 0, io.EOF
		}
		if err := r.wait(); err != nil {
			return 0, err
		}
	}
}

// over reports whether nothing more will be written.
func (r *Reader) over() bool {
	if !r.follow {
		return true
	}
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// readOnce reads from the current place, moving on over files. It returns 0, nil
// at the end.
func (r *Reader) readOnce(p []byte) (int, error) {
	for {
		number := r.offset / r.config.MaxFileBytes
		if err := r.open(number); err != nil {
			if !missing(err) {
				return 0, fmt.Errorf("read log: %w", err)
			}
			skipped, err := r.skip(number)
			if !skipped || err != nil {
				return 0, err
			}
			continue
		}
		at := r.offset % r.config.MaxFileBytes
		part := p[:min(int64(len(p)), r.config.MaxFileBytes-at)]
		n, err := r.file.ReadAt(part, at)
		r.offset += int64(n)
		if n > 0 {
			return n, nil
		}
		if err != nil && err != io.EOF {
			return 0, fmt.Errorf("read log: %w", err)
		}
		return 0, nil
	}
}

// open makes number the open file.
func (r *Reader) open(number int64) error {
	if r.file != nil && r.number == number {
		return nil
	}
	f, err := os.Open(r.path(number))
	if err != nil {
		return err
	}
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.number = f, number
	return nil
}

func (r *Reader) path(number int64) string {
	return filepath.Join(r.dir, r.name+"."+strconv.FormatInt(number, 10))
}

// skip moves on to the oldest byte that is kept, if number has been removed.
func (r *Reader) skip(number int64) (bool, error) {
	kept, err := r.kept()
	if err != nil || kept.first <= r.offset {
		return false, err
	}
	r.offset = kept.first
	return true, nil
}

// missing reports whether there is no such file. A file where a directory above
// it would be is what remains of a task that left nothing.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// extent is which bytes of a stream there are: first ≤ offset < end.
type extent struct{ first, end int64 }

// kept returns what is in the directory.
func (r *Reader) kept() (extent, error) {
	entries, err := os.ReadDir(r.dir)
	if missing(err) {
		return extent{}, nil
	}
	if err != nil {
		return extent{}, fmt.Errorf("read log: %w", err)
	}
	oldest, newest := int64(-1), int64(-1)
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), r.name+".")
		n, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || n < 0 {
			continue
		}
		if oldest < 0 || n < oldest {
			oldest = n
		}
		newest = max(newest, n)
	}
	if newest < 0 {
		return extent{}, nil
	}
	info, err := os.Stat(r.path(newest))
	if err != nil {
		return extent{}, fmt.Errorf("read log: %w", err)
	}
	return extent{oldest * r.config.MaxFileBytes, newest*r.config.MaxFileBytes + info.Size()}, nil
}

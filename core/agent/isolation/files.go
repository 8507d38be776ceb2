package isolation

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

func mkdir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make cgroup: %w", err)
	}
	return nil
}

// write sets a cgroup file. It never creates one. It goes around os.File, which
// takes the EAGAIN of memory.reclaim for a reason to wait.
func write(dir, file, value string) error {
	path := filepath.Join(dir, file)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	for {
		_, err = unix.Write(fd, []byte(value))
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// procs returns the processes of a cgroup; of one that is gone, none.
func procs(dir string) ([]int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for f := range bytes.FieldsSeq(b) {
		pid, err := strconv.Atoi(string(f))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", dir, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// counter is an open cgroup file that holds numbers; reading it costs one
// system call. Zero reads as zero: a file of a controller that the host lacks.
type counter int

func openCounter(dir, file string, flag int) counter {
	fd, err := unix.Open(filepath.Join(dir, file), flag|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	return counter(fd)
}

func (c counter) close() {
	if c != 0 {
		unix.Close(int(c))
	}
}

func (c counter) set(value string) error {
	if c == 0 {
		return nil
	}
	_, err := unix.Pwrite(int(c), []byte(value), 0)
	return err
}

// value returns the file's only number, 0 for "max" or a missing file.
func (c counter) value() int64 {
	var buf [32]byte
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(c.read(buf[:]))), 10, 64)
	return n
}

// field returns the number after key in a file of "key number" lines.
func (c counter) field(key string) int64 {
	var buf [1024]byte
	for line := range bytes.Lines(c.read(buf[:])) {
		k, v, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		if string(k) == key {
			n, _ := strconv.ParseInt(string(v), 10, 64)
			return n
		}
	}
	return 0
}

func (c counter) read(buf []byte) []byte {
	if c == 0 {
		return nil
	}
	n, err := unix.Pread(int(c), buf, 0)
	if err != nil {
		return nil
	}
	return buf[:n]
}

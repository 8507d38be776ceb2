package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// dirLock is an flock on a file in a data directory: the kernel lets go of it
// however the process ends. The file holds the owner's process id.
type dirLock struct{ file *os.File }

func lockDir(dir string) (*dirLock, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "LOCK")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("use data directory %q: %w", dir, err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		file.Close()
		return nil, model.Refuse(model.ReasonConflict, "data directory %s is in use by another tender%s; stop that one or choose another directory", dir, owner(path))
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock data directory %q: %w", dir, err)
	}
	if err := writeOwner(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("use data directory %q: %w", dir, err)
	}
	return &dirLock{file}, nil
}

func writeOwner(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// owner names the process that holds the lock, if it has got round to saying so.
func owner(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
		return fmt.Sprintf(" (pid %d)", pid)
	}
	return ""
}

// release gives the lock up. The file stays: removing it would let two processes
// lock two files of the same name.
func (l *dirLock) release() { l.file.Close() }

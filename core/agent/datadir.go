package agent

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// Names in the data directory.
const (
	lockName    = "LOCK"       // held by the agent, says which process that is
	metaName    = "agent.json" // Meta
	contactName = "contact"    // its time is that of the last contact with a master
	jobsName    = "jobs"       // a directory per executor, named by its ExecID
	sparesName  = "spares"     // directories of executors that have no job yet
	trashName   = "trash"      // executors' directories on their way out
	logName     = "executors.log"
)

// Names in an executor's directory, besides those of core/agent/executor.
const (
	specName    = "job.json" // what to run, as the master sent it
	settledName = "settled"  // there if nothing in state.log is to be reported
)

// dataDir is an agent's directory, locked by this process.
type dataDir struct {
	path string
	lock *os.File
	meta Meta // as at the start

	discarded int      // directories, by this process
	named     struct { // by RemoveSandbox
		id     ExecID
		groups []string
	}
}

var (
	_ Store = (*dataDir)(nil)
	_ Files = (*dataDir)(nil)
)

// openDataDir makes the directory if it is missing, locks it, and counts this
// start of the agent.
func openDataDir(path string) (*dataDir, error) {
	for _, dir := range []string{path, filepath.Join(path, jobsName), filepath.Join(path, sparesName), filepath.Join(path, trashName)} {
		// Tasks of other users must be able to reach their sandboxes below it.
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make data directory %q: %w", path, err)
		}
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.load(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// lockPatience bridges the moment in which a process that a killed agent was just
// starting has not let go of what it inherited.
const lockPatience = time.Second

// lockDir locks the directory, or says who else has it. The lock ends with the
// process; executors do not inherit it.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock data directory %q: %w", path, err)
	}
	deadline := time.Now().Add(lockPatience)
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	for errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock data directory %q: %w", path, err)
		}
		holder, _ := os.ReadFile(f.Name())
		return nil, fmt.Errorf("data directory %q already in use by process %s: each agent needs one of its own",
			path, cmp.Or(strings.TrimSpace(string(holder)), "unknown"))
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintln(f, os.Getpid())
	}
	return f, nil
}

func (d *dataDir) close() error { return d.lock.Close() }

// load reads Meta, or makes it for a new agent, and raises the boot count.
func (d *dataDir) load() error {
	b, err := os.ReadFile(d.file(metaName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read the agent's state: %w", err)
	default:
		if err := json.Unmarshal(b, &d.meta); err != nil {
			return fmt.Errorf("read the agent's state in %q: %w; move the file away to start as a new agent", d.file(metaName), err)
		}
	}
	if d.meta.AgentID == "" {
		d.meta.AgentID = newAgentID()
	}
	d.meta.Boot++
	return d.Save(d.meta)
}

func newAgentID() model.AgentID {
	var b [8]byte
	rand.Read(b[:])
	return model.AgentID(hex.EncodeToString(b[:]))
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// executorDir is the directory of an executor.
func (d *dataDir) executorDir(id ExecID) string {
	return filepath.Join(d.path, jobsName, id.String())
}

// Save implements Store. If there is no room for a new file the old one is
// overwritten in place, which needs none.
func (d *dataDir) Save(m Meta) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	path := d.file(metaName)
	if err = replaceFile(path, b); errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		err = overwriteFile(path, b)
	}
	return err
}

func replaceFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncDir(filepath.Dir(path))
}

func overwriteFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Truncate(int64(len(b))), f.Sync(), f.Close())
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Contact implements Store.
func (d *dataDir) Contact(at time.Time) error {
	path := d.file(contactName)
	err := os.Chtimes(path, at, at)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.WriteFile(path, nil, 0o644); err == nil {
			err = os.Chtimes(path, at, at)
		}
	}
	return err
}

// lastContact returns what Contact was last told, zero if nothing.
func (d *dataDir) lastContact() time.Time {
	st, err := os.Stat(d.file(contactName))
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

// Settle implements Store.
func (d *dataDir) Settle(id ExecID) error {
	err := os.WriteFile(filepath.Join(d.executorDir(id), settledName), nil, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its executor never came to be
	}
	return err
}

// Discard implements Store.
func (d *dataDir) Discard(id ExecID) error {
	d.discarded++
	to := filepath.Join(d.file(trashName), fmt.Sprintf("%s.%d.%d", id, d.meta.Boot, d.discarded))
	err := os.Rename(d.executorDir(id), to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sweep implements Files.
func (d *dataDir) Sweep() error {
	entries, err := os.ReadDir(d.file(trashName))
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(d.file(trashName), e.Name())))
	}
	return err
}

// forget removes everything but the lock.
func (d *dataDir) forget() error {
	var errs []error
	for _, name := range []string{metaName, contactName, jobsName, sparesName, trashName, logName, logName + ".1"} {
		errs = append(errs, os.RemoveAll(d.file(name)))
	}
	return errors.Join(errs...)
}

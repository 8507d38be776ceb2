package isolation

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Joined is a process that was started beside a task's main one.
type Joined struct {
	cell *Cell
	pid  int // of its session and process group too
}

// Join starts cmd beside the task that runs in the cell: in the same groups and
// namespaces, in a session of its own. It ends with the task, if not before. The
// caller sees to it that the task is not reported as over meanwhile. done is
// called once, on the reaper's goroutine.
func (c *Cell) Join(cmd *Command, done func(Exit)) (*Joined, error) {
	attr := c.attr(cmd)
	attr.Sys.Setctty = cmd.Terminal
	var pid int
	var err error
	c.onThread(func() {
		pid, err = c.reaper.Start(
			func() (int, error) { return syscall.ForkExec(cmd.Path, cmd.Args, attr) },
			done, c.host.Mode == ModeNone)
	})
	if err != nil {
		return nil, err
	}
	return &Joined{cell: c, pid: pid}, nil
}

// attr is how a process of the cell is forked.
func (c *Cell) attr(cmd *Command) *syscall.ProcAttr {
	attr := &syscall.ProcAttr{
		Dir: cmd.Dir, Env: cmd.Env, Files: cmd.Files,
		Sys: &syscall.SysProcAttr{Setsid: true, Credential: cmd.Credential},
	}
	if c.Group.spawn >= 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, c.Group.spawn
	}
	if !c.namespaces {
		// In a namespace the init's end takes everything along.
		attr.Sys.Pdeathsig = syscall.SIGKILL
	}
	return attr
}

// Pid is the process's number outside of its namespace.
func (j *Joined) Pid() int { return j.pid }

// Signal sends sig to the process's group. To one that has ended it does nothing.
func (j *Joined) Signal(sig unix.Signal) error {
	err := j.cell.reaper.Signal(j.pid, sig, true)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// Kill sends SIGKILL to every process of its session, once. What made itself a
// session of its own, a daemon, goes on until the task ends.
func (j *Joined) Kill() error {
	pids, err := j.cell.Group.tree.Pids()
	for _, pid := range pids {
		killOfSession(pid, j.pid)
	}
	return errors.Join(err, j.Signal(unix.SIGKILL))
}

// killOfSession kills pid if it belongs to the session. Looking after the process
// is held keeps the signal from a stranger that has its number by then.
func killOfSession(pid, session int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if sid, err := unix.Getsid(pid); err == nil && sid == session {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}

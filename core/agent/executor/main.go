package executor

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// Arguments with which main must call Main and InitMain before anything else.
const (
	MainCommand = "__executor"
	InitCommand = isolation.InitCommand
)

// options are the executor's flags.
type options struct {
	dir    string
	ready  int // file descriptor
	cgroup string
	warm   bool

	filter  bool // bound the devices of driver exec's tasks
	devices []string
}

// Main is the executor's process: args are the flags after __executor. It
// returns the exit code. Standard error takes what goes wrong.
func Main(args []string) int {
	var o options
	f := flag.NewFlagSet("tender "+MainCommand, flag.ContinueOnError)
	f.StringVar(&o.dir, "dir", "", "the directory, which becomes the job's; the socket to listen at is in it")
	f.IntVar(&o.ready, "ready", -1, "file descriptor that is closed after a byte was written to it, once it listens")
	f.StringVar(&o.cgroup, "cgroup", "", "cgroup of the tasks, relative to the tree; default the adopted job's")
	f.BoolVar(&o.warm, "warm", true, "make a slot for driver exec before it is needed")
	f.Func("devices", "let tasks of driver exec open, besides the usual devices and their own, only nodes of these comma-separated patterns", func(v string) error {
		o.filter, o.devices = true, strings.FieldsFunc(v, func(r rune) bool { return r == ',' })
		return nil
	})
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if o.dir == "" {
		fmt.Fprintln(os.Stderr, "tender: __executor is for the agent's own use; it needs --dir")
		return 2
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := serve(&o, log); err != nil {
		log.Error("executor ends", "error", err)
		return 1
	}
	return 0
}

// InitMain is the first process of a task's pid namespace; see isolation.InitMain.
func InitMain(args []string) int { return isolation.InitMain(args) }

// serve is Main after its flags.
func serve(o *options, log *slog.Logger) (err error) {
	_, _ = unix.Setsid() // fails only if the agent has done it already
	unix.Umask(0o022)
	// A small heap that is collected rarely: what is allocated per task is soon
	// garbage, and a collection stops for every fork in flight.
	debug.SetGCPercent(400)
	host, err := isolation.Detect()
	if err != nil {
		return err
	}
	for _, w := range host.Warnings {
		log.Warn(w)
	}
	devices, err := o.bound(host)
	if err != nil {
		return err
	}
	reaper, err := isolation.StartReaper()
	if err != nil {
		return err
	}
	in := newInbox()
	pool := newPool(host, reaper, log)
	pool.rel = o.cgroup
	l := &loop{inbox: in, log: log, runner: newRunner(in, pool, log)}
	l.runner.devices = devices
	if l.server, err = listen(filepath.Join(o.dir, SocketName), in); err != nil {
		return err
	}
	defer l.server.close()
	if o.ready >= 0 {
		ready := os.NewFile(uintptr(o.ready), "ready")
		_, err := ready.Write([]byte{1})
		if err = errors.Join(err, ready.Close()); err != nil {
			return fmt.Errorf("tell the agent that the executor listens: %w", err)
		}
	}
	prepareDir(o.dir)
	go awaitSignals(in)
	if o.warm && o.cgroup != "" && host.Namespaces && host.Mode != isolation.ModeNone {
		pool.warm(model.DriverExec)
	}
	err = l.run()
	if l.state != nil {
		l.flush()
		l.state.close()
	}
	err = errors.Join(err, pool.close())
	if l.runner.sandboxes != nil {
		l.runner.sandboxes.nursery.close()
	}
	if host.Mode == isolation.ModeNone {
		reaper.KillOrphans()
	}
	return err
}

// bound returns what every task of driver exec may open; nil = everything.
func (o *options) bound(host *isolation.Host) (*isolation.Devices, error) {
	if !o.filter || host.FilterDevices() != nil {
		return nil, nil // the agent has said so at its start
	}
	return isolation.NewDevices(o.devices...)
}

// awaitSignals ends the executor when it is told to from outside. The others
// are a terminal's business and meant for somebody else. They are caught, not
// ignored: tasks would inherit that, and also what the agent inherited.
func awaitSignals(in *inbox) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGPIPE)
	for s := range c {
		if s == unix.SIGTERM {
			in.put(terminate{"SIGTERM"})
		}
	}
}

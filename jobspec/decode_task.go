package jobspec

import (
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Defaults of a task, as Nomad's.
const (
	defaultKillTimeout  = model.Duration(5 * time.Second)
	defaultKillSignal   = "SIGTERM"
	defaultLogFiles     = 10
	defaultLogFileBytes = 10 << 20
)

func newTask(name string) model.TaskSpec {
	return model.TaskSpec{
		Name: name, Driver: model.DriverExec,
		KillTimeout: defaultKillTimeout, KillSignal: defaultKillSignal,
		Resources: model.TaskResources{CPUMilli: model.DefaultCPUMilli, MemoryBytes: model.DefaultMemoryBytes},
		Logs:      model.LogConfig{MaxFiles: defaultLogFiles, MaxFileBytes: defaultLogFileBytes},
	}
}

// task decodes a task block. The open block is returned for the parts that
// concern the group.
func (d *decoder) task(b block, path string) (model.TaskSpec, *node) {
	n := d.open(b, taskShape, path)
	t := newTask(n.label())
	n.text("driver", &t.Driver)
	n.text("user", &t.User)
	n.textMap("env", true, &t.Env)
	n.textMap("meta", false, &t.Meta)
	n.duration("kill_timeout", &t.KillTimeout)
	if n.text("kill_signal", &t.KillSignal) {
		t.KillSignal = canonicalSignal(t.KillSignal)
	}
	n.duration("shutdown_delay", &t.ShutdownDelay)
	n.flag("leader", &t.Leader)
	t.Constraints, t.Affinities = n.constraints(), n.affinities()
	n.config(&t)
	if r := n.one("resources", resourcesShape, n.field("resources")); r != nil {
		r.resources(&t.Resources)
	}
	n.artifacts(&t)
	n.templates(&t)
	if l := n.one("logs", logsShape, n.field("logs")); l != nil {
		l.whole("max_files", &t.Logs.MaxFiles)
		l.size("max_file_size", "max_file_bytes", &t.Logs.MaxFileBytes)
		l.flag("disabled", &t.Logs.Disabled)
	}
	if l := n.one("lifecycle", lifecycleShape, n.field("lifecycle")); l != nil {
		t.Lifecycle = &model.Lifecycle{}
		l.text("hook", &t.Lifecycle.Hook)
		l.flag("sidecar", &t.Lifecycle.Sidecar)
	}
	return t, n
}

// config reads the config block, whose names are those of exec and raw_exec. A
// driver that is refused anyway has names of its own, which are not reported.
func (n *node) config(t *model.TaskSpec) {
	if _, foreign := foreignDrivers[t.Driver]; foreign || n.d.bad[n.field("driver")] {
		n.d.bad[n.field("config")] = true
		return
	}
	c := n.one("config", configShape, n.field("config"))
	if c == nil {
		if n.d.broken {
			n.d.bad[n.field("config")] = true
		}
		return
	}
	c.liveText("command", &t.Config.Command)
	c.texts("args", &t.Config.Args)
	c.liveText("script", &t.Config.Script)
	c.liveText("work_dir", &t.Config.WorkDir)
}

// canonicalSignal gives "TERM" and "sigterm" the name "SIGTERM".
func canonicalSignal(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s != "" && !strings.HasPrefix(s, "SIG") {
		s = "SIG" + s
	}
	return s
}

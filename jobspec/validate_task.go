package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

var drivers = []string{model.DriverExec, model.DriverRawExec}

// foreignDrivers are known and not here, with what to use instead.
var foreignDrivers = map[string]string{
	"oci":         `containers are not supported yet; use driver = "exec" and install the program on the agents, or ship it as an artifact`,
	"docker":      `containers are not supported yet; use driver = "exec" and install the program on the agents, or ship it as an artifact`,
	"podman":      `containers are not supported yet; use driver = "exec" and install the program on the agents, or ship it as an artifact`,
	"containerd":  `containers are not supported yet; use driver = "exec" and install the program on the agents, or ship it as an artifact`,
	"singularity": `containers are not supported yet; use driver = "exec" with command = "apptainer"`,
	"apptainer":   `use driver = "exec" with command = "apptainer"`,
	"java":        `use driver = "exec" with command = "java" and args = ["-jar", …]`,
	"qemu":        `use driver = "exec" with command = "qemu-system-x86_64"`,
	"exec2":       `use driver = "exec"`,
	"raw-exec":    `write driver = "raw_exec"`,
	"shell":       `use driver = "exec" with script = <<EOT … EOT`,
}

const (
	maxArgs        = 10_000
	maxEnv         = 10_000
	maxFilesOfTask = 1000 // artifacts, and templates
	maxLogFiles    = 1000
	minLogBytes    = 4 << 10
	minMemoryBytes = 1 << 20
	maxCPUMilli    = 1_000_000 * 1000
	maxPids        = 4 << 20 // the kernel's PID_MAX_LIMIT
	maxKillTimeout = model.Duration(24 * 3600 * 1e9)
)

func (c *checker) task(path string, t *model.TaskSpec) {
	c.name(path+".name", "a task", t.Name)
	c.driver(path, t)
	c.plainText(path+".user", "user", t.User)
	c.env(path+".env", t.Env)
	c.resources(path+".resources", &t.Resources)
	c.constraints(path, t.Constraints, placeTask)
	c.affinities(path, t.Affinities)
	if n := len(t.Artifacts); n > maxFilesOfTask {
		c.fail(path+".artifacts", fmt.Sprintf("the task has %d artifacts; it may have %d", n, maxFilesOfTask), "pack them into one archive")
	} else {
		for i := range t.Artifacts {
			c.artifact(fmt.Sprintf("%s.artifacts[%d]", path, i), &t.Artifacts[i])
		}
	}
	if n := len(t.Templates); n > maxFilesOfTask {
		c.fail(path+".templates", fmt.Sprintf("the task has %d templates; it may have %d", n, maxFilesOfTask), "")
	} else {
		for i := range t.Templates {
			c.template(fmt.Sprintf("%s.templates[%d]", path, i), &t.Templates[i])
		}
	}
	c.duration(path+".kill_timeout", "kill_timeout", t.KillTimeout)
	if t.KillTimeout > maxKillTimeout {
		c.fail(path+".kill_timeout", "kill_timeout is more than a day", "")
	}
	c.shutdownDelay(path+".shutdown_delay", t.ShutdownDelay)
	c.signal(path+".kill_signal", t.KillSignal)
	c.logs(path+".logs", t.Logs)
	c.lifecycle(path, t)
	c.meta(path+".meta", t.Meta)
}

func (c *checker) driver(path string, t *model.TaskSpec) {
	if slices.Contains(drivers, t.Driver) {
		c.config(path+".config", &t.Config)
		return
	}
	message := fmt.Sprintf("there is no driver %q; a driver is %s", t.Driver, orList(drivers))
	if instead, ok := foreignDrivers[t.Driver]; ok {
		c.fail(path+".driver", fmt.Sprintf("driver %q is not supported", t.Driver), instead)
		return
	}
	c.fail(path+".driver", message, didYouMean(t.Driver, drivers))
}

func (c *checker) config(path string, cfg *model.TaskConfig) {
	switch {
	case cfg.Command == "" && cfg.Script == "":
		c.fail(path, "the task has nothing to run", `write config { command = "/bin/echo" } or config { script = <<EOT … EOT }`)
	case cfg.Command != "" && cfg.Script != "":
		c.fail(path+".script", "a task has either command or script", "remove one of them")
	}
	if strings.TrimSpace(cfg.Command) == "" && cfg.Command != "" {
		c.fail(path+".command", "command is blank", "")
	}
	if hint := shellLine(cfg); hint != "" {
		c.fail(path+".command", fmt.Sprintf("command %q is one program without its arguments", cfg.Command), hint)
	}
	if len(cfg.Args) > maxArgs {
		c.fail(path+".args", fmt.Sprintf("there are %d args; there may be %d", len(cfg.Args), maxArgs), "pass a list in a file: use template")
	}
	c.plainText(path+".command", "command", cfg.Command)
	c.plainText(path+".script", "script", cfg.Script)
	c.plainText(path+".work_dir", "work_dir", cfg.WorkDir)
	for i, a := range cfg.Args {
		c.plainText(fmt.Sprintf("%s.args[%d]", path, i), "an argument", a)
	}
	if escapes(cfg.WorkDir) {
		c.fail(path+".work_dir", fmt.Sprintf("work_dir %q leaves the task's directory", cfg.WorkDir), "write an absolute path, or one below the task's directory")
	}
}

// shellLine recognises a whole shell line in command, such as "echo hello", and
// says how to write it. A path may hold spaces, so a command with a slash in
// its last word is left alone.
func shellLine(cfg *model.TaskConfig) string {
	words := strings.Fields(cfg.Command)
	if len(words) < 2 || len(cfg.Args) > 0 || strings.HasPrefix(cfg.Command, "/") && !shellLike(words[1]) {
		return ""
	}
	var args []string
	for _, w := range words[1:] {
		args = append(args, quote(w))
	}
	if strings.ContainsAny(cfg.Command, "|;&<>$`'\"*") {
		return "a shell line goes into script = <<EOT … EOT"
	}
	return fmt.Sprintf("write command = %q and args = [%s]", words[0], strings.Join(args, ", "))
}

func shellLike(word string) bool { return strings.HasPrefix(word, "-") || strings.HasPrefix(word, "|") }

func (c *checker) env(path string, env map[string]string) {
	if len(env) > maxEnv {
		c.fail(path, fmt.Sprintf("env has %d names; it may have %d", len(env), maxEnv), "")
		return
	}
	for _, name := range sortedKeys(env) {
		if !envSyntax().MatchString(name) {
			c.fail(path+"."+name, fmt.Sprintf("%q cannot name an environment variable", name), "")
		}
		c.plainText(path+"."+name, "env "+name, env[name])
	}
}

// signals that ask a process to end, or that programs use to be told so.
var signals = []string{
	"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGABRT", "SIGALRM", "SIGCONT", "SIGWINCH", "SIGPIPE",
}

func (c *checker) signal(path, name string) {
	if !slices.Contains(signals, name) {
		c.fail(path, fmt.Sprintf("kill_signal %q is not a signal that can end a task", name), orElse(didYouMean(name, signals), "one of "+orList(signals)))
	}
}

func (c *checker) logs(path string, l model.LogConfig) {
	if l.Disabled && l.MaxFiles == 0 && l.MaxFileBytes == 0 {
		return
	}
	c.between(path+".max_files", "max_files", int64(l.MaxFiles), 1, maxLogFiles)
	c.bytesBetween(path+".max_file_bytes", "max_file_size", l.MaxFileBytes, minLogBytes, maxSizeBytes)
}

var hooks = []string{"prestart", "poststart", "poststop"}

func (c *checker) lifecycle(path string, t *model.TaskSpec) {
	if t.Lifecycle == nil {
		return
	}
	c.oneOf(path+".lifecycle.hook", "hook", t.Lifecycle.Hook, hooks)
	if t.Lifecycle.Hook == "poststop" && t.Lifecycle.Sidecar {
		c.fail(path+".lifecycle.sidecar", "a poststop task cannot be a sidecar", "it starts when the main tasks have ended")
	}
	if t.Leader {
		c.fail(path+".leader", "a task with a lifecycle hook cannot be the leader", "")
	}
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

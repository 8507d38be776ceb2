package executor

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// rig is an executor process with an agent's connection to it. At the test's end
// the executor is told to end, and then nothing may be left of it: no process,
// no cgroup, no mount.
type rig struct {
	testing.TB
	host   *isolation.Host
	cgroup string
	dir    string // the job's
	spare  string // its directory before it has a job
	cmd    *exec.Cmd
	stderr bytes.Buffer
	conn   *Conn
	user   *syscall.Credential // that it runs as; nil = root
	ended  bool
	args   []string // more of its flags

	state   *execpb.State
	states  map[lifecycle.Key][]model.TaskState
	last    map[lifecycle.Key]*execpb.Update // terminal ones
	seqs    []uint64                         // in the order in which they came
	healths []*execpb.Update                 // with news of health
	acks    bool                             // acknowledge what comes
	unacked []uint64

	messages []*execpb.JobMessage
	wanted   []bool // samples of GPUs
}

var rigs int

// newSpare starts an executor without a job and says hello. Before that, prepare
// may do something about the directories.
func newSpare(t testing.TB, prepare ...func(*rig)) *rig {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the exec driver needs root")
	}
	host, err := isolation.Detect()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Prepare(); err != nil {
		t.Fatal(err)
	}
	rigs++
	r := &rig{
		TB: t, host: host, cgroup: fmt.Sprintf("test-executor-%d-%d", os.Getpid(), rigs), acks: true,
		states: map[lifecycle.Key][]model.TaskState{}, last: map[lifecycle.Key]*execpb.Update{},
	}
	dir, err := os.MkdirTemp("", "tender-executor-")
	if err != nil {
		t.Fatal(err)
	}
	r.dir, r.spare = filepath.Join(dir, "job"), filepath.Join(dir, "spare")
	t.Cleanup(func() {
		r.end()
		r.checkLeaks()
		os.RemoveAll(dir)
	})
	for _, f := range prepare {
		f(r)
	}
	r.must(os.Mkdir(r.spare, 0o755))
	if u := r.user; u != nil {
		r.must(os.Chown(r.spare, int(u.Uid), int(u.Gid)))
	}
	r.cmd = exec.Command("/proc/self/exe", append([]string{MainCommand, "--dir", r.spare, "--cgroup", r.cgroup}, r.args...)...)
	r.cmd.Stderr = &r.stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: r.user}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.connect(filepath.Join(r.spare, SocketName))
	return r
}

// newRig starts an executor and gives it a job.
func newRig(t testing.TB, job *model.Job) *rig {
	t.Helper()
	r := newSpare(t)
	r.adopt(job)
	return r
}

func (r *rig) adopt(job *model.Job) {
	r.Helper()
	spec, err := json.Marshal(job)
	if err != nil {
		r.Fatal(err)
	}
	r.must(os.Rename(r.spare, r.dir))
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Adopt{Adopt: &execpb.Adopt{
		Job: "j1", Spec: spec, Dir: r.dir,
		Attributes: map[string]string{"node.unique.name": "n1", "attr.cpu.arch": "amd64"},
		Env:        map[string]string{"SITE": "lab"},
	}}})
	r.awaitState()
	if r.state.Error != "" {
		r.Fatal(r.state.Error)
	}
}

// connect makes an agent's connection, as soon as there is somebody.
func (r *rig) connect(sock string) {
	r.Helper()
	for try := 0; ; try++ {
		conn, err := Dial(sock)
		if err == nil {
			r.conn = conn
			break
		}
		if try > 10_000 {
			r.Fatalf("%v; it says %s", err, &r.stderr)
		}
		unix.Poll(nil, 1)
	}
	r.hello(time.Minute)
	r.awaitState()
}

func (r *rig) hello(recovery time.Duration) {
	r.Helper()
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Hello{Hello: &execpb.Hello{AgentId: "a", RecoveryTimeoutNs: int64(recovery)}}})
}

// reconnect plays an agent that comes back.
func (r *rig) reconnect() {
	r.Helper()
	r.conn.Close()
	r.connect(filepath.Join(r.dir, SocketName))
}

// sync returns once the executor has handled everything that was sent before:
// what an agent said last before another came is dropped.
func (r *rig) sync() {
	r.Helper()
	r.hello(time.Minute)
	r.awaitState()
}

func (r *rig) send(m *execpb.ToExecutor) {
	r.Helper()
	if err := r.conn.Send(m); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) launch(group uint32, indices ...uint32) {
	r.Helper()
	r.launchWith(&execpb.Launch{Group: group, Indices: indices})
}

func (r *rig) launchWith(l *execpb.Launch) {
	r.Helper()
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Launch{Launch: l}})
}

func (r *rig) kill(k *execpb.Kill) {
	r.Helper()
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Kill{Kill: k}})
}

func (r *rig) exit(force bool) {
	r.Helper()
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Exit{Exit: &execpb.Exit{Force: force}}})
}

// receive takes in one message.
func (r *rig) receive() error {
	m, err := r.conn.Recv()
	if err != nil {
		return err
	}
	if s := m.GetState(); s != nil {
		r.state = s
	}
	if w := m.GetGpuWanted(); w != nil {
		r.wanted = append(r.wanted, w.On)
	}
	if j := m.GetJobMessage(); j != nil {
		r.messages = append(r.messages, j)
	}
	for _, u := range m.GetUpdates().GetUpdates() {
		k, s := taskKey(u.Task), model.TaskState(u.Task.State)
		r.states[k] = append(r.states[k], s)
		r.seqs = append(r.seqs, u.Seq)
		r.unacked = append(r.unacked, u.Seq)
		if u.Health != nil {
			r.healths = append(r.healths, u)
		}
		if s.Terminal() {
			r.last[k] = u
		}
	}
	if r.acks {
		r.acknowledge()
	}
	return nil
}

func (r *rig) acknowledge() {
	if len(r.unacked) > 0 {
		r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Acknowledge{Acknowledge: &execpb.Acknowledge{Seqs: r.unacked}}})
		r.unacked = nil
	}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%v; the executor says %s", err, &r.stderr)
	}
}

func (r *rig) awaitState() {
	r.Helper()
	for r.state = nil; r.state == nil; {
		r.must(r.receive())
	}
}

// await returns an attempt's terminal update.
func (r *rig) await(k lifecycle.Key) *execpb.Update {
	r.Helper()
	for r.last[k] == nil {
		r.must(r.receive())
	}
	return r.last[k]
}

// awaitReached waits until an attempt was reported to be in a state.
func (r *rig) awaitReached(k lifecycle.Key, s model.TaskState) {
	r.Helper()
	for !slices.Contains(r.states[k], s) {
		r.must(r.receive())
	}
}

// run launches allocation 0 of a group and returns its end.
func (r *rig) run(group uint16) *execpb.Update {
	r.Helper()
	r.launch(uint32(group), 0)
	return r.await(lifecycle.Key{Group: group})
}

// awaitFile waits until a file in the sandbox of allocation 0 has content.
func (r *rig) awaitFile(name string) string {
	r.Helper()
	path := filepath.Join(r.sandbox("g", 0), name)
	for {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			return strings.TrimSpace(string(b))
		}
		unix.Poll(nil, 1)
	}
}

func (r *rig) sandbox(group string, index uint32) string {
	return SandboxDir(r.dir, group, index, 0)
}

// output is what a task of allocation 0 printed, of what is kept.
func (r *rig) output(stream string) string { return r.outputOf(lifecycle.Key{}, stream) }

func (r *rig) outputOf(k lifecycle.Key, stream string) string {
	files, _ := filepath.Glob(filepath.Join(LogDir(r.dir, "g", k.Index, k.Attempt), stream+".*"))
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		r.must(err)
		all = append(all, b...)
	}
	return string(all)
}

// end tells the executor to end at once and waits for it.
func (r *rig) end() {
	if r.ended || r.cmd.Process == nil {
		return
	}
	r.ended = true
	if r.conn != nil {
		r.conn.Send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Exit{Exit: &execpb.Exit{Force: true}}})
		defer r.conn.Close()
	}
	if err := r.cmd.Wait(); err != nil {
		r.Errorf("executor ends with %v: %s", err, &r.stderr)
	}
}

// wait waits for an executor that ends by itself.
func (r *rig) wait() error {
	r.ended = true
	return r.cmd.Wait()
}

// kill9 kills the executor as the kernel's OOM killer or an operator might.
func (r *rig) kill9() {
	r.Helper()
	r.must(r.cmd.Process.Kill())
	r.wait()
}

func (r *rig) checkLeaks() {
	tree := r.host.Tree(r.cgroup)
	for _, dir := range tree {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			r.Errorf("cgroup %s is left behind", dir)
		}
	}
	for try := 0; ; try++ {
		left := orphans()
		if len(left) == 0 {
			break
		}
		if try > 5000 {
			r.Errorf("processes are left behind: %q", left)
			break
		}
		unix.Poll(nil, 1)
	}
	if r.Failed() {
		r.Logf("the executor said %s", &r.stderr)
	}
	tree.Destroy(10 * time.Second)
}

// orphans collects children that have ended and returns the others' commands.
func orphans() []string {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err != nil || pid == 0 {
			break
		}
	}
	var found []string
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, l := range lists {
		b, _ := os.ReadFile(l)
		for pid := range strings.FieldsSeq(string(b)) {
			cmd, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			found = append(found, string(bytes.ReplaceAll(cmd, []byte{0}, []byte(" "))))
		}
	}
	return found
}

// sh is a job of one group with one task that runs a shell command.
func sh(script string, change ...func(*model.TaskSpec)) *model.Job {
	return job(shTask("t", script, change...))
}

func shTask(name, script string, change ...func(*model.TaskSpec)) model.TaskSpec {
	t := model.TaskSpec{
		Name: name, Driver: model.DriverExec,
		Config:      model.TaskConfig{Command: "/bin/sh", Args: []string{"-c", script}},
		Resources:   model.TaskResources{CPUMilli: 1000, MemoryBytes: 128 << 20},
		KillTimeout: model.Duration(30 * time.Second),
		Logs:        model.LogConfig{MaxFiles: 3, MaxFileBytes: 1 << 20},
	}
	for _, f := range change {
		f(&t)
	}
	return t
}

func job(tasks ...model.TaskSpec) *model.Job {
	return &model.Job{Name: "job", Type: model.JobBatch, Groups: []model.Group{{Name: "g", Count: 1, Tasks: tasks}}}
}

func raw(t *model.TaskSpec) { t.Driver = model.DriverRawExec }

// summary is a terminal update in a line.
func summary(u *execpb.Update) string {
	r := u.Result
	code := model.Result{ExitCode: int(r.ExitCode), Signal: int(r.Signal)}.Code()
	out := fmt.Sprintf("%s cause=%s code=%d", model.TaskState(u.Task.State), r.Cause, code)
	if reason := model.TaskReason(u.Reason); reason != model.ReasonNone {
		out += " " + strings.TrimPrefix(reason.String(), "REASON_")
	}
	if r.Task != "" {
		out += " task=" + r.Task
	}
	if u.Message != "" {
		out += ": " + u.Message
	}
	return out
}

func (r *rig) expect(u *execpb.Update, want string) {
	r.Helper()
	if got := summary(u); got != want {
		r.Errorf("ended as %q, want %q", got, want)
	}
}

func (r *rig) expectEOF() {
	r.Helper()
	for {
		if err := r.receive(); err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, unix.EPIPE) {
				r.Error(err)
			}
			return
		}
	}
}

package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/model"
)

// host is one machine: its clock, its disk, and what runs on it.
type host struct {
	w     *world
	num   int
	name  string
	clock hostClock
	info  model.AgentInfo // ID is that of the data directory
	up    bool

	// On disk.
	meta    agent.Meta
	contact time.Time // gone after a crash of the host
	dirs    map[agent.ExecID]*execDir
	crashed time.Duration // the last time the host did

	agent *agentProc // nil while none runs
}

func newHost(w *world, r random, num int) *host {
	cores := pick(r, []int64{2, 4, 4, 8, 8, 16})
	h := &host{w: w, num: num, name: fmt.Sprintf("host-%d", num), clock: newHostClock(r, 2), up: true}
	h.info = model.AgentInfo{
		Name: h.name,
		Capacity: model.Resources{
			CPUMilli: cores * 1000, MemoryBytes: cores * pick(r, []int64{2, 4, 8}) << 30, DiskBytes: 100 << 30,
		},
		Attributes: map[string]string{
			"node.unique.name": h.name,
			"attr.rack":        fmt.Sprintf("r%d", num%4),
			"attr.cpu.arch":    pick(r, []string{"amd64", "amd64", "arm64"}),
		},
		Version: "sim",
	}
	h.newDisk()
	return h
}

// newDisk is an empty data directory; an agent on it is another agent.
func (h *host) newDisk() {
	h.meta = agent.Meta{AgentID: model.AgentID(fmt.Sprintf("%s-%s", h.w.random.id(4), h.name))}
	h.dirs = map[agent.ExecID]*execDir{}
	h.contact = time.Time{}
	h.info.ID = h.meta.AgentID
	h.info.Attributes = maps.Clone(h.info.Attributes) // others have the old agent's
	h.info.Attributes["node.unique.id"] = string(h.info.ID)
	h.w.auditor.owner[h.info.ID] = h
}

func (h *host) time() time.Time { return h.clock.read(h.w.now) }

// sortedDirs are the executors' directories in a fixed order.
func (h *host) sortedDirs() []*execDir {
	out := make([]*execDir, 0, len(h.dirs))
	for _, d := range h.dirs {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *execDir) int {
		return cmp.Or(cmp.Compare(a.id.Job, b.id.Job), cmp.Compare(a.id.Gen, b.id.Gen))
	})
	return out
}

// crash ends everything on the host without a word. What was written last may
// not have reached the disk.
func (h *host) crash() {
	if !h.up {
		return
	}
	h.w.say(h.name, "the host crashes")
	if h.agent != nil {
		h.agent.die(true)
	}
	h.up = false
	h.crashed = h.w.now
	h.contact = time.Time{}
	for _, d := range h.sortedDirs() {
		if d.proc != nil {
			d.proc.die()
		}
		d.killProcesses("its host crashed")
		d.tear()
	}
}

// boot starts the host again.
func (h *host) boot(wiped bool) {
	if h.up {
		return
	}
	h.up = true
	if h.w.random.chance(0.3) {
		h.clock.jump(h.w.random.between(-10*time.Minute, 10*time.Minute))
	}
	if wiped {
		h.newDisk()
	}
	h.w.say(h.name, "the host is up%s", map[bool]string{true: " with an empty disk"}[wiped])
	h.startAgent()
}

// execDir is an executor's directory: its log, its tasks' sandboxes, and while
// it lives its process.
type execDir struct {
	h         *host
	id        agent.ExecID
	spec      *model.Job
	log       []logRecord
	settled   bool
	sandboxes map[model.TaskID]time.Time // when the task ended; zero = has not

	proc      *executor  // nil if it is dead
	processes []*process // of its tasks, also after its death
}

// logRecord is one line of state.log.
type logRecord struct {
	launched *execpb.Task
	update   *execpb.Update
	acked    uint64
}

// tear loses some of the last lines, as a host that crashes may.
func (d *execDir) tear() {
	if d.h.w.random.chance(0.5) {
		d.log = d.log[:len(d.log)-d.h.w.random.IntN(min(len(d.log), 5)+1)]
	}
}

// read is what an agent makes of the log.
func (d *execDir) read() agent.ExecutorLog {
	acked := map[uint64]bool{}
	state := map[model.TaskID]*execpb.Task{}
	var order []model.TaskID
	for _, r := range d.log {
		switch {
		case r.launched != nil:
			id := taskID(d.id.Job, r.launched)
			state[id] = r.launched
			order = append(order, id)
		case r.update != nil:
			state[taskID(d.id.Job, r.update.Task)] = r.update.Task
		default:
			acked[r.acked] = true
		}
	}
	var out agent.ExecutorLog
	unacked := map[model.TaskID]bool{}
	for _, r := range d.log {
		if u := r.update; u != nil && !acked[u.Seq] {
			out.Unacked = append(out.Unacked, u)
			unacked[taskID(d.id.Job, u.Task)] = true
		}
	}
	for _, id := range order {
		switch t := state[id]; {
		case !model.TaskState(t.State).Terminal():
			out.Live = append(out.Live, t)
		case !unacked[id]:
			out.Ended = append(out.Ended, t)
		}
	}
	return out
}

// endedSandboxes are those whose tasks have ended, oldest first.
func (d *execDir) endedSandboxes() []agent.EndedSandbox {
	var out []agent.EndedSandbox
	for id, at := range d.sandboxes {
		if !at.IsZero() {
			out = append(out, agent.EndedSandbox{Task: execTask(id, model.TaskUnknown), Ended: at})
		}
	}
	slices.SortFunc(out, func(a, b agent.EndedSandbox) int {
		return cmp.Or(a.Ended.Compare(b.Ended), taskID("", a.Task).Compare(taskID("", b.Task)))
	})
	return out
}

func taskID(job model.JobID, t *execpb.Task) model.TaskID {
	return model.TaskID{Job: job, Group: uint16(t.Group), Index: t.Index, Attempt: uint16(t.Attempt)}
}

func execTask(id model.TaskID, s model.TaskState) *execpb.Task {
	return &execpb.Task{Group: uint32(id.Group), Index: id.Index, Attempt: uint32(id.Attempt), State: uint32(s)}
}

// killProcesses ends every process of the directory's tasks at once.
func (d *execDir) killProcesses(why string) {
	for _, p := range slices.Clone(d.processes) {
		p.end(ending{killed: true, signal: 9, why: why})
	}
	d.processes = nil
}

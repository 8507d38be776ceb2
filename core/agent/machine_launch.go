package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// launch takes tasks over. Those that were handed over before are not started
// again, whatever became of them.
func (m *Machine) launch(l *agentpb.Launch) {
	if why := m.checkLaunch(l); why != "" {
		m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_LaunchRefused{
			LaunchRefused: &agentpb.LaunchRefused{Launch: l, Message: why},
		}})
		return
	}
	j := m.jobs[model.JobID(l.Job)]
	j.done = false
	fresh := &execpb.Launch{
		Group: l.Group, Indices: l.Indices, Attempts: l.Attempts,
		TimeLimitNs: l.TimeLimitNs, Env: l.Env, Grants: m.execGrants(l.Grants), Gang: execGang(l.Gang),
	}
	var repeated []taskKey
	for _, k := range launchKeys(fresh) {
		if !j.ran.add(k) {
			repeated = append(repeated, k)
			continue
		}
		m.live++
		j.tasks[k] = task{state: model.TaskStaging, given: m.now.UnixNano()}
		m.tally.launched++
	}
	if len(repeated) > 0 {
		fresh = withoutTasks(fresh, repeated)
		for _, k := range repeated {
			m.repeatState(j, k)
		}
	}
	if len(fresh.Indices) > 0 {
		j.waiting = append(j.waiting, fresh)
		m.pump(j)
	}
}

// checkLaunch says why a launch cannot be tried, "" if it can.
func (m *Machine) checkLaunch(l *agentpb.Launch) string {
	j := m.jobs[model.JobID(l.Job)]
	switch {
	case m.leaving != nil:
		return "the agent is stopping"
	case len(l.Attempts) != 0 && len(l.Attempts) != len(l.Indices):
		return fmt.Sprintf("launch names %d tasks but %d attempts", len(l.Indices), len(l.Attempts))
	case len(l.Grants) != 0 && len(l.Grants) != len(l.Indices):
		return fmt.Sprintf("launch names %d tasks but has devices and ports for %d", len(l.Indices), len(l.Grants))
	case j == nil || j.spec == nil && !j.takesTasks():
		return fmt.Sprintf("job %s is not known on this agent: its description must come first", l.Job)
	}
	for i := range max(len(l.Attempts), 1) {
		var attempt uint32
		if i < len(l.Attempts) {
			attempt = l.Attempts[i]
		}
		if _, ok := newKey(l.Group, 0, attempt); !ok {
			return fmt.Sprintf("launch with group %d and attempt %d: beyond 65535", l.Group, attempt)
		}
	}
	return ""
}

// takesTasks reports whether the job has an executor that needs no description
// of it any more.
func (j *job) takesTasks() bool {
	x := j.current()
	return x != nil && !x.exiting && x.state != execLost
}

// withoutTasks returns a copy of l that lacks some of its tasks.
func withoutTasks(l *execpb.Launch, drop []taskKey) *execpb.Launch {
	gone := make(map[taskKey]int, len(drop))
	for _, k := range drop {
		gone[k]++
	}
	out := &execpb.Launch{Group: l.Group, TimeLimitNs: l.TimeLimitNs, Env: l.Env, Gang: l.Gang}
	keys := launchKeys(l)
	// A task named twice is dropped once: from the end, where the repetition is.
	for i := len(keys) - 1; i >= 0; i-- {
		if gone[keys[i]] > 0 {
			gone[keys[i]]--
			continue
		}
		out.Indices = append(out.Indices, l.Indices[i])
		if len(l.Attempts) > 0 {
			out.Attempts = append(out.Attempts, l.Attempts[i])
		}
		if len(l.Grants) > 0 {
			out.Grants = append(out.Grants, l.Grants[i])
		}
	}
	slices.Reverse(out.Indices)
	slices.Reverse(out.Attempts)
	slices.Reverse(out.Grants)
	return out
}

// execGrants passes a launch's grants on to an executor, with what it has to
// open for them.
func (m *Machine) execGrants(in []*agentpb.Grant) []*execpb.Grant {
	if len(in) == 0 {
		return nil
	}
	out := make([]*execpb.Grant, len(in))
	for i, g := range in {
		x := &execpb.Grant{Ports: g.GetPorts()}
		for _, d := range g.GetGpus() {
			x.Gpus = append(x.Gpus, &execpb.GpuShare{Uuid: d.GetUuid(), Milli: d.GetMilli(), Nodes: m.gpuNodes[d.GetUuid()]})
		}
		out[i] = x
	}
	return out
}

// repeatState answers a repeated launch of a task by where it stands, unless an
// update is on its way anyway or the master has acknowledged its end.
func (m *Machine) repeatState(j *job, k taskKey) {
	t, known := j.tasks[k]
	if !known || t.pending > 0 || t.state == model.TaskStaging {
		return
	}
	m.report(j, k, &agentpb.Update{
		State:  uint32(t.state),
		Reason: uint32(model.ReasonReconciliation),
		At:     m.now.UnixNano(),
	}, j.byGen(t.gen), 0)
}

func (j *job) byGen(gen uint16) *process {
	for _, x := range j.execs {
		if x.id.Gen == gen {
			return x
		}
	}
	return nil
}

// kill stops tasks: those that still wait for an executor at once, the others
// through theirs.
func (m *Machine) kill(in *agentpb.Kill) {
	running := map[*process]*execpb.Kill{}
	waiting := map[*job][]taskKey{}
	var executors []*process
	var jobs []*job
	for _, id := range in.Tasks {
		k, ok := newKey(id.Group, id.Index, id.Attempt)
		if !ok {
			continue
		}
		if !validJob(model.JobID(id.Job)) {
			continue
		}
		j := m.jobs[model.JobID(id.Job)]
		var t task
		known := false
		if j != nil {
			t, known = j.tasks[k]
		}
		switch {
		case !known:
			m.killUnknown(model.JobID(id.Job), k)
		case t.state.Terminal():
		case t.gen == 0:
			if waiting[j] == nil {
				jobs = append(jobs, j)
			}
			waiting[j] = append(waiting[j], k)
		default:
			x := j.byGen(t.gen)
			if running[x] == nil {
				running[x] = &execpb.Kill{Reason: in.Reason, GraceNs: in.GraceNs}
				executors = append(executors, x)
			}
			running[x].Tasks = append(running[x].Tasks, k.exec(t.state))
		}
	}
	for _, j := range jobs {
		m.killWaiting(j, waiting[j], model.TaskReason(in.Reason))
	}
	for _, x := range executors {
		m.tell(x, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Kill{Kill: running[x]}})
	}
}

// killUnknown answers for a task that never came here, so that the master need
// not wait for it. One that has ended and was acknowledged needs no answer.
func (m *Machine) killUnknown(id model.JobID, k taskKey) {
	if m.jobs[id] == nil {
		m.job(id).done = true
	}
	j := m.jobs[id]
	if !j.ran.add(k) {
		return
	}
	m.adopt(j, k, nil)
	m.end(j, k, nil, ending{
		state: model.TaskGone, reason: model.ReasonTaskUnknown, cause: model.CauseKilled,
		message: "the task never reached this agent",
	})
}

// killWaiting takes tasks out of the launches that wait for an executor. A key
// may be named twice.
func (m *Machine) killWaiting(j *job, keys []taskKey, reason model.TaskReason) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for i, l := range j.waiting {
		j.waiting[i] = withoutTasks(l, keys)
	}
	j.waiting = slices.DeleteFunc(j.waiting, func(l *execpb.Launch) bool { return len(l.Indices) == 0 })
	how := killedWaiting
	switch reason {
	case model.ReasonContainerPreempted:
		how.reason, how.cause, how.message = reason, model.CausePreempted, "preempted before it started"
	case model.ReasonResourcesUnknown:
		how.reason, how.cause = reason, model.CauseDeviceLost
	}
	for _, k := range keys {
		m.end(j, k, nil, how)
	}
}

var killedWaiting = ending{
	state: model.TaskKilled, reason: model.ReasonTaskKilledDuringLaunch, cause: model.CauseKilled,
	message: "killed before it started",
}

func killAll(reason model.TaskReason, grace time.Duration) *execpb.ToExecutor {
	return &execpb.ToExecutor{Kind: &execpb.ToExecutor_Kill{
		Kill: &execpb.Kill{Reason: uint32(reason), GraceNs: int64(grace)},
	}}
}

package agent

import (
	"strings"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// updatesInFlight bounds the updates sent and not acknowledged, so that a
	// slow master is not buried; the others wait in the queue.
	updatesInFlight = 8192
	// updatesPerMessage and maxTextBytes keep a message below gRPC's 4 MiB.
	updatesPerMessage = 1024
	maxTextBytes      = 2048 // of an update's message for people
	// bootShift leaves 2^40 updates to each start of the agent and 2^24 starts
	// to a data directory.
	bootShift = 40
)

// updateQueue holds the updates that the master has not acknowledged, in the
// order they happened. Sequence numbers are consecutive within a boot, so an
// acknowledged one is found by subtraction.
type updateQueue struct {
	items    []queuedUpdate // from head on; acknowledged ones in between are empty
	head     int
	next     uint64 // the next sequence number
	sent     int    // items before this index are on the present stream
	inFlight int    // of those, how many are not acknowledged
	unacked  int
}

type queuedUpdate struct {
	update  *agentpb.Update // nil once acknowledged
	exec    *process        // nil when no executor is behind it
	execSeq uint64          // what the executor calls it; 0 for the agent's own
}

func newUpdateQueue(boot uint64) updateQueue {
	return updateQueue{next: boot<<bootShift + 1}
}

func (q *updateQueue) push(u *agentpb.Update, x *process, execSeq uint64) {
	u.Seq = q.next
	q.next++
	q.unacked++
	q.items = append(q.items, queuedUpdate{u, x, execSeq})
}

// take removes the update with that number; ok is false if there is none.
func (q *updateQueue) take(seq uint64) (u queuedUpdate, ok bool) {
	back := q.next - seq // the newest is 1 back
	if seq >= q.next || back > uint64(len(q.items)-q.head) {
		return u, false
	}
	i := len(q.items) - int(back)
	u = q.items[i]
	if u.update == nil {
		return u, false
	}
	q.items[i] = queuedUpdate{}
	q.unacked--
	if i < q.sent {
		q.inFlight--
	}
	for q.head < len(q.items) && q.items[q.head].update == nil {
		q.head++
	}
	q.sent = max(q.sent, q.head)
	q.compact()
	return u, true
}

// compact gives the room in front back once it is most of the slice.
func (q *updateQueue) compact() {
	if q.head < 64 || q.head < len(q.items)/2 {
		return
	}
	n := copy(q.items, q.items[q.head:])
	clear(q.items[n:])
	q.items = q.items[:n]
	if n == 0 && cap(q.items) > 4*updatesPerMessage {
		q.items = nil
	}
	q.sent -= q.head
	q.head = 0
}

// resend makes every update go out again, on a new stream.
func (q *updateQueue) resend() {
	q.sent, q.inFlight = q.head, 0
}

// batch returns the next updates to send, nil if there are none or too many are
// on their way.
func (q *updateQueue) batch() []*agentpb.Update {
	room := min(updatesInFlight-q.inFlight, updatesPerMessage)
	if room <= 0 || q.sent == len(q.items) {
		return nil
	}
	out := make([]*agentpb.Update, 0, min(room, len(q.items)-q.sent))
	for ; q.sent < len(q.items) && len(out) < room; q.sent++ {
		if u := q.items[q.sent].update; u != nil {
			out = append(out, u)
		}
	}
	q.inFlight += len(out)
	return out
}

// of returns x's own numbers of the updates that are queued, nil if there are none.
func (q *updateQueue) of(x *process) map[uint64]bool {
	var out map[uint64]bool
	for _, it := range q.items[q.head:] {
		if it.exec == x && it.execSeq != 0 {
			if out == nil {
				out = map[uint64]bool{}
			}
			out[it.execSeq] = true
		}
	}
	return out
}

// report queues an update of the task k, which has not ended, and folds it into
// the task table. x is the executor behind the task, nil if it has none.
func (m *Machine) report(j *job, k taskKey, u *agentpb.Update, x *process, execSeq uint64) {
	t, known := j.tasks[k]
	if !known {
		t = m.adopt(j, k, x)
	}
	t.state = model.TaskState(u.State)
	t.pending++
	m.tally.update(m.now, &t, u)
	j.tasks[k] = t
	if t.state.Terminal() {
		m.live--
		if x != nil {
			x.live--
			m.keepSandbox(x, k, m.now)
		}
	}
	if x != nil {
		x.pending++
		m.touch(x)
	}
	u.Task = k.wire(j.id)
	u.Message = shorten(u.Message)
	m.updates.push(u, x, execSeq)
}

// shorten cuts a text that nobody would read to its end.
func shorten(s string) string {
	if len(s) <= maxTextBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxTextBytes], "") + "…"
}

// adopt puts a task into the table as one that lives in x.
func (m *Machine) adopt(j *job, k taskKey, x *process) task {
	t := task{state: model.TaskStaging}
	m.live++
	if x != nil {
		t.gen = x.id.Gen
		x.live++
	}
	j.ran.add(k)
	j.tasks[k] = t
	return t
}

// end reports a task's end on the agent's own account.
func (m *Machine) end(j *job, k taskKey, x *process, e ending) {
	at := m.now.UnixNano()
	m.report(j, k, &agentpb.Update{
		State:    uint32(e.state),
		Reason:   uint32(e.reason),
		Message:  e.message,
		At:       at,
		Finished: at,
		Result:   &agentpb.Result{Cause: string(e.cause), ExitCode: e.exitCode},
	}, x, 0)
}

// ending is how the agent says that a task ended when no executor can.
type ending struct {
	state    model.TaskState
	reason   model.TaskReason
	cause    model.Cause
	exitCode int32
	message  string
}

// flushUpdates sends what may be sent now.
func (m *Machine) flushUpdates() {
	if m.stream != streamRegistered {
		return
	}
	for b := m.updates.batch(); len(b) > 0; b = m.updates.batch() {
		m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Updates{Updates: &agentpb.Updates{Updates: b}}})
	}
}

// acknowledged forgets updates that the master has in its journal, and lets the
// executors behind them do so too.
func (m *Machine) acknowledged(a *agentpb.Acknowledge) {
	for _, seq := range a.GetSeqs() {
		q, ok := m.updates.take(seq)
		if !ok {
			continue
		}
		id := q.update.Task
		if x := q.exec; x != nil {
			x.pending--
			if q.execSeq != 0 && x.state != execOver {
				x.acks = append(x.acks, q.execSeq)
			}
			m.touch(x)
		}
		j := m.jobs[model.JobID(id.Job)]
		k, _ := newKey(id.Group, id.Index, id.Attempt)
		t := j.tasks[k]
		t.pending--
		if t.pending == 0 && t.state.Terminal() {
			delete(j.tasks, k)
			m.maybeForget(j)
			continue
		}
		j.tasks[k] = t
	}
}

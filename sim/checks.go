package sim

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
)

// checks are those of what the machines say, beside truth and auditor.
type checks struct {
	w        *world
	fitting  map[string]time.Duration      // demands that could be served, since when
	halves   map[gangAttempt]time.Duration // gangs that run in part, since when
	stopping map[model.JobID]time.Duration // cancelled jobs with running tasks, since when
	sentBy   map[updateID]*agentpb.Update  // not acknowledged yet
	// undecided are due times that were late at the last look.
	undecided map[*keeper]undecided
	steady    steady
}

type updateID struct {
	agent model.AgentID
	seq   uint64
}

const lookEvery = 5 * time.Second

func (c *checks) begin(w *world) {
	c.w, c.fitting, c.halves = w, map[string]time.Duration{}, map[gangAttempt]time.Duration{}
	c.stopping = map[model.JobID]time.Duration{}
	c.sentBy, c.undecided = map[updateID]*agentpb.Update{}, map[*keeper]undecided{}
	w.after(lookEvery, c.look)
}

// look checks now and then what is too much work for every step.
func (c *checks) look() {
	c.lookAtGangs()
	c.lookAtStopping()
	if t := c.w.leader(); t != nil && !t.busy {
		c.lookAtWaiting(t)
		c.lookAtNodes(t)
		c.lookAtSchedules(t)
	}
	c.w.after(lookEvery, c.look)
}

// leader is the term of the master that holds the leader key, nil if none does
// or it does not know yet.
func (w *world) leader() *term {
	if l := w.etcd.lease; l != nil && l.owner.up && !l.owner.paused && l.owner.boot == l.boot {
		if t := l.owner.leading(); t != nil && t.lease == l {
			return t
		}
	}
	return nil
}

// stepped is called after a master's step, before its effects are carried out.
func (c *checks) stepped(t *term, inputs []master.Input, e *master.Effects) {
	if len(e.Records) > 0 {
		c.w.say(t.m.name, "turn of %s: %d records, %d sends, %d replies", inputText(inputs), len(e.Records), len(e.Sends), len(e.Replies))
	}
	c.steady.stepped(t, inputs, e)
	if err := t.m.machine.Audit(); err != nil {
		c.w.fail("audit", "%s: %v", t.m.name, err)
	}
}

func inputText(inputs []master.Input) string {
	var b strings.Builder
	for i, in := range inputs {
		if i == 4 && len(inputs) > 5 {
			fmt.Fprintf(&b, " and %d more", len(inputs)-i)
			break
		}
		name := strings.TrimPrefix(fmt.Sprintf("%T", in), "master.")
		switch in := in.(type) {
		case master.AgentSaid:
			name = strings.TrimPrefix(fmt.Sprintf("%T", in.Message.Kind), "*agentpb.AgentMessage_")
		case master.AgentUp:
			name += " " + in.Register.Name
		case master.Asked:
			name = fmt.Sprintf("%T", in.Body)
		}
		b.WriteString(" " + name)
	}
	return strings.TrimSpace(b.String())
}

// turned is called when a turn is through: the machine's state is committed.
func (c *checks) turned(t *term) {
	if t.index == c.w.etcd.head() && c.w.random.chance(0.003) {
		c.replayed(t.m)
	}
}

// newTerm looks at a standby that is about to lead, with all of the journal applied.
func (c *checks) newTerm(m *masterNode) {
	c.equal(m.machine, c.w.auditor.machine, m.name+", about to lead")
	for _, o := range c.w.people.owners {
		if o.id == "" || o.forgotten {
			continue
		}
		answer, refusal := m.machine.Query(m.time(), model.GetJob{Selector: string(o.id)})
		if refusal != nil {
			c.w.fail("acknowledged submissions are kept", "%s leads and does not know job %s (%s), which was acknowledged: %s", m.name, o.job.Name, o.id, refusal.Message)
			return
		}
		if v := answer.(model.JobView); v.ID != o.id || v.Name != o.job.Name {
			c.w.fail("acknowledged submissions are kept", "%s has %s (%s) for job %s (%s)", m.name, v.Name, v.ID, o.job.Name, o.id)
		}
	}
}

// sameState compares a standby that has just caught up.
func (c *checks) sameState(m *masterNode) {
	if c.w.random.chance(0.002) {
		c.equal(m.machine, c.w.auditor.machine, m.name+", standing by")
	}
}

// replayed compares a leader's state with that of a machine that was made from
// the snapshot and the log behind it, and with the auditor's, which saw it all.
func (c *checks) replayed(m *masterNode) {
	fresh, applied := c.w.newMachine(), uint64(0)
	if err := c.w.etcd.replay(fresh, &applied); err != nil {
		c.w.fail("replay", "the journal cannot be replayed: %v", err)
		return
	}
	c.equal(m.machine, fresh, m.name+", leading, beside a replay")
	c.equal(m.machine, c.w.auditor.machine, m.name+", leading, beside a replay without snapshots")
}

func (c *checks) equal(a, b *master.Machine, what string) {
	c.w.stats.Replays++
	x, err1 := a.Snapshot()
	y, err2 := b.Snapshot()
	if err1 != nil || err2 != nil {
		c.w.fail("snapshot", "%v, %v", err1, err2)
		return
	}
	if bytes.Equal(x, y) {
		return
	}
	at := 0
	for at < min(len(x), len(y)) && x[at] == y[at] {
		at++
	}
	around := func(b []byte) string { return string(b[max(at-300, 0):min(at+100, len(b))]) }
	c.w.fail("replay gives the same state", "%s at group %d: the states differ at byte %d:\n%s\nand\n%s",
		what, c.w.etcd.head(), at, around(x), around(y))
}

// heard is called with each message that an agent hears.
func (c *checks) heard(a *agentProc, msg *agentpb.MasterMessage) {
	switch k := msg.Kind.(type) {
	case *agentpb.MasterMessage_Launch:
		l := k.Launch
		for i, index := range l.Indices {
			id := model.TaskID{Job: model.JobID(l.Job), Group: uint16(l.Group), Index: index}
			if len(l.Attempts) > 0 {
				id.Attempt = uint16(l.Attempts[i])
			}
			if c.w.auditor.attempts[id] == nil {
				c.w.fail("launches are committed first", "%s is told to launch task %s, but no commit holds it", a.host.name, id)
			}
		}
		c.w.say(a.host.name, "is to launch %d of %s/%d, the first %d", len(l.Indices), l.Job, l.Group, l.Indices[0])
	case *agentpb.MasterMessage_Kill:
		c.w.say(a.host.name, "is to kill %d tasks, the first %v", len(k.Kill.Tasks), k.Kill.Tasks[0])
	case *agentpb.MasterMessage_Acknowledge:
		c.acknowledged(a, k.Acknowledge.Seqs)
	case *agentpb.MasterMessage_Registered:
		c.w.say(a.host.name, "is registered with epoch %d, live jobs %v", k.Registered.Epoch, k.Registered.Jobs)
	case *agentpb.MasterMessage_JobDone:
		c.w.say(a.host.name, "is told that job %s is done", k.JobDone.Job)
	}
}

// sent is called with each message that an agent sends.
func (c *checks) sent(a *agentProc, msg *agentpb.AgentMessage) {
	switch k := msg.Kind.(type) {
	case *agentpb.AgentMessage_Updates:
		for _, u := range k.Updates.Updates {
			c.sentBy[updateID{a.host.meta.AgentID, u.Seq}] = u
		}
	case *agentpb.AgentMessage_Register:
		c.w.say(a.host.name, "registers with %s, %d tasks", a.stream.master.name, len(k.Register.Tasks))
	case *agentpb.AgentMessage_LaunchRefused:
		c.w.say(a.host.name, "refuses a launch: %s", k.LaunchRefused.Message)
	}
}

// acknowledged looks whether what an agent may forget is in the journal.
func (c *checks) acknowledged(a *agentProc, seqs []uint64) {
	for _, seq := range seqs {
		key := updateID{a.host.meta.AgentID, seq}
		u := c.sentBy[key]
		delete(c.sentBy, key)
		if u == nil || !model.TaskState(u.State).Terminal() {
			continue
		}
		id := model.TaskID{Job: model.JobID(u.Task.Job), Group: uint16(u.Task.Group), Index: u.Task.Index, Attempt: uint16(u.Task.Attempt)}
		if t := c.w.auditor.attempts[id]; t != nil && !t.state.Terminal() {
			c.w.fail("acknowledged updates are durable", "%s may forget that task %s is %s, but the journal has it as %s", a.host.name, id, model.TaskState(u.State), t.state)
		}
	}
}

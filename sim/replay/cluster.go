package replay

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
	"github.com/tender-scheduler/tender/frameworks/batch"
)

// cluster is the allocator and the batch framework with what the master's machine
// does between them, and without what replays do not need: journal, agents,
// failures. See core/master/machine_calls.go for the original.
type cluster struct {
	book  *offers.Book
	fw    *batch.Framework
	now   time.Time
	calls []model.Call
	next  int // of the calls, the one to be carried out next
	// launched is told of each launch.
	launched func(model.Launch)
	requests uint64
	err      error
}

// maxRounds bounds how often one pass goes round between allocator and framework.
const maxRounds = 1 << 20

// newCluster makes a cluster of nodes with procs processors in all.
func newCluster(o *Options, now time.Time) (*cluster, error) {
	cfg := batch.DefaultConfig()
	cfg.Policy, cfg.Unjournaled = o.Policy, true
	cfg.MaxJobs, cfg.MaxHistory, cfg.HistoryAge = maxRecords, 1000, 0
	if o.OvertakeLimit > 0 {
		cfg.OvertakeLimit = o.OvertakeLimit
	}
	fw, err := batch.New(cfg)
	if err != nil {
		return nil, err
	}
	c := &cluster{book: offers.NewBook(), fw: fw, now: now}
	s := offers.DefaultSettings()
	s.Holds = o.holds()
	c.book.Configure(s)
	for i := range o.Nodes {
		name := "n" + strconv.Itoa(i+1)
		c.book.SetAgent(model.AgentInfo{ID: model.AgentID(name), Name: name,
			Capacity: model.Resources{CPUMilli: int64(o.Procs/o.Nodes) * 1000}})
	}
	c.step(model.Leading{})
	return c, nil
}

// step gives the framework an input and carries out what it answers.
func (c *cluster) step(in model.Input) {
	e := c.fw.Step(c.now, in)
	for i := range e.Replies {
		if r := e.Replies[i].Err; r != nil {
			c.fail(r)
		}
	}
	c.calls = append(c.calls, e.Calls...)
	for c.next < len(c.calls) {
		c.next++
		c.call(c.calls[c.next-1])
	}
	clear(c.calls)
	c.calls, c.next = c.calls[:0], 0
}

func (c *cluster) call(call model.Call) {
	switch call := call.(type) {
	case model.Demands:
		for i := range call.Set {
			c.book.SetDemand(call.Set[i])
		}
		for _, id := range call.Drop {
			c.book.DropDemand(batch.ID, id)
		}
	case model.Accept:
		if _, refusal := c.book.Accept(c.now, batch.ID, call); refusal != nil {
			c.fail(refusal)
			return
		}
		for _, l := range call.Launches {
			c.launched(l)
		}
		c.step(model.Staged{Launches: call.Launches, At: c.now})
	case model.JobDone:
	default:
		c.fail(fmt.Errorf("the framework made a call %T", call))
	}
}

// pass has the allocator serve whoever waits, until it finds nothing more.
func (c *cluster) pass() {
	for range maxRounds {
		made := c.book.Plan(c.now)
		if len(made) == 0 || c.err != nil {
			return
		}
		c.step(model.Offers(made))
	}
	c.fail(fmt.Errorf("a pass has no end"))
}

func (c *cluster) submit(spec *model.Job, id model.JobID, user string) {
	c.requests++
	c.step(model.Request{ID: c.requests, Body: model.Submit{ID: id, Job: spec, User: user}})
}

// finish ends all tasks of a launch that began at the time started.
func (c *cluster) finish(l *model.Launch, started time.Time) {
	done := &model.Result{Cause: model.CauseFinished}
	sts := make(model.Statuses, len(l.Tasks))
	for i := range l.Tasks {
		id := l.ID(i)
		c.book.Release(id)
		sts[i] = model.TaskStatus{
			Task: id, Agent: l.Agent, State: model.TaskFinished, At: c.now, Started: started, Finished: c.now,
			Result: done,
		}
	}
	c.step(sts)
}

// fail keeps the first error: a replay in which anything is refused says nothing.
func (c *cluster) fail(err error) {
	if c.err == nil {
		c.err = fmt.Errorf("replay at %d s: %w", c.now.Unix(), err)
	}
}

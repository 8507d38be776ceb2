package executor

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/agent/tasklog"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/mpi"
)

// rank is one main process of a task. Most tasks have one; the main task of a
// gang's allocation may have several, in one cell, with logs of their own.
type rank struct {
	local  int // among the allocation's, from 0
	cmd    *isolation.Command
	stdout *stream
	stderr *stream

	pmi *pmiEnd // nil where it speaks no PMI

	// Under the run's lock.
	exit  isolation.Exit
	ended bool
	fault *mpi.Fault // why it has failed whatever its exit code says
}

// ended well.
func (r *rank) ok() bool { return r.exit.Status.ExitStatus() == 0 && r.fault == nil }

// processes returns how many of the task there are.
func (t *run) processes() int {
	if t.plan.task.Lifecycle != nil || t.given.gang == nil {
		return 1
	}
	return t.plan.group.Processes()
}

// StreamName is the name of an output stream in an allocation's logs directory,
// for tasklog. The main task of a gang with several ranks in each allocation has
// streams for each of them.
func StreamName(g *model.Group, task *model.TaskSpec, rank int, stderr bool) string {
	name := task.Name
	if task.Lifecycle == nil && g.Processes() > 1 {
		name = fmt.Sprintf("%s.rank-%d", name, rank)
	}
	if stderr {
		return name + ".stderr"
	}
	return name + ".stdout"
}

// number is a rank's number in its gang.
func (t *run) number(r *rank) int { return int(t.key.Index)*t.plan.group.Ranks() + r.local }

// who names a rank of a gang, or with nil all that the task has, and its node;
// empty for what is not a rank.
func (t *run) who(r *rank) string {
	if t.given.gang == nil || t.plan.task.Lifecycle != nil {
		return ""
	}
	node := t.given.gang.Name(int(t.key.Index))
	if t.mpirun() {
		return t.whoOfMPIRun(node)
	}
	n := t.processes()
	if r == nil && n > 1 {
		first := int(t.key.Index) * t.plan.group.Ranks()
		return fmt.Sprintf("ranks %d to %d on node %s", first, first+n-1, node)
	}
	if r == nil {
		r = &rank{}
	}
	return fmt.Sprintf("rank %d on node %s", t.number(r), node)
}

// arm makes everything ready for the task's processes.
func (t *run) arm() error {
	if err := t.makeRanks(); err != nil {
		return err
	}
	s, err := t.runner.pool.get(t.plan.task.Driver)
	if err != nil {
		return err
	}
	if err := t.bound(s.cell.Group); err != nil {
		t.runner.pool.discard(s)
		return err
	}
	t.ready = s
	for _, r := range t.ranks {
		if err := t.armRank(r); err != nil {
			t.disarm()
			return err
		}
	}
	return nil
}

// makeRanks works out what each rank runs.
func (t *run) makeRanks() error {
	t.ranks = nil
	for i := range t.processes() {
		env := t.env
		if i > 0 {
			var err error
			if env, err = t.plan.env(t.key, t.sandbox, t.given, i); err != nil {
				return err
			}
			for name, v := range t.fromTemplates {
				env.Set(name, v)
			}
		}
		r := &rank{local: i}
		if err := t.commandOf(r, env); err != nil {
			return err
		}
		t.ranks = append(t.ranks, r)
	}
	return nil
}

func (t *run) commandOf(r *rank, env *taskenv.Env) (err error) {
	r.cmd, err = t.command(env)
	return err
}

// armRank gives a rank its descriptors. The first has the slot's own pipes.
func (t *run) armRank(r *rank) (err error) {
	null, err := devNull()
	if err != nil {
		return err
	}
	r.cmd.Files = []uintptr{null, null, null}
	if r.stdout, r.stderr = t.ready.stdout, t.ready.stderr; r.local > 0 {
		if r.stdout, err = newStream(); err != nil {
			return err
		}
		if r.stderr, err = newStream(); err != nil {
			return err
		}
	}
	if logs := t.plan.task.Logs; !logs.Disabled {
		dir, n := t.sandbox.logs(), t.number(r)
		r.stdout.attach(tasklog.NewWriter(dir, StreamName(t.plan.group, t.plan.task, n, false), logs))
		r.stderr.attach(tasklog.NewWriter(dir, StreamName(t.plan.group, t.plan.task, n, true), logs))
		r.cmd.Files[1], r.cmd.Files[2] = uintptr(r.stdout.w), uintptr(r.stderr.w)
	}
	if !t.speaksPMI() {
		return nil
	}
	if r.pmi, err = openPMI(t.runner.inbox, attemptOf(t.key), t.number(r)); err != nil {
		return err
	}
	r.pmi.give(r.cmd, t.number(r), t.given.gang.Size*t.plan.group.Ranks())
	return nil
}

// speaksPMI reports whether the task's processes are ranks that find each other
// over PMI.
func (t *run) speaksPMI() bool {
	return t.given.gang != nil && t.plan.task.Lifecycle == nil && t.plan.group.Gang != nil && t.plan.group.Gang.Launch == model.LaunchPMI
}

// endLogs takes what is left of the ranks' output and ends their logs. It returns
// a word about what was lost.
func (t *run) endLogs() (note string) {
	for _, r := range t.ranks {
		for _, out := range []*stream{r.stdout, r.stderr} {
			if out == nil {
				continue
			}
			note = noteLoss(note, out.drain())
			if r.local > 0 {
				out.close()
			}
		}
		r.stdout, r.stderr = nil, nil
	}
	return note
}

// disarm gives back what arm took; nothing has run.
func (t *run) disarm() {
	t.endLogs()
	for _, r := range t.ranks {
		if r.pmi != nil {
			r.pmi.given()
			r.pmi.close()
		}
	}
	if t.ready != nil {
		t.runner.pool.put(t.ready)
		t.ready = nil
	}
}

package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// keeper is who keeps one schedule: submits it, now and then changes, pauses and
// triggers it, and ends it when the quiet time has come.
type keeper struct {
	w      *world
	num    int
	job    *model.Job
	every  int // seconds between due times, or 0 if it follows another
	plan   *jobPlan
	person *owner
	id     model.JobID // once acknowledged
	asked  bool        // for its end
	ended  bool        // which was acknowledged

	triggers int // requests for a run that were sent, each of them again if need be
}

// keepers draws the schedules of a run from its seed. The last follows the first.
func (w *world) beginSchedules() {
	r, spreads := newRandom(w.options.Seed, forSchedules), newRandom(w.options.Seed, forSpreadRuns)
	n := r.count(2, 4)
	for i := range n {
		k := &keeper{w: w, num: i, every: pick(r, []int{5, 10, 20, 30})}
		k.plan = &jobPlan{mean: pick(r, []time.Duration{500 * time.Millisecond, 3 * time.Second, 20 * time.Second}), killTimeout: 5 * time.Second}
		if r.chance(0.3) {
			k.plan.failing = 0.2
		}
		p := &model.Periodic{
			Crons:   []string{fmt.Sprintf("*/%d * * * * *", k.every)},
			Overlap: pick(r, []model.Overlap{model.OverlapAllow, model.OverlapForbid, model.OverlapQueue, model.OverlapReplace}),
			CatchUp: pick(r, []model.CatchUp{model.CatchUpNone, model.CatchUpLatest, model.CatchUpAll}),
			Epsilon: model.Duration(pick(r, []time.Duration{time.Second, 5 * time.Second, time.Minute})),
		}
		k.plan.job = &model.Job{
			Name: fmt.Sprintf("schedule-%d", i), Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority, Periodic: p,
		}
		g := k.plan.addGroup(r, r.count(1, 2))
		g.Restart, g.Constraints = model.RestartPolicy{Mode: model.RestartFail}, nil
		if spreads.chance(0.2) {
			k.runEverywhere()
		}
		if i > 0 && i == n-1 {
			k.every, p.Crons, p.Chained = 0, nil, true
			k.plan.job.DependsOn = []model.Dependency{{Job: "schedule-0", Kind: pick(r, []model.DependencyKind{model.DependOK, model.DependAny})}}
		}
		k.job = k.plan.job
		k.person = &owner{w: w, name: fmt.Sprintf("keeper-%d", i), key: fmt.Sprintf("schedule-%d", i)}
		w.keepers = append(w.keepers, k)
		w.at(r.between(0, 5*time.Second), k.submit)
		for range r.count(0, 3) {
			at := r.between(10*time.Second, w.options.Length)
			w.at(at, pick(r, []func(){k.resubmit, k.pauseAWhile, k.trigger, k.trigger}))
		}
	}
}

// submit asks for the schedule, once the one that it follows is known.
func (k *keeper) submit() {
	if k.every == 0 && k.w.keepers[0].id == "" {
		k.w.after(time.Second, k.submit)
		return
	}
	k.person.ask(func() any {
		return model.Submit{ID: k.person.newID(), Job: k.job, Key: k.person.key, User: k.person.name}
	}, func(r model.Reply) {
		if r.Err != nil {
			k.w.fail("submission", "schedule %s was refused: %s: %s", k.job.Name, r.Err.Reason, r.Err.Message)
			return
		}
		k.id = r.Body.(model.SubmitReply).ID
		k.w.say(k.person.name, "%s is %s", k.job.Name, k.id)
		if b := k.w.auditor.schedules[k.id]; b == nil {
			k.w.fail("acknowledged submissions are durable", "schedule %s (%s) was acknowledged, but no commit holds it", k.job.Name, k.id)
		}
	})
}

// resubmit submits the same again, which is a new version.
func (k *keeper) resubmit() {
	if k.asked || k.id == "" {
		return
	}
	k.person.ask(func() any { return model.Submit{ID: k.person.newID(), Job: k.job} }, func(r model.Reply) {
		if r.Err != nil || !k.ended && r.Body.(model.SubmitReply).ID != k.id {
			k.w.fail("one name is one schedule", "schedule %s (%s) was submitted again: %+v", k.job.Name, k.id, r)
		}
	})
}

func (k *keeper) pauseAWhile() {
	k.change("pause", func() any { return model.PauseJob{Selector: string(k.id)} })
	k.w.after(20*time.Second, func() { k.change("resume", func() any { return model.ResumeJob{Selector: string(k.id)} }) })
}

func (k *keeper) trigger() {
	k.change("trigger", func() any {
		k.triggers++
		return model.TriggerJob{Selector: string(k.id)}
	})
}

func (k *keeper) change(what string, body func() any) {
	if k.asked || k.id == "" {
		return
	}
	k.person.ask(body, func(r model.Reply) {
		k.w.say(k.person.name, "%s: %+v", what, r.Err)
		if r.Err != nil && r.Err.Reason != model.ReasonConflict && r.Err.Reason != model.ReasonTerminalJob {
			k.w.fail("requests", "%s of %s was refused: %s", what, k.id, r.Err.Message)
		}
	})
}

// unsettled says what keeps the schedules from having come to their end. Each has to
// have decided what is due before it is ended, and by then all is mended.
func (w *world) unsettledSchedules(t *term, add func(string, ...any)) {
	for _, k := range w.keepers {
		switch {
		case k.id == "":
			add("schedule %s is not acknowledged", k.job.Name)
		case k.person.busy > 0:
			add("%s waits for the answer to a request", k.person.name)
		case !k.asked:
			answer, refusal := t.m.machine.Query(t.m.time(), model.GetJob{Selector: string(k.id)})
			if refusal != nil {
				w.fail("acknowledged submissions are kept", "schedule %s (%s): %s", k.job.Name, k.id, refusal.Message)
				return
			}
			s := answer.(model.JobView).Schedule
			add("schedule %s goes on, next %s", k.job.Name, s.Next)
			if b := w.auditor.bookOf(k); !s.Next.IsZero() && t.m.time().Sub(s.Next) > time.Second || b.late(t) {
				continue // which look holds to be decided
			}
			k.asked = true
			runs := k.num%2 == 0
			k.person.ask(func() any { return model.CancelJob{Selector: string(k.id), Runs: runs} }, func(r model.Reply) {
				if k.ended = true; r.Err != nil && r.Err.Reason != model.ReasonTerminalJob {
					w.fail("requests", "the end of schedule %s was refused: %s", k.id, r.Err.Message)
				}
			})
		}
	}
}

// keeperOf returns who keeps the schedule of that name.
func (w *world) keeperOf(name string) *keeper {
	i := slices.IndexFunc(w.keepers, func(k *keeper) bool { return k.job.Name == name })
	if i < 0 {
		return nil
	}
	return w.keepers[i]
}

func isSchedule(name string) bool { return strings.HasPrefix(name, "schedule-") }

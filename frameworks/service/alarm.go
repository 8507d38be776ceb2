package service

import (
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// alarm is what a timer is for: a job to be looked at, or with none what its kind says.
type alarm struct {
	job  *job
	kind alarmKind
}

type alarmKind uint8

const (
	alarmLook alarmKind = iota
	alarmRekill
	alarmSweep
)

func (f *Framework) runTimers() {
	for {
		a, ok := f.timers.Pop(f.out.Now)
		if !ok {
			return
		}
		switch a.kind {
		case alarmLook:
			j := a.job
			j.armed = time.Time{}
			if !j.look.IsZero() && !j.look.After(f.out.Now) {
				j.look = time.Time{}
				f.out.touch(j)
			}
			f.arm(j) // it may be a later time by now
		case alarmRekill:
			f.rekill = time.Time{}
			f.repeatKills()
		case alarmSweep:
			f.sweep = time.Time{}
			f.forgetOld()
		}
	}
}

// arm sees to it that a job is looked at when it wants to be. It is woken too early
// rather than have a timer for every change of its mind.
func (f *Framework) arm(j *job) {
	if j.look.IsZero() || !j.armed.IsZero() && !j.armed.After(j.look) {
		return
	}
	j.armed = j.look
	f.timers.Push(j.look, alarm{job: j})
}

// kill asks for the end of a task.
func (o *outbox) kill(id model.TaskID, reason model.TaskReason) {
	if o != nil {
		o.Calls = append(o.Calls, model.Kill{Task: id, Reason: reason})
	}
}

func (f *Framework) wantRekill() {
	if f.rekill.IsZero() {
		f.rekill = f.out.Now.Add(sdk.RekillEvery)
		f.timers.Push(f.rekill, alarm{kind: alarmRekill})
	}
}

// repeatKills sends again the kills of tasks that have not said that they heard.
func (f *Framework) repeatKills() {
	for _, j := range f.order {
		j.allocs(func(g *group, s *slot, a *alloc) {
			if a.killed && a.Live {
				f.wantRekill()
				if a.State != model.TaskKilling {
					f.out.kill(a.taskID(g, s), model.ReasonNone)
				}
			}
		})
	}
}

// lead starts a leader's term: what the term before had sent and what timers it
// had set is made anew from the folded state.
func (f *Framework) lead() {
	f.book.Reset()
	f.timers.Reset()
	f.bucket, f.drains = map[string]*bucket{}, map[model.OfferID][]moved{}
	f.rekill, f.sweep = time.Time{}, time.Time{}
	for _, j := range f.order {
		j.look, j.armed, j.buckets = time.Time{}, time.Time{}, nil
		for _, g := range j.Groups {
			g.refusals = sdk.Refusals{}
		}
		j.allocs(func(_ *group, _ *slot, a *alloc) {
			a.claimed, a.killed, a.withdrawn, a.seen, a.due = false, false, false, time.Time{}, time.Time{}
			// Agents' clocks may be off: neither is longer ago than it can be, nor a
			// delay longer than it is.
			if a.Well != 0 {
				a.seen = earlier(a.Well.Time(), f.out.Now)
			}
			if a.Since != 0 {
				a.due = earlier(a.Since.Time().Add(a.Wait.Std()), f.out.Now.Add(a.Wait.Std()))
			}
		})
		for _, v := range j.Versions {
			for lane := range uint16(2) {
				if id := launchID(j.ID, v.Num, lane); !f.inUse(id) {
					f.out.mayBeDone(id)
				}
			}
		}
		f.out.touch(j)
	}
	f.forgetOld()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// environment is what tasks are told of their job: its own id rather than the one
// that they are launched as.
func environment(j *job, base uint32) map[string]string {
	return map[string]string{
		"TENDER_JOB_ID": string(j.ID), "NOMAD_JOB_ID": string(j.ID), "TENDER_JOB_VERSION": strconv.FormatUint(uint64(base), 10),
	}
}

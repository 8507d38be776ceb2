package batch

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// alarm is what a timer is for.
type alarm struct {
	kind  alarmKind
	group *group
	slot  int
}

type alarmKind uint8

const (
	alarmDelay  alarmKind = iota // the slot's (the gang's) retry delay ends
	alarmHold                    // the group's demand may be sent again
	alarmRekill                  // kills are sent again
	alarmSweep                   // the history is looked at for age
)

// setAlarm has slot n released when its delay is over. The wait runs on the
// master's clock from now: the agent's, which stamped the failure, may be off.
func (f *Framework) setAlarm(g *group, n int, wait time.Duration) {
	if f.out == nil {
		return
	}
	t := g.tries[uint32(n)]
	t.due = f.out.Now.Add(wait)
	g.tries[uint32(n)] = t
	f.timers.Push(t.due, alarm{alarmDelay, g, n})
}

func (f *Framework) runTimers() {
	for {
		a, ok := f.timers.Pop(f.out.Now)
		if !ok {
			return
		}
		switch a.kind {
		case alarmDelay:
			f.release(a.group, a.slot)
		case alarmHold:
			if u := &a.group.refusals.Until; !u.IsZero() && !u.After(f.out.Now) {
				*u = time.Time{}
				f.touch(a.group)
			}
		case alarmRekill:
			f.rekill = time.Time{}
			f.repeatKills(false)
		case alarmSweep:
			f.sweep = time.Time{}
			f.forgetOld()
		}
	}
}

// release ends the delay of slot n, or of the whole gang.
func (f *Framework) release(g *group, n int) {
	t, ok := g.tries[uint32(n)]
	if !ok || t.due.IsZero() || t.due.After(f.out.Now) || !g.job.active() {
		return // it was cancelled, or failed again since
	}
	if g.gang() {
		for k := range g.size {
			if g.peek(k).state == slotDelayed {
				g.ready.Add(k)
			}
		}
	} else if g.peek(n).state == slotDelayed {
		g.ready.Add(n)
	}
	f.touch(g)
}

func (f *Framework) wantRekill() {
	if f.rekill.IsZero() {
		f.rekill = f.out.Now.Add(sdk.RekillEvery)
		f.timers.Push(f.rekill, alarm{kind: alarmRekill})
	}
}

// repeatKills sends again the kills that are still wanted; those whose task has
// reported that it is being killed only if all is set.
func (f *Framework) repeatKills(all bool) {
	for _, j := range f.order {
		for i := range j.groups {
			g := &j.groups[i]
			if g.killing == 0 {
				continue
			}
			f.wantRekill()
			g.launched(func(n int, s *slot) {
				if s.flags&flagKill != 0 && (all || s.state != taskSlot(model.TaskKilling)) {
					f.out.kill(g.taskID(n, *s), g.grace())
				}
			})
		}
	}
}

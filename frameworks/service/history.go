package service

import "github.com/tender-scheduler/tender/frameworks/sdk"

const maxForgetAtOnce = 10_000 // jobs in one event, which has to fit an etcd value

// boundHistory forgets the jobs that ended first when there are too many, some
// more than needed so that not every job that ends brings an event; and sees to it
// that old ones are looked for.
func (f *Framework) boundHistory() {
	if n := len(f.ended) - f.cfg.MaxHistory; n > 0 {
		f.forget(min(n+f.cfg.MaxHistory/16, len(f.ended)-1, maxForgetAtOnce))
	}
	if f.sweep.IsZero() && len(f.ended) > 0 && f.cfg.HistoryAge > 0 {
		f.sweep = f.ended[0].Ended.Time().Add(f.cfg.HistoryAge)
		if soonest := f.out.Now.Add(sdk.SweepEvery); f.sweep.Before(soonest) {
			f.sweep = soonest
		}
		f.timers.Push(f.sweep, alarm{kind: alarmSweep})
	}
}

// forgetOld forgets the jobs that ended longer than the history's age ago.
func (f *Framework) forgetOld() {
	if f.cfg.HistoryAge <= 0 {
		return
	}
	n, oldest := 0, sdk.MicrosOf(f.out.Now.Add(-f.cfg.HistoryAge))
	for n < len(f.ended) && n < maxForgetAtOnce && f.ended[n].Ended <= oldest {
		n++
	}
	f.forget(n)
}

// forget drops the n jobs that ended first.
func (f *Framework) forget(n int) {
	if n <= 0 {
		return
	}
	e := &forgotten{}
	for _, j := range f.ended[:n] {
		e.IDs = append(e.IDs, j.ID)
		f.out.touch(j)
	}
	f.emit(e)
	f.planDirty()
}

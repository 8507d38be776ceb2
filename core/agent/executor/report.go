package executor

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// settle writes and sends what a turn of the loop has brought. While many tasks
// run it may be put off for a moment, to go out together with what comes next.
func (l *loop) settle() {
	if len(l.fresh) == 0 {
		return
	}
	now := time.Now()
	if wait := l.flushed.Add(linger).Sub(now); wait > 0 && len(l.fresh) < maxUpdates && l.machine.Len() >= lingerTasks {
		l.later.Reset(wait)
		return
	}
	l.flushed = now
	l.flush()
}

// flush writes fresh updates to the log and then sends them.
func (l *loop) flush() {
	fresh := l.fresh
	l.fresh = nil
	if len(fresh) > 0 {
		l.record(&execpb.LogRecord{Kind: &execpb.LogRecord_Updates{Updates: &execpb.Updates{Updates: fresh}}})
	}
	if l.state == nil {
		return
	}
	if len(l.acked) > 0 {
		l.record(&execpb.LogRecord{Kind: &execpb.LogRecord_Acknowledge{Acknowledge: &execpb.Acknowledge{Seqs: l.acked}}})
		l.acked = nil
	}
	if err := l.state.flush(); err != nil {
		// The disk is full, perhaps by a task's own doing. Updates are sent all
		// the same: only an executor's death before they are acknowledged, on
		// top of the full disk, could lose them.
		l.log.Error("cannot write down updates", "error", err)
	}
	l.unacked = append(l.unacked, fresh...)
	l.sendUpdates(fresh)
	if l.state.bloated() {
		if err := l.compact(); err != nil {
			l.log.Error("cannot compact", "error", err)
		}
	}
}

func (l *loop) record(r *execpb.LogRecord) {
	if l.state == nil {
		return
	}
	if err := l.state.add(r); err != nil {
		l.log.Error("cannot write down", "error", err)
	}
}

// acknowledge forgets updates. That they are acknowledged is written down with
// the next updates, or at the end: at worst an agent reports them once more.
func (l *loop) acknowledge(seqs []uint64) {
	known := make(map[uint64]bool, len(seqs))
	for _, s := range seqs {
		known[s] = true
	}
	l.unacked = slices.DeleteFunc(l.unacked, func(u *execpb.Update) bool {
		if !known[u.Seq] {
			return false
		}
		l.acked = append(l.acked, u.Seq)
		if model.TaskState(u.Task.State).Terminal() {
			l.ended.add(taskKey(u.Task))
		}
		return true
	})
}

// compact writes the log anew with what still matters.
func (l *loop) compact() error {
	begin := proto.CloneOf(l.begin)
	begin.LastSeq, begin.Live = l.seq, l.live()
	records := []*execpb.LogRecord{{Kind: &execpb.LogRecord_Begin{Begin: begin}}}
	records = append(records, &execpb.LogRecord{Kind: &execpb.LogRecord_Updates{Updates: &execpb.Updates{Updates: l.unacked}}})
	// Last, should a terminal update have been acknowledged before an earlier one.
	records = append(records, l.ended.records()...)
	return l.state.rewrite(records)
}

// live is the attempts that have not ended.
func (l *loop) live() []*execpb.Task {
	var live []*execpb.Task
	for _, s := range l.machine.Live() {
		k := lifecycle.Key{Group: s.Task.Group, Index: s.Task.Index, Attempt: s.Task.Attempt}
		live = append(live, wireTask(k, s.State))
	}
	return live
}

// endedSet is the attempts that are over and acknowledged, as ranges per group
// and attempt number: an array of a million is one range in the end.
type endedSet map[[2]uint16][]uint32

func (s *endedSet) add(k lifecycle.Key) {
	if *s == nil {
		*s = endedSet{}
	}
	at := [2]uint16{k.Group, k.Attempt}
	(*s)[at] = addIndex((*s)[at], k.Index)
}

// addIndex adds an index to first, last, first, last, … in ascending order.
func addIndex(r []uint32, index uint32) []uint32 {
	// The range that ends at or after index, if any, is at 2i.
	lo, hi := 0, len(r)/2
	for lo < hi {
		if mid := (lo + hi) / 2; r[2*mid+1] < index {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	i := 2 * lo
	if i < len(r) && r[i] <= index {
		return r // is in it
	}
	joinsLeft := i > 0 && r[i-1]+1 == index
	joinsRight := i < len(r) && index+1 == r[i]
	switch {
	case joinsLeft && joinsRight:
		return slices.Delete(r, i-1, i+1)
	case joinsLeft:
		r[i-1] = index
	case joinsRight:
		r[i] = index
	default:
		return slices.Insert(r, i, index, index)
	}
	return r
}

func (s endedSet) records() []*execpb.LogRecord {
	var out []*execpb.LogRecord
	for at, ranges := range s {
		out = append(out, &execpb.LogRecord{Kind: &execpb.LogRecord_Ended{Ended: &execpb.Ended{
			Group: uint32(at[0]), Attempt: uint32(at[1]), Ranges: ranges,
		}}})
	}
	return out
}

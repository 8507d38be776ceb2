package sim

import (
	"errors"
	"time"
)

// sessionTTL is how long a silent leader stays leader.
const sessionTTL = 2 * time.Second

// etcd is the virtual etcd with core/journal's layout on it: a leader key under
// a lease, a log of groups fenced on the leader's epoch, and one snapshot.
type etcd struct {
	w        *world
	outages  int // > 0: it does not answer
	slowness time.Duration
	revision int64
	lease    *lease

	groups    []group // all ever committed; groups[i] has index i+1
	compacted uint64  // those up to here are gone for who reads the log
	snapshot  snapshot
}

// group is one committed Append.
type group struct {
	index   uint64
	epoch   int64
	records [][]byte
}

type snapshot struct {
	index uint64
	data  []byte // nil = there is none
}

var (
	errDeposed        = errors.New("deposed")
	errOutcomeUnknown = errors.New("outcome unknown")
)

func newEtcd(w *world) *etcd { return &etcd{w: w, revision: 1} }

func (e *etcd) head() uint64 { return uint64(len(e.groups)) }

// answers reports whether m gets an answer from etcd now.
func (e *etcd) answers(m *masterNode) bool { return e.outages == 0 && m.cut == 0 }

// latency is one way between a master and etcd, with the fsync.
func (e *etcd) latency() time.Duration {
	r := e.w.random
	d := r.between(200*time.Microsecond, 2*time.Millisecond)
	if r.chance(0.01) {
		d += r.exp(30 * time.Millisecond)
	}
	if e.slowness > 0 {
		d += r.between(0, e.slowness)
	}
	return d
}

// outage makes etcd silent for a while. Leases outlive it: the next leader of
// the etcd cluster extends them.
func (e *etcd) outage(d time.Duration) {
	e.outages++
	e.w.after(d, func() {
		if e.outages--; e.outages > 0 {
			return
		}
		e.w.say("etcd", "answers again")
		if e.lease != nil {
			e.renew(e.lease)
		}
		e.wake()
	})
}

// wake has every master that waits for etcd look again.
func (e *etcd) wake() {
	for _, m := range e.w.masters {
		m.lookAtLog()
		m.campaign()
	}
}

// commit is what etcd does with a leader's transaction.
func (e *etcd) commit(epoch int64, index uint64, records [][]byte) error {
	if index <= e.head() && e.groups[index-1].epoch == epoch {
		return nil // an earlier attempt at the same
	}
	if e.lease == nil || e.lease.epoch != epoch || index != e.head()+1 {
		return errDeposed
	}
	g := group{index, epoch, records}
	e.groups = append(e.groups, g)
	e.revision++
	e.w.stats.Commits++
	e.w.auditor.committed(&g)
	for _, m := range e.w.masters {
		m.lookAtLog()
	}
	return nil
}

// saveSnapshot makes a leader's snapshot the current one and drops the log it covers.
func (e *etcd) saveSnapshot(epoch int64, s snapshot) bool {
	if e.lease == nil || e.lease.epoch != epoch || s.index <= e.snapshot.index {
		return false
	}
	e.snapshot = s
	e.compacted = s.index
	return true
}

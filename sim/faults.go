package sim

import (
	"slices"
	"time"
)

// faultKind is one way in which things go wrong.
type faultKind string

const (
	masterCrash    faultKind = "master_crash"
	masterPause    faultKind = "master_pause"
	masterCut      faultKind = "master_cut_off_from_etcd"
	leaderKeyLost  faultKind = "leader_key_lost"
	etcdOutage     faultKind = "etcd_outage"
	etcdSlow       faultKind = "etcd_slow"
	standbyLags    faultKind = "standby_lags"
	clockSlew      faultKind = "master_clock_slews"
	agentCrash     faultKind = "agent_crash"
	agentStop      faultKind = "agent_stop"
	agentPause     faultKind = "agent_pause"
	hostCrash      faultKind = "host_crash"
	hostWiped      faultKind = "host_wiped"
	executorCrash  faultKind = "executor_crash"
	executorLost   faultKind = "executor_connection_lost"
	partition      faultKind = "partition"
	oneWay         faultKind = "partition_one_way"
	connectionLost faultKind = "connection_lost"
	slowLink       faultKind = "slow_link"
	cutOffAndDead  faultKind = "agent_crash_while_cut_off"
	twoLeaders     faultKind = "two_leaders"
)

// fault is one that will strike.
type fault struct {
	num   int
	at    time.Duration
	kind  faultKind
	long  time.Duration
	host  int
	hosts int // how many, from host on
	who   int // which master; -1 = whoever leads
	luck  float64
}

var crashFaults = []choice[faultKind]{
	{masterCrash, 3}, {agentCrash, 6}, {agentStop, 1}, {hostCrash, 3}, {hostWiped, 1},
	{executorCrash, 5}, {executorLost, 2}, {cutOffAndDead, 1},
}

var networkFaults = []choice[faultKind]{
	{partition, 4}, {oneWay, 4}, {connectionLost, 6}, {slowLink, 5}, {agentPause, 2},
	{cutOffAndDead, 3},
}

var churnFaults = []choice[faultKind]{
	{masterCrash, 4}, {masterPause, 4}, {masterCut, 3}, {leaderKeyLost, 4}, {etcdOutage, 2},
	{etcdSlow, 1}, {standbyLags, 2}, {clockSlew, 2}, {twoLeaders, 2},
}

// planFaults draws the faults of a run from its seed.
func planFaults(o Options) []fault {
	r := newRandom(o.Seed, forFaults)
	var kinds []choice[faultKind]
	perMinute := 0.0
	switch o.Flavour {
	case Crashes:
		kinds, perMinute = crashFaults, 5
	case Partitions:
		kinds, perMinute = networkFaults, 5
	case Churn:
		kinds, perMinute = churnFaults, 3
	case All:
		kinds, perMinute = slices.Concat(crashFaults, networkFaults, churnFaults), 7
	}
	n := int(perMinute * o.Length.Minutes())
	out := make([]fault, 0, n)
	for i := range n {
		f := fault{
			num: i, at: r.between(3*time.Second, o.Length), kind: weighted(r, kinds),
			host: r.IntN(o.Agents), hosts: 1, who: r.count(-2, 2), luck: r.Float64(),
		}
		f.long = howLong(r, f.kind)
		if slices.Contains([]faultKind{partition, oneWay, slowLink, connectionLost}, f.kind) && r.chance(0.5) {
			f.hosts = r.count(2, max(o.Agents/2, 2))
		}
		out = append(out, f)
	}
	if o.Faults != nil {
		out = slices.DeleteFunc(out, func(f fault) bool { return !slices.Contains(o.Faults, f.num) })
	}
	return out
}

// howLong draws how long a fault lasts. Most are short; some outlast the fence.
func howLong(r random, kind faultKind) time.Duration {
	switch kind {
	case agentPause:
		return r.between(500*time.Millisecond, 3*time.Second)
	case twoLeaders:
		return r.between(5*time.Second, 15*time.Second)
	case masterPause, etcdOutage, masterCut:
		return r.between(200*time.Millisecond, 12*time.Second)
	case slowLink, etcdSlow, standbyLags, clockSlew:
		return r.between(5*time.Second, time.Minute)
	}
	switch r.IntN(4) {
	case 0:
		return r.between(100*time.Millisecond, 3*time.Second)
	case 1:
		return r.between(time.Minute, 4*time.Minute)
	}
	return r.between(3*time.Second, 40*time.Second)
}

func (w *world) scheduleFaults() {
	for _, f := range planFaults(w.options) {
		w.at(f.at, func() { w.strike(&f) })
	}
}

// strike carries a fault out.
func (w *world) strike(f *fault) {
	w.say("FAULT", "%d: %s for %s", f.num, f.kind, f.long)
	w.stats.Faults[string(f.kind)]++
	h := w.hosts[f.host]
	var some []*host
	for i := range f.hosts {
		some = append(some, w.hosts[(f.host+i)%len(w.hosts)])
	}
	switch f.kind {
	case agentCrash, agentStop, agentPause, hostCrash, hostWiped, executorCrash, executorLost:
		w.strikeHost(f, h)
	case partition:
		w.partition(some, w.someMasters(f), []direction{toMaster, toAgent}, f.long)
	case oneWay:
		w.partition(some, w.someMasters(f), []direction{direction(f.num % 2)}, f.long)
	case connectionLost:
		w.resetStreams(some)
	case slowLink:
		w.slowLinks(some, f)
	case cutOffAndDead:
		fence := float64(w.timing.FenceAfter)
		w.partition(some, w.masters, []direction{toMaster, toAgent}, w.timing.FenceAfter+f.long)
		w.after(time.Duration(f.luck*fence), func() {
			if a := h.agent; a != nil {
				a.die(false)
				w.after(time.Duration(float64(f.num%4)*fence), func() { h.startAfter(a) })
			}
		})
	default:
		w.strikeMaster(f)
	}
}

// someMasters are those that a partition is from: often all of them.
func (w *world) someMasters(f *fault) []*masterNode {
	if f.luck < 0.6 {
		return w.masters
	}
	return []*masterNode{w.victim(f)}
}

// victim is the master that a fault is about.
func (w *world) victim(f *fault) *masterNode {
	if l := w.etcd.lease; f.who < 0 && l != nil {
		return l.owner
	}
	return w.masters[(f.who+len(w.masters))%len(w.masters)]
}

// resetStreams breaks the connections of some hosts.
func (w *world) resetStreams(some []*host) {
	for _, s := range w.network.open(func(s *stream) bool { return s.agentOpen && slices.Contains(some, s.agent.host) }) {
		s.reset()
	}
}

// slowLinks makes messages of some hosts slow, and breaks a connection or two.
func (w *world) slowLinks(some []*host, f *fault) {
	slow := slowness{most: time.Duration(f.luck * float64(14*time.Second)), from: w.now}
	if f.num%2 == 0 {
		slow.ramp = f.long / 2
	} else {
		w.after(f.long/2, func() { w.resetStreams(some) })
	}
	for _, h := range some {
		w.network.slow[h.num] = [2]slowness{slow, slow}
		if f.num%3 == 0 {
			w.network.slow[h.num][toMaster] = slowness{}
		}
	}
	w.after(f.long, func() {
		for _, h := range some {
			w.network.slow[h.num] = [2]slowness{}
		}
	})
	if f.num%3 == 1 { // slower and slower, and then dead
		w.after(f.long*3/4, func() {
			w.partition(some, w.masters, []direction{toMaster, toAgent}, w.timing.FenceAfter+time.Minute)
		})
	}
}

func (w *world) strikeHost(f *fault, h *host) {
	switch f.kind {
	case hostCrash, hostWiped:
		if h.up {
			h.crash()
			w.after(f.long, func() { h.boot(f.kind == hostWiped) })
		}
		return
	case executorCrash, executorLost:
		if x := h.someExecutor(f.luck); x != nil {
			if f.kind == executorCrash {
				w.say(h.name, "executor %s dies", x.dir.id)
				x.die()
				// PR_SET_PDEATHSIG ends its tasks, also while no agent is there to do it.
				x.dir.killProcesses("its executor died")
			} else if x.conn != nil {
				w.say(h.name, "the connection to executor %s is lost", x.dir.id)
				x.conn.lose()
			}
		}
		return
	}
	a := h.agent
	if a == nil {
		return
	}
	switch {
	case f.kind == agentPause:
		a.pause(f.long)
		return
	case f.kind == agentStop:
		a.stop(time.Duration(f.luck * float64(3*time.Second)))
	case f.luck < 0.5:
		a.dieIn = 1 + int(f.luck*40) // in the middle of a turn
	default:
		a.die(false)
	}
	w.after(f.long, func() { h.startAfter(a) })
}

// startAfter starts the host's agent anew once the run a of it has ended.
func (h *host) startAfter(a *agentProc) {
	if a.alive {
		h.w.after(time.Second, func() { h.startAfter(a) })
		return
	}
	h.startAgent()
}

func (h *host) someExecutor(luck float64) *executor {
	var alive []*executor
	for _, d := range h.sortedDirs() {
		if d.proc != nil {
			alive = append(alive, d.proc)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	return alive[int(luck*float64(len(alive)))]
}

func (w *world) strikeMaster(f *fault) {
	m, e := w.victim(f), w.etcd
	switch f.kind {
	case masterCrash:
		switch {
		case !m.up:
			return
		case f.luck < 0.3:
			m.dying = crashCommitted
		case f.luck < 0.6:
			m.dying = crashSending
		default:
			m.crash(f.luck > 0.9)
		}
		boot := m.boot
		w.after(10*time.Second, func() { // there may be no turn to die in
			if m.boot == boot && m.dying != crashNot {
				m.crash(false)
			}
		})
		w.after(10*time.Second+f.long, m.start)
	case masterPause:
		m.pause(f.long)
	case masterCut:
		m.cut++
		w.after(f.long, func() {
			m.cut--
			m.lookAtLog()
			m.campaign()
		})
	case leaderKeyLost:
		if l := e.lease; l != nil {
			l.deleted = true
			e.free(l, "is deleted by an operator")
		}
	case twoLeaders:
		w.splitLeaders(f)
	case etcdOutage:
		e.outage(f.long)
	case etcdSlow:
		e.slowness = 200 * time.Millisecond
		w.after(f.long, func() { e.slowness = 0 })
	case standbyLags:
		m.lag = 3 * time.Second
		w.after(f.long, func() { m.lag = 0 })
	case clockSlew:
		m.clock.setRate(w.now, 1000+int64(f.luck*180)-90)
		w.after(f.long, func() { m.clock.setRate(w.now, 1000) })
	}
}

// splitLeaders makes a new leader while the old one does not hear of it. Agents
// first lose the old one, and some later find it again instead of the new one.
func (w *world) splitLeaders(f *fault) {
	l := w.etcd.lease
	if l == nil {
		return
	}
	l.deleted, l.unseen = true, f.long
	w.partition(w.hosts, []*masterNode{l.owner}, []direction{toMaster, toAgent}, 3*time.Second)
	for _, s := range w.network.open(func(s *stream) bool { return s.master == l.owner }) {
		s.reset()
	}
	w.etcd.free(l, "is deleted, its owner does not know")
	w.after(3500*time.Millisecond, func() {
		n := int(f.luck * float64(len(w.hosts)))
		w.resetStreams(w.hosts[n:])
	})
}

package batch

import (
	"hash/fnv"
	"strconv"
	"time"
)

// habit is how long tasks of one kind have run, in three numbers. Recent runs
// count most: each counts half as much as the next. Tsafrir, Etsion and
// Feitelson ("Backfilling using system-generated predictions", TPDS 2007) found
// that a user's last two runs foretell the next one better than the limit does.
//
// Integers, so that the journal folds to the same bytes on every machine.
type habit struct {
	count int64 // runs seen, at most habitCount
	mean  int64 // microseconds
	rate  int64 // mean of 1/run, in 1/10⁹ s
}

const (
	habitCount = 255
	// shortRun is what a shorter run counts as: bounded slowdown's bound.
	shortRun = 10 * time.Second
)

func (h *habit) add(run int64) {
	rate := int64(1e15) / max(run, shortRun.Microseconds())
	if h.count == 0 {
		h.mean, h.rate = run, rate
	} else {
		h.mean, h.rate = (h.mean+run)/2, (h.rate+rate)/2
	}
	h.count = min(h.count+1, habitCount)
}

// habitKeys are under what a group's runs are remembered: its user in its role,
// and there jobs of this name, size and limit. They are hashes: what is
// remembered is bounded, and two that fall together do no harm.
type habitKeys struct{ user, work uint64 }

func (g *group) habitKeys() habitKeys {
	if g.keys != (habitKeys{}) {
		return g.keys
	}
	j := g.job
	h := fnv.New64a()
	part := func(s string) {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	part(j.spec.Role)
	part(j.user)
	g.keys.user = h.Sum64()
	part(kindOfName(j.spec.Name))
	for _, n := range [...]int64{int64(g.num), g.likeSize(), weigh(g.spec), int64(j.spec.TimeLimit)} {
		part(strconv.FormatInt(n, 10))
	}
	g.keys.work = h.Sum64()
	return g.keys
}

// kindOfName drops digits: "night-2026-11-26" and "night-2026-11-27" are of a kind.
func kindOfName(name string) string {
	b := make([]byte, 0, len(name))
	for i := range len(name) {
		if c := name[i]; c < '0' || c > '9' {
			b = append(b, c)
		}
	}
	return string(b)
}

// expectation is what is expected of a task, in seconds.
type expectation struct {
	run    float64 // the mean
	likely float64 // the harmonic mean: one over the mean of 1/run, which short runs dominate
}

// workTrust is after how many runs a job's own history counts as much as all of
// its user's.
const workTrust = 4

// expect says what to expect of a task with the time limit given in seconds, 0
// for none.
func (h *habits) expect(k habitKeys, limit float64) expectation {
	u, w := h.users.get(k.user), h.works.get(k.work)
	if u == nil {
		top := orElse(limit, unknownRun)
		return expectation{run: top, likely: top / 2}
	}
	run, rate := float64(u.mean), float64(u.rate)
	if w != nil {
		part := float64(w.count) / float64(w.count+workTrust)
		run = part*float64(w.mean) + (1-part)*run
		rate = part*float64(w.rate) + (1-part)*rate
	}
	e := expectation{run: run / 1e6, likely: 1e9 / max(rate, 1)}
	if limit > 0 {
		e.run, e.likely = min(e.run, limit), min(e.likely, limit)
	}
	return e
}

// Bounds on what is remembered. They take part in folding the journal.
const (
	maxUserHabits = 1 << 12
	maxWorkHabits = 1 << 14
)

// habits is what is remembered of all users, and of the jobs they repeat.
type habits struct{ users, works memory }

func (h *habits) init() {
	h.users, h.works = memory{most: maxUserHabits}, memory{most: maxWorkHabits}
}

func (h *habits) learn(k habitKeys, run int64) {
	h.users.touch(k.user).add(run)
	h.works.touch(k.work).add(run)
}

// learn remembers a run of slot n, of a gang only that of its first.
func (f *Framework) learn(g *group, n int, run int64) {
	if run > 0 && (n == 0 || !g.gang()) {
		f.habits.learn(g.habitKeys(), run)
	}
}

package sim

import (
	"math/rand/v2"
	"time"
)

// random is one stream of a seed's random numbers. Each purpose has its own, so
// that leaving out a job does not change the faults.
type random struct{ *rand.Rand }

type purpose uint64

const (
	forCluster purpose = iota + 1
	forJobs
	forFaults
	forRun
	forRoles
	forShares
	forTight
	forSchedules
	forServices
	forDrains
	forEverywhere
	forSpreadRuns
)

func newRandom(seed uint64, p purpose) random {
	return random{rand.New(rand.NewPCG(seed, uint64(p)))}
}

// chance is true with probability p.
func (r random) chance(p float64) bool { return r.Float64() < p }

// between returns lo ≤ d ≤ hi.
func (r random) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(r.Int64N(int64(hi-lo)+1))
}

// count returns lo ≤ n ≤ hi.
func (r random) count(lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// exp draws from the exponential distribution, at most five times its mean.
func (r random) exp(mean time.Duration) time.Duration {
	return time.Duration(min(r.ExpFloat64(), 5) * float64(mean))
}

func pick[T any](r random, from []T) T { return from[r.IntN(len(from))] }

// weighted returns a key of the list with a chance in proportion to its weight.
func weighted[T any](r random, from []choice[T]) T {
	sum := 0
	for _, c := range from {
		sum += c.weight
	}
	n := r.IntN(sum)
	for _, c := range from {
		if n -= c.weight; n < 0 {
			return c.value
		}
	}
	panic("sim: no choice has a weight")
}

type choice[T any] struct {
	value  T
	weight int
}

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

func (r random) id(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = idAlphabet[r.IntN(len(idAlphabet))]
	}
	return string(b)
}

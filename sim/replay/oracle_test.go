package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/frameworks/batch"
)

// pool is EASY and conservative backfill on a pool of processors by the plainest
// of means: each pass starts from nothing, tries every second at which something
// ends, and counts processors. It follows the protocol of the package comment.
type pool struct {
	procs   int
	holds   int // how many jobs that wait get a reservation
	running []*poolJob
	waiting []*poolJob
	// order is how those that wait go; nil = first come, first served.
	order func(a, b *poolJob) int
	now   int64
}

type poolJob struct {
	Record
	start int64
}

// span is that processors are in use from one second to another.
type span struct {
	from, to int64
	procs    int
}

func (p *pool) free(spans []span, at int64) int {
	n := p.procs
	for _, s := range spans {
		if s.from <= at && at < s.to {
			n -= s.procs
		}
	}
	return n
}

// earliest returns the first second from now on at which a job can start beside
// spans and run for its limit.
func (p *pool) earliest(spans []span, j *poolJob) int64 {
	times := []int64{p.now}
	for _, s := range spans {
		times = append(times, s.from, s.to)
	}
	slices.Sort(times)
	for _, t := range times {
		if t < p.now {
			continue
		}
		fits := p.free(spans, t) >= j.Procs
		for _, s := range spans {
			if s.from > t && s.from < t+j.Limit {
				fits = fits && p.free(spans, s.from) >= j.Procs
			}
		}
		if fits {
			return t
		}
	}
	panic("a job that never fits")
}

func (p *pool) pass() {
	var spans []span
	for _, r := range p.running {
		spans = append(spans, span{r.start, r.start + r.Limit, r.Procs})
	}
	held := 0
	if p.order != nil {
		slices.SortStableFunc(p.waiting, p.order)
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(j *poolJob) bool {
		t := p.earliest(spans, j)
		if t == p.now {
			j.start = p.now
			p.running = append(p.running, j)
		} else if held++; p.holds >= 0 && held > p.holds {
			return false
		}
		spans = append(spans, span{t, t + j.Limit, j.Procs})
		return t == p.now
	})
}

// run returns when each of the records, which are in the order of submission, starts.
func (p *pool) run(records []Record) []int64 {
	jobs := make([]*poolJob, len(records))
	for i, r := range records {
		r.Run = min(r.Run, r.Limit)
		jobs[i] = &poolJob{Record: r, start: -1}
	}
	next := 0
	for next < len(jobs) || len(p.running) > 0 {
		var first *poolJob
		for _, r := range p.running {
			if first == nil || r.start+r.Run < first.start+first.Run {
				first = r
			}
		}
		if next < len(jobs) && (first == nil || jobs[next].Submit <= first.start+first.Run) {
			j := jobs[next]
			next++
			p.now = j.Submit
			p.waiting = append(p.waiting, j)
			busy := 0
			for _, r := range p.running {
				if r.start+r.Limit > p.now {
					busy += r.Procs
				}
			}
			if p.procs-busy >= j.Procs {
				p.pass()
			}
			continue
		}
		p.now = first.start + first.Run
		p.running = slices.DeleteFunc(p.running, func(r *poolJob) bool { return r == first })
		p.pass()
	}
	starts := make([]int64, len(jobs))
	for i, j := range jobs {
		starts[i] = j.start
	}
	return starts
}

func drawLog(t *rapid.T) *Log {
	log := &Log{MaxProcs: rapid.IntRange(1, 8).Draw(t, "machine")}
	at := int64(0)
	for i := range rapid.IntRange(1, 12).Draw(t, "jobs") {
		at += rapid.Int64Range(0, 6).Draw(t, "gap")
		run := rapid.Int64Range(1, 20).Draw(t, "run")
		log.Records = append(log.Records, Record{
			ID: int64(i + 1), Submit: at, Run: run, Limit: max(1, run+rapid.Int64Range(-2, 12).Draw(t, "slack")),
			Procs: rapid.IntRange(1, log.MaxProcs).Draw(t, "procs"), User: rapid.Int64Range(1, 3).Draw(t, "user"), Executable: -1,
		})
	}
	return log
}

// TestAgainstPool holds the allocator and the policies that go by the order of
// submission against the pool.
func TestAgainstPool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t)
		for _, policy := range []batch.Policy{batch.PolicyEASY, batch.PolicyConservative} {
			want := (&pool{procs: log.MaxProcs, holds: policy.Holds()}).run(log.Records)
			for _, nodes := range []int{1, log.MaxProcs} {
				if nodes > 1 && policy == batch.PolicyConservative {
					continue // a hold is on nodes of its own there, which no processors of a pool are
				}
				res, err := Run(log, Options{Policy: policy, Nodes: nodes})
				if err != nil {
					t.Fatal(err)
				}
				if got := startsOf(res); !slices.Equal(got, want) {
					t.Fatalf("%s on %d nodes: starts %v, want %v\n%s", policy, nodes, got, want, render(log))
				}
			}
		}
	})
}

// TestOrderedAgainstPool is TestAgainstPool for an order of its own and any number of
// holds.
func TestOrderedAgainstPool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t)
		holds := rapid.IntRange(-1, 3).Draw(t, "holds")
		area := func(a, b *poolJob) int { return cmp.Compare(int64(a.Procs)*a.Limit, int64(b.Procs)*b.Limit) }
		want := (&pool{procs: log.MaxProcs, holds: holds, order: area}).run(log.Records)
		res, err := Run(log, Options{Policy: batch.PolicySAF, Holds: &holds})
		if err != nil {
			t.Fatal(err)
		}
		if got := startsOf(res); !slices.Equal(got, want) {
			t.Fatalf("%d holds: starts %v, want %v\n%s", holds, got, want, render(log))
		}
	})
}

func startsOf(r *Result) (starts []int64) {
	for i := range r.Jobs {
		starts = append(starts, r.Jobs[i].Start)
	}
	return starts
}

func render(log *Log) string {
	var b strings.Builder
	for _, r := range log.Records {
		fmt.Fprintf(&b, "job %d at %d: %d procs for %d s, limit %d\n", r.ID, r.Submit, r.Procs, r.Run, r.Limit)
	}
	return b.String()
}

// TestAnyPolicy checks what holds under all of them: every job runs, after it was
// submitted, and never more at once than there are processors; and that a second
// replay gives the same.
func TestAnyPolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t)
		o := Options{Policy: rapid.SampledFrom(batch.Policies()).Draw(t, "policy"), OvertakeLimit: 1e9 * 20}
		res, err := Run(log, o)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Run(log, o)
		if err != nil || !slices.Equal(startsOf(res), startsOf(again)) {
			t.Fatalf("a second replay differs: %v", err)
		}
		if len(res.Jobs) != len(log.Records) {
			t.Fatalf("%d of %d jobs ran", len(res.Jobs), len(log.Records))
		}
		for i := range res.Jobs {
			j := &res.Jobs[i]
			if j.Start < j.Submit {
				t.Fatalf("job %d starts at %d, before it is submitted at %d", j.ID, j.Start, j.Submit)
			}
			busy := 0
			for k := range res.Jobs {
				if x := &res.Jobs[k]; x.Start <= j.Start && j.Start < x.End {
					busy += x.Procs
				}
			}
			if busy > log.MaxProcs {
				t.Fatalf("%d processors in use at %d, there are %d\n%s", busy, j.Start, log.MaxProcs, render(log))
			}
		}
	})
}

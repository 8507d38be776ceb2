package offers

import (
	"container/heap"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// kueueClass is a class of workloads of Kueue's scheduler performance test
// (test/performance/scheduler/configs/baseline/generator.yaml): what each queue
// gets of it, one every interval.
type kueueClass struct {
	name     string
	count    int
	interval time.Duration
	run      time.Duration
	priority int64
	units    int64
}

var kueueBaseline = []kueueClass{
	{"small", 350, 100 * time.Millisecond, 200 * time.Millisecond, 50, 1},
	{"medium", 100, 500 * time.Millisecond, 500 * time.Millisecond, 100, 5},
	{"large", 50, 1200 * time.Millisecond, time.Second, 200, 20},
}

const (
	kueueCohorts = 5
	kueueQueues  = 6  // in each cohort
	kueueUnits   = 20 // each queue's nominal quota
)

// moment is when a workload is created or, if it runs, ends.
type moment struct {
	at    time.Duration
	order int // of equal times
	w     *workload
}

type workload struct {
	demand  model.Demand
	run     time.Duration
	running model.TaskID
	agent   model.AgentID
}

type moments []moment

func (m moments) Len() int { return len(m) }
func (m moments) Less(i, j int) bool {
	return m[i].at < m[j].at || m[i].at == m[j].at && m[i].order < m[j].order
}
func (m moments) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)   { *m = append(*m, x.(moment)) }
func (m *moments) Pop() any {
	last := len(*m) - 1
	x := (*m)[last]
	*m = (*m)[:last]
	return x
}

// kueueBook returns the book of the baseline: 600 units on so many agents; each
// queue is guaranteed 20 and may borrow what the others of its cohort leave.
func kueueBook(agents int) *Book {
	total := int64(kueueCohorts * kueueQueues * kueueUnits)
	book := cluster(agents, model.Shape{Resources: model.Resources{CPUMilli: total * 1000 / int64(agents)}})
	for c := range kueueCohorts {
		most := int64(kueueQueues * kueueUnits * 1000)
		book.SetRole(model.RoleConfig{Role: fmt.Sprint("cohort", c), Limit: model.Limits{CPUMilli: &most}})
		for q := range kueueQueues {
			book.SetRole(model.RoleConfig{Role: fmt.Sprintf("cohort%d/queue%d", c, q),
				Guarantee: model.Resources{CPUMilli: kueueUnits * 1000}})
		}
	}
	return book
}

// kueueWorkloads returns all 15,000 with the times at which they are created.
// limits says whether users tell how long they run.
func kueueWorkloads(limits bool) moments {
	var all moments
	for c := range kueueCohorts {
		for q := range kueueQueues {
			for _, k := range kueueBaseline {
				for n := range k.count {
					w := &workload{run: k.run}
					w.demand = wants(fmt.Sprintf("%s-%d-%d-%d", k.name, c, q, n), 1,
						model.Shape{Resources: model.Resources{CPUMilli: k.units * 1000}})
					w.demand.Role, w.demand.Rank = fmt.Sprintf("cohort%d/queue%d", c, q), k.priority
					if limits {
						w.demand.TimeLimit = model.Duration(k.run)
					}
					all = append(all, moment{at: time.Duration(n+1) * k.interval, w: w})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(x, y moment) int { return int(x.at - y.at) })
	for i := range all {
		all[i].order, all[i].w.demand.Seq = i, uint64(i)
	}
	return all
}

// kueueRun works all of it off on virtual time and returns how long that took:
// a pass after everything that happens at one time, and every offer is taken.
func kueueRun(tb testing.TB, book *Book, limits bool) (makespan time.Duration) {
	next := kueueWorkloads(limits)
	left := len(next)
	work := map[string]*workload{}
	heap.Init(&next)
	for len(next) > 0 {
		at := next[0].at
		for len(next) > 0 && next[0].at == at {
			w := heap.Pop(&next).(moment).w
			if w.agent == "" {
				book.SetDemand(w.demand)
				work[w.demand.ID] = w
				continue
			}
			book.Release(w.running)
			left--
			makespan = at
		}
		for _, o := range book.Plan(epoch.Add(at)) {
			w := work[o.Demand]
			a := acceptAll(book, &o, w.demand.Groups[0].Shape, model.JobID(o.Demand), 0)
			a.Launches[0].TimeLimit = w.demand.TimeLimit
			if _, r := book.Accept(epoch.Add(at), "batch", a); r != nil {
				tb.Fatal(r)
			}
			w.agent, w.running = o.Parts[0].Agent, a.Launches[0].ID(0)
			heap.Push(&next, moment{at: at + w.run, order: int(o.ID), w: w})
		}
	}
	if left > 0 {
		tb.Fatalf("%d workloads did not run", left)
	}
	return makespan
}

// (k) Kueue's baseline on virtual time. The quota of its cohorts is all there is
// to it in Kueue's own test, which has no nodes: "quota" is that, with one agent
// that has all units. "nodes" has 30 of 20 units, so that a large one needs one
// for itself. What matters is the makespan, beside the 66 s that the work itself
// takes; ns/op is what deciding costs in all.
func BenchmarkKueueBaseline(b *testing.B) {
	for _, c := range []struct {
		name   string
		agents int
		limits bool
	}{{"quota", 1, false}, {"quota/limits", 1, true}, {"nodes", 30, false}, {"nodes/limits", 30, true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var took time.Duration
			for b.Loop() {
				took = kueueRun(b, kueueBook(c.agents), c.limits)
			}
			b.ReportMetric(took.Seconds(), "virtual-s")
		})
	}
}

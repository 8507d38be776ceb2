package offers

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

var epoch = time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)

func cpus(n float64) model.Shape {
	return model.Shape{Resources: model.Resources{CPUMilli: int64(n * 1000)}}
}

func sized(cpu float64, memoryGiB int64) model.Shape {
	s := cpus(cpu)
	s.MemoryBytes = memoryGiB << 30
	return s
}

// cluster returns a book of n agents.
func cluster(n int, capacity model.Shape) *Book {
	b := NewBook()
	for i := range n {
		name := fmt.Sprintf("a%05d", i)
		b.SetAgent(model.AgentInfo{ID: model.AgentID(name), Name: name, Capacity: capacity.Resources,
			Attributes: map[string]string{"attr.kernel.name": "linux", "meta.rack": fmt.Sprintf("r%d", i/40), "node.unique.name": name}})
	}
	return b
}

func wants(id string, count int, shape model.Shape) model.Demand {
	return model.Demand{Framework: "batch", ID: id, Groups: []model.DemandGroup{{Count: count, Shape: shape}}}
}

// acceptAll launches all of an offer as tasks of job, from index first on.
func acceptAll(b *Book, o *model.Offer, shape model.Shape, job model.JobID, first uint32) model.Accept {
	a := model.Accept{Offer: o.ID, Launches: make([]model.Launch, len(o.Parts))}
	for i, p := range o.Parts {
		tasks := make([]model.Attempt, p.Count)
		for n := range tasks {
			tasks[n].Index = first
			first++
		}
		a.Launches[i] = model.Launch{Agent: p.Agent, Job: job, Shape: shape, Tasks: tasks}
	}
	return a
}

// lap adds the time since from to d and returns now.
func lap(d *time.Duration, from time.Time) time.Time {
	t := time.Now()
	*d += t.Sub(from)
	return t
}

func mustAccept(tb testing.TB, b *Book, a model.Accept) {
	if _, r := b.Accept(epoch, "batch", a); r != nil {
		tb.Fatal(r)
	}
}

// (a) 1,000,000 equal tasks on 10,000 agents: plan, accept, and (apart) release.
func BenchmarkPlaceMillionTasks(b *testing.B) {
	for _, agents := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) {
			const tasks = 1_000_000
			shape := sized(1, 1)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				book := cluster(agents, sized(float64(tasks/agents), int64(tasks/agents)))
				book.SetDemand(wants("d", tasks, shape))
				b.StartTimer()
				os := book.Plan(epoch)
				b.StopTimer()
				if len(os) != 1 || len(os[0].Parts) != agents {
					b.Fatal("not all placed")
				}
				a := acceptAll(book, &os[0], shape, "j", 0)
				b.StartTimer()
				mustAccept(b, book, a)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tasks, "ns/task")
		})
	}
}

// (a2) the same as 1,000,000 demands of one task.
func BenchmarkPlaceMillionDemands(b *testing.B) {
	const agents, tasks = 10_000, 1_000_000
	shape := sized(1, 1)
	ids := make([]string, tasks)
	for i := range ids {
		ids[i] = fmt.Sprint("job", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		book := cluster(agents, sized(100, 100))
		for i, id := range ids {
			d := wants(id, 1, shape)
			d.Seq = uint64(i)
			book.SetDemand(d)
		}
		runtime.GC()
		b.StartTimer()
		if os := book.Plan(epoch); len(os) != tasks {
			b.Fatal("not all placed")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tasks, "ns/demand")
}

// (b) a pass with 100,000 waiting demands of few shapes on 10,000 agents, after
// every agent has gained and lost again: nothing fits, all are decided on.
func BenchmarkPassManyWaiting(b *testing.B) {
	for _, shapes := range []int{8, 1_000, 100_000} {
		b.Run(fmt.Sprintf("shapes=%d", shapes), func(b *testing.B) {
			book := cluster(10_000, sized(64, 256))
			book.SetDemand(wants("filler", 10_000, sized(63, 1)))
			for _, o := range book.Plan(epoch) {
				mustAccept(b, book, acceptAll(book, &o, sized(63, 1), "filler", 0))
			}
			for i := range 100_000 {
				d := wants(fmt.Sprint("d", i), 1, model.Shape{Resources: model.Resources{
					CPUMilli: 2000 + int64(i%shapes), MemoryBytes: int64(1+i%8) << 30}})
				d.Rank, d.Seq = int64(i%100), uint64(i)
				book.SetDemand(d)
			}
			if os := book.Plan(epoch); len(os) != 0 {
				b.Fatal("something fits")
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, a := range book.agents {
					book.gain(a)
				}
				if os := book.Plan(epoch); len(os) != 0 {
					b.Fatal("something fits")
				}
			}
		})
	}
}

// (b3) one more demand, and the pass for it, while 100,000 of as many shapes wait.
func BenchmarkSubmitAmongWaiting(b *testing.B) {
	book := cluster(10_000, sized(8, 8))
	for i := range 100_000 {
		book.SetDemand(wants(fmt.Sprint("d", i), 1, model.Shape{Resources: model.Resources{CPUMilli: 9000 + int64(i)}}))
	}
	book.Plan(epoch)
	b.ReportAllocs()
	for b.Loop() {
		book.SetDemand(wants("new", 1, sized(8, 8)))
		if os := book.Plan(epoch); len(os) != 1 {
			b.Fatal("not placed")
		}
		book.DropDemand("batch", "new")
		book.Withdrawn()
		book.settle()
		book.planned = book.gains // what came back is not news, for this figure
	}
}

// (b2) the same where the index cannot tell at once: agents have cores or
// memory free, never both.
func BenchmarkPassFragmented(b *testing.B) {
	for _, shapes := range []int{8, 1_000} {
		b.Run(fmt.Sprintf("shapes=%d", shapes), func(b *testing.B) {
			book := NewBook()
			for i := range 10_000 {
				name := fmt.Sprintf("a%05d", i)
				c := sized(1, 256)
				if i%2 == 0 {
					c = sized(64, 1)
				}
				book.SetAgent(model.AgentInfo{ID: model.AgentID(name), Name: name, Capacity: c.Resources})
			}
			for i := range 100_000 {
				d := wants(fmt.Sprint("d", i), 1, model.Shape{Resources: model.Resources{
					CPUMilli: 2000 + int64(i%shapes), MemoryBytes: int64(2+i%8) << 30}})
				d.Rank, d.Seq = int64(i%100), uint64(i)
				book.SetDemand(d)
			}
			book.Plan(epoch)
			b.ReportAllocs()
			for b.Loop() {
				for _, a := range book.agents {
					book.gain(a)
				}
				if os := book.Plan(epoch); len(os) != 0 {
					b.Fatal("something fits")
				}
			}
		})
	}
}

// (c) 1,000 demands of one task over 1,000 agents: set, plan, accept, release.
func BenchmarkSingleTaskDemands(b *testing.B) {
	const n = 1_000
	shape := sized(1, 1)
	book := cluster(n, sized(16, 16))
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("job", i)
	}
	accepts := make([]model.Accept, n)
	for i := range accepts {
		accepts[i].Launches = []model.Launch{{Job: model.JobID(ids[i]), Shape: shape, Tasks: []model.Attempt{{}}}}
	}
	var set, plan, accept, release time.Duration
	b.ReportAllocs()
	for b.Loop() {
		t := time.Now()
		for i, id := range ids {
			d := wants(id, 1, shape)
			d.Seq = uint64(i)
			book.SetDemand(d)
		}
		t = lap(&set, t)
		os := book.Plan(epoch)
		t = lap(&plan, t)
		for i := range os {
			a := accepts[i]
			a.Offer, a.Launches[0].Agent = os[i].ID, os[i].Parts[0].Agent
			mustAccept(b, book, a)
		}
		t = lap(&accept, t)
		for i := range accepts {
			book.Release(accepts[i].Launches[0].ID(0))
		}
		lap(&release, t)
	}
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N) / n }
	b.ReportMetric(per(set), "ns/set")
	b.ReportMetric(per(plan), "ns/plan")
	b.ReportMetric(per(accept), "ns/accept")
	b.ReportMetric(per(release), "ns/release")
}

// (d) steady state: a 100,000-task demand waits, each turn some of 1,000 agents
// free a task and get another.
func BenchmarkSteadyState(b *testing.B) {
	for _, freed := range []int{1, 10, 100, 1_000} {
		b.Run(fmt.Sprintf("freed=%d", freed), func(b *testing.B) {
			const agents, slots = 1_000, 64
			shape := sized(1, 1)
			book := cluster(agents, sized(slots, slots))
			book.SetDemand(wants("d", agents*slots+100_000, shape))
			os := book.Plan(epoch)
			a := acceptAll(book, &os[0], shape, "j", 0)
			mustAccept(b, book, a)
			var running []model.TaskID // oldest first
			for n := range slots {
				for i := range a.Launches {
					running = append(running, a.Launches[i].ID(n))
				}
			}
			next := uint32(agents * slots)
			var release, plan, accept time.Duration
			b.ReportAllocs()
			for b.Loop() {
				book.SetDemand(wants("d", 100_000, shape))
				t := time.Now()
				for _, id := range running[:freed] {
					book.Release(id)
				}
				t = lap(&release, t)
				os := book.Plan(epoch)
				lap(&plan, t)
				a := acceptAll(book, &os[0], shape, "j", next)
				next += uint32(freed)
				running = append(running[freed:], tasksOf(a)...)
				t = time.Now()
				mustAccept(b, book, a)
				lap(&accept, t)
			}
			per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N) / float64(freed) }
			b.ReportMetric(per(release), "ns/release")
			b.ReportMetric(per(plan), "ns/plan")
			b.ReportMetric(per(accept), "ns/accept")
		})
	}
	b.Run("freed=0", func(b *testing.B) {
		book := cluster(1_000, sized(1, 1))
		book.SetDemand(wants("d", 100_000, sized(1, 1)))
		book.Plan(epoch)
		b.ReportAllocs()
		for b.Loop() {
			if book.Plan(epoch) != nil {
				b.Fatal("an offer")
			}
		}
	})
}

func tasksOf(a model.Accept) (out []model.TaskID) {
	for i := range a.Launches {
		for n := range a.Launches[i].Tasks {
			out = append(out, a.Launches[i].ID(n))
		}
	}
	return out
}

// What a book weighs.
func BenchmarkMemory(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		book := cluster(10_000, sized(100, 100))
		agents := heap()
		for i := range 100_000 {
			book.SetDemand(wants(fmt.Sprint("d", i), 1, sized(1, 1)))
		}
		demands := heap()
		for i := range 100_000 {
			book.DropDemand("batch", fmt.Sprint("d", i))
		}
		book.SetDemand(wants("d", 1_000_000, sized(1, 1)))
		os := book.Plan(epoch)
		a := acceptAll(book, &os[0], sized(1, 1), "j", 0)
		base := heap()
		mustAccept(b, book, a)
		tasks := heap()
		b.ReportMetric(float64(agents-before)/10_000, "B/agent")
		b.ReportMetric(float64(demands-agents)/100_000, "B/demand")
		b.ReportMetric(float64(int64(tasks-base))/1_000_000, "B/task")
		runtime.KeepAlive(book)
		runtime.KeepAlive(a)
	}
}

// 10,000 demands that each name their agent: a search for one agent each.
func BenchmarkPinnedDemands(b *testing.B) {
	const n = 10_000
	demands := make([]model.Demand, n)
	for i := range demands {
		demands[i] = wants(fmt.Sprint("d", i), 1, sized(1, 1))
		demands[i].Groups[0].Constraints = []model.Constraint{
			{Attribute: "${attr.kernel.name}", Operator: "=", Value: "linux"},
			{Attribute: "${node.unique.name}", Operator: "=", Value: fmt.Sprintf("a%05d", n-1-i)}}
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		book := cluster(n, sized(8, 8))
		b.StartTimer()
		for i := range demands {
			book.SetDemand(demands[i])
		}
		if os := book.Plan(epoch); len(os) != n {
			b.Fatal("not all placed")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/demand")
}

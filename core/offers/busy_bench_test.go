package offers

import (
	"fmt"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// slots is how many tasks run on each agent of a busy cluster.
const slots = 16

// busyCluster returns n agents of 64 CPUs, each with 16 tasks that leave little
// of it, end one after the other and have a time limit each, and the tasks' IDs.
func busyCluster(n int) *Book {
	b := cluster(n, sized(64, 256))
	for i := range n * slots {
		agent := i % n
		// 3.75 to 4 CPUs: 0 to 4 are left.
		shape := model.Shape{Resources: model.Resources{CPUMilli: 3750 + int64((agent*7919)%251), MemoryBytes: 14 << 30}}
		minutes := 1 + (i*7907)%1440
		b.Use(&model.Launch{
			Agent: model.AgentID(fmt.Sprintf("a%05d", agent)), Job: model.JobID(fmt.Sprint("j", i%1000)),
			Shape: shape, TimeLimit: model.Duration(time.Duration(minutes) * time.Minute),
			Tasks: []model.Attempt{{Index: uint32(i)}},
		}, Claim{}, epoch)
	}
	return b
}

// (e) A gang of 1,024 among 10,000 busy agents: where it fits, where it lacks one
// and no time is known at which it will not, and where its start has to be found
// from the ends of 160,000 tasks, with what is left of each agent until then.
func BenchmarkGang(b *testing.B) {
	const agents, size = 10_000, 1_024
	gang := func(n int, shape model.Shape) model.Demand {
		d := wants("gang", n, shape)
		d.AllOrNothing, d.TimeLimit = true, model.Duration(time.Hour)
		return d
	}
	b.Run("fits", func(b *testing.B) {
		book := busyCluster(agents)
		// An agent in nine has 8 more CPUs, which are as if they had just been freed.
		for i := 0; i < agents && i/9 < size; i += 9 {
			info := book.agents[i].info
			info.Capacity.CPUMilli += 8000
			book.SetAgent(info)
		}
		b.ReportAllocs()
		for b.Loop() {
			book.SetDemand(gang(size, sized(8, 8)))
			os := book.Plan(epoch)
			if len(os) != 1 || len(os[0].Parts) != size {
				b.Fatal("no gang")
			}
			book.DropDemand("batch", "gang")
		}
	})
	b.Run("lacks-one", func(b *testing.B) {
		book := cluster(agents, sized(8, 32))
		for i := range agents {
			if i%9 != 0 || i/9 >= size {
				book.Use(&model.Launch{Agent: model.AgentID(fmt.Sprintf("a%05d", i)), Job: "x", Shape: sized(6, 1),
					Tasks: []model.Attempt{{Index: uint32(i)}}}, Claim{}, epoch)
			}
		}
		d := wants("gang", size+1, sized(8, 8))
		d.AllOrNothing = true
		book.SetDemand(d)
		b.ReportAllocs()
		for b.Loop() {
			book.gain(book.agents[1])
			if book.Plan(epoch) != nil {
				b.Fatal("a gang")
			}
		}
	})
	// One that has almost all of each agent, and one of which 8 fit on an agent in
	// the end; and the former where what runs has changed on all agents at once.
	for _, c := range []struct {
		name  string
		shape model.Shape
		cold  bool
	}{{"whole-agents", sized(60, 64), false}, {"eighths", sized(8, 8), false}, {"all-changed", sized(60, 64), true}} {
		b.Run("hold/"+c.name, func(b *testing.B) {
			book := busyCluster(agents)
			book.SetDemand(gang(size, c.shape))
			// Somebody behind it, in whose way it is: only then is a hold made.
			book.SetDemand(wants("small", 1, cpus(0.1)))
			now := epoch
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(10 * time.Millisecond)
				for _, a := range book.agents {
					if c.cold {
						a.ends.changed()
					}
				}
				d := gang(size, c.shape)
				d.Rank = 1 + now.UnixMilli()%2
				d.Label = fmt.Sprint(now.UnixMilli()) // it is another one
				book.DropDemand("batch", "gang")
				book.SetDemand(d)
				for _, o := range book.Plan(now) {
					if o.Demand == "gang" {
						b.Fatal("it fits")
					}
					book.Decline(o.ID)
				}
				if len(book.holds) != 1 || book.holds[0].tasks != size || book.holds[0].estimated {
					b.Fatal("no hold")
				}
			}
		})
	}
}

// One explanation over 10,000 busy agents of 16 tasks each; of those after the
// first, with 100,000 others waiting.
func BenchmarkExplain(b *testing.B) {
	const agents = 10_000
	book := cluster(agents, sized(slots, slots))
	for i := range agents * slots {
		book.Use(&model.Launch{Agent: model.AgentID(fmt.Sprintf("a%05d", i%agents)), Job: model.JobID(fmt.Sprint("j", i%1000)),
			Shape: sized(1, 1), TimeLimit: model.Duration(time.Duration(i) * time.Second),
			Tasks: []model.Attempt{{Index: uint32(i)}}}, Claim{}, epoch)
	}
	gang := wants("g", 1_000, sized(4, 4))
	gang.AllOrNothing = true
	never := wants("n", 1, sized(1, 1))
	never.Groups[0].Constraints = []model.Constraint{{Attribute: "${meta.rak}", Operator: "=", Value: "r1"}}
	run := func(name string, d model.Demand) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if e := book.Explain(epoch, d); e.Fits > 0 {
					b.Fatal("it fits")
				}
			}
		})
	}
	run("array", wants("d", 100_000, sized(1, 1)))
	run("gang", gang)
	run("constraint", never)
	for i := range 100_000 {
		d := wants(fmt.Sprint("w", i), 1, model.Shape{Resources: model.Resources{CPUMilli: 1000 + int64(i%1000), MemoryBytes: 1 << 30}})
		d.Rank, d.Seq = int64(i%100), uint64(i)
		book.SetDemand(d)
	}
	last := wants("d", 1, sized(1, 1))
	last.Seq = 1 << 20
	run("behind-100000", last)
}

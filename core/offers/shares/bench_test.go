package shares

import (
	"fmt"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

var agentRoom = model.Resources{CPUMilli: 24_000, MemoryBytes: 256 << 30, DiskBytes: 1 << 40, GPUMilli: 4_000}

// BenchmarkSorter is Mesos' Sorter_BENCHMARK_Test.FullSort: 50,000 agents' room
// joins the total and is allocated over 1,000 clients, all are put in order;
// then everything is taken away again.
func BenchmarkSorter(b *testing.B) {
	const agents, clients = 50_000, 1_000
	tree := New()
	order := tree.Ranking(Demands)
	nodes := make([]*Node, clients)
	for i := range nodes {
		nodes[i] = tree.Node(fmt.Sprintf("r%04d", i)).Retain()
		order.Want(nodes[i], agentRoom, 1)
	}
	add := func() {
		for i := range agents {
			tree.AddTotal(agentRoom)
			nodes[i%clients].Charge(agentRoom, 1)
		}
	}
	sort := func() {
		order.Begin()
		for n := order.First(); n != nil; n = order.First() {
			order.Drop(n)
		}
	}
	remove := func() {
		for i := range agents {
			tree.AddTotal(agentRoom.Times(-1))
			nodes[i%clients].Charge(agentRoom, -1)
		}
	}
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			add()
			sort()
			b.StopTimer()
			remove()
			b.StartTimer()
		}
	})
	b.Run("remove", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			add()
			sort()
			b.StartTimer()
			remove()
			sort()
		}
	})
	// The same with every client's place kept right after every step.
	b.Run("churn", func(b *testing.B) {
		b.ReportAllocs()
		tree.SetTotal(agentRoom.Times(agents))
		order.First()
		for b.Loop() {
			for i := range agents {
				nodes[i%clients].Charge(agentRoom, 1)
			}
			for i := range agents {
				nodes[i%clients].Charge(agentRoom, -1)
			}
			sort()
			order.Begin()
		}
	})
}

// BenchmarkPass serves 1,000,000 tasks to roles in turn.
func BenchmarkPass(b *testing.B) {
	for _, roles := range []int{2, 1_000} {
		b.Run(fmt.Sprintf("roles=%d", roles), func(b *testing.B) {
			b.ReportAllocs()
			tree := New()
			order := tree.Ranking(Demands)
			shape := model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30}
			tree.SetTotal(shape.Times(1_000_000))
			for i := range roles {
				order.Want(tree.Node(fmt.Sprintf("top%d/r%d", i%30, i)), shape, 1)
			}
			turns := 0
			for b.Loop() {
				for left := 1_000_000; left > 0; turns++ {
					n := order.First()
					give := order.Slack(shape, left)
					n.Charge(shape, int64(give))
					left -= give
				}
				b.StopTimer()
				for n := range tree.Walk() {
					if n.own != (vec{}) {
						n.Charge(n.own.resources(), -1)
					}
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(turns)/float64(b.N), "turns/op")
		})
	}
}

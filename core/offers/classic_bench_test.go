package offers

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// subscribed returns a cluster with frameworks, each in the role that role gives.
func subscribed(agents, frameworks int, room model.Shape, role func(i int) string) *Book {
	b := cluster(agents, room)
	for i := range frameworks {
		b.Subscribe(Subscription{Framework: model.FrameworkID(fmt.Sprintf("f%04d", i)), Roles: []string{role(i)}})
	}
	return b
}

// (h) Mesos' HierarchicalAllocator_BENCHMARK_Test.DeclineOffers: all agents'
// room is offered to the frameworks by their shares, and all of it declined with
// the longest filter there is; again and again, so that the filters grow. An op
// is one such round. The book starts anew when all has been declined by all.
func BenchmarkDeclineRound(b *testing.B) {
	for _, c := range []struct {
		frameworks int
		role       string
	}{{1_000, "*"}, {3_000, "*"}, {1_000, "own"}, {3_000, "own"}} {
		const agents = 10_000
		b.Run(fmt.Sprintf("agents=%d/frameworks=%d/role=%s", agents, c.frameworks, c.role), func(b *testing.B) {
			b.ReportAllocs()
			fresh := func() *Book {
				return subscribed(agents, c.frameworks, sized(24, 64), func(i int) string {
					if c.role == "own" {
						return fmt.Sprintf("r%04d", i)
					}
					return c.role
				})
			}
			bk, now, rounds := fresh(), epoch, 0
			var plan time.Duration
			best, worst := time.Hour, time.Duration(0)
			for b.Loop() {
				if rounds == c.frameworks {
					b.StopTimer()
					bk, rounds = fresh(), 0
					b.StartTimer()
				}
				start := time.Now()
				os := bk.Plan(now)
				lap(&plan, start)
				if len(os) != agents {
					b.Fatalf("%d offers", len(os))
				}
				for i := range os {
					bk.DeclineFor(now, os[i].ID, MaxRefuse)
				}
				took := time.Since(start)
				best, worst = min(best, took), max(worst, took)
				now = now.Add(time.Second)
				rounds++
			}
			b.ReportMetric(float64(plan.Microseconds())/float64(b.N)/1000, "plan-ms/op")
			b.ReportMetric(float64(best.Microseconds())/1000, "best-ms")
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
			b.StopTimer()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "heap-MiB")
			runtime.KeepAlive(bk)
		})
	}
}

// (i) Mesos' LargeAndSmallQuota: 3,000 roles, each with a framework of its own,
// half with a guarantee of half an agent and half with one and a half; 3,000
// agents, which is exactly what they need. All of it is one pass.
func BenchmarkLargeAndSmallQuota(b *testing.B) {
	const roles = 3_000
	agent := sized(2, 2)
	b.ReportAllocs()
	made := 0
	for b.Loop() {
		b.StopTimer()
		bk := cluster(roles, agent)
		for i := range roles {
			g := agent.Resources
			g.CPUMilli, g.MemoryBytes = g.CPUMilli/2, g.MemoryBytes/2
			if i%2 == 1 {
				g = g.Times(3)
			}
			role := fmt.Sprintf("r%04d", i)
			bk.roles.Configure(model.RoleConfig{Role: role, Guarantee: g})
			bk.Subscribe(Subscription{Framework: model.FrameworkID(role), Roles: []string{role}})
		}
		b.StartTimer()
		made = len(bk.Plan(epoch))
		b.StopTimer()
		if due := bk.roles.Due(); !due.IsZero() {
			b.Fatalf("%s of the guarantees is unmet", due)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(made), "offers/op")
}

// (j) One task ends while everything else is declined by everybody.
func BenchmarkClassicPassAfterOneEnd(b *testing.B) {
	bk := subscribed(10_000, 1_000, sized(24, 64), func(int) string { return "*" })
	for range 1_000 {
		for _, o := range bk.Plan(epoch) {
			bk.DeclineFor(epoch, o.ID, MaxRefuse)
		}
	}
	b.ReportAllocs()
	i := uint32(0)
	for b.Loop() {
		l := model.Launch{Agent: "a00005", Job: "job", Shape: cpus(1), Tasks: []model.Attempt{{Index: i}}}
		bk.Use(&l, Claim{Key: Key{Framework: "batch", Demand: "d"}}, epoch)
		bk.Release(l.ID(0))
		bk.Plan(epoch)
		i++
	}
}

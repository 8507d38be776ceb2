package offers

import (
	"fmt"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// (b4) One full pass: 100,000 waiting demands, no two alike, on 10,000 agents
// with 160,000 tasks; holds for the first of them. Between two passes every agent
// has lost and gained, and time has passed, so that nothing is known from the
// pass before: all are examined, and all holds are looked for anew.
//
// A hundredth of the demands is small enough for what agents have left, if it
// ends before what is held begins; gangs that have to wait stand at the head.
func BenchmarkFullPass(b *testing.B) {
	for _, c := range []struct {
		name  string
		holds int
		gangs int
	}{{"holds=1", 1, 0}, {"holds=8", 8, 0}, {"holds=8/gangs=16", 8, 16}} {
		b.Run(c.name, func(b *testing.B) {
			book := busyCluster(10_000)
			s := DefaultSettings()
			s.Holds = c.holds
			book.Configure(s)
			queueOf(book, 100_000, c.gangs)
			now := epoch
			offers := 0
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(s.Refresh)
				os := book.Plan(now)
				b.StopTimer()
				if offers = len(os); offers == 0 || offers > 2_000 || len(book.holds) != c.holds {
					b.Fatalf("%d offers, %d holds", offers, len(book.holds))
				}
				mustHaveLooked(b, book)
				for _, o := range os {
					book.Decline(o.ID)
				}
				for _, a := range book.agents {
					book.gain(a)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(offers), "offers/op")
		})
	}
}

// queueOf sets demands of one task, no two of the same shape, and gangs of 64
// before them.
func queueOf(book *Book, demands, gangs int) {
	for i := range gangs {
		d := wants(fmt.Sprint("g", i), 64, sized(30+float64(i), 64))
		d.AllOrNothing, d.Rank, d.Seq, d.TimeLimit = true, 1000, uint64(i), model.Duration(2*time.Hour)
		book.SetDemand(d)
	}
	for i := range demands {
		shape := model.Resources{CPUMilli: 5000 + int64(i)/2, MemoryBytes: int64(1+i%8)<<30 + int64(i)}
		if i%100 == 0 {
			shape.CPUMilli = 500 + int64(i)/100
		}
		d := wants(fmt.Sprint("d", i), 1, model.Shape{Resources: shape})
		d.Rank, d.Seq = int64(i%97), uint64(i)
		d.TimeLimit = model.Duration(time.Duration(1+i%8) * time.Hour)
		book.SetDemand(d)
	}
}

// mustHaveLooked checks a sample of what waits after a pass against every agent:
// what got nothing fits nowhere, beside what is held.
func mustHaveLooked(tb testing.TB, book *Book) {
	for i := 0; i < 100_000; i += 1_993 {
		d := book.demands[demandID{"batch", fmt.Sprint("d", i)}]
		if d.satisfied() {
			continue
		}
		w := window{d: d, node: d.class.node, until: endOf(book.pass.now, d.TimeLimit)}
		for _, a := range book.agents {
			if n, _ := d.groups[0].check(a, 1, nil, &w); n > 0 {
				tb.Fatalf("%s fits on %s and got no offer", d.ID, a.info.Name)
			}
		}
	}
}

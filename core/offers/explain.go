package offers

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Explain says why d waits, or what it would wait for if it were set now. It
// looks at every agent with the filter that Plan uses, and changes nothing.
func (b *Book) Explain(now time.Time, d model.Demand) model.Explanation {
	e := model.Explanation{Demand: d.ID, Label: d.Label, Tier: model.TierWaiting, At: now}
	for i := range d.Groups {
		e.Asked += max(d.Groups[i].Count, 0)
		g := plainGroup(&d, i)
		g.room = newRoom(&d.Groups[i])
		t := tallyOf(b.agents, &g)
		want := d.Groups[i].Count
		for _, a := range b.agents {
			if a == nil || want == 0 {
				continue
			}
			n, _ := g.check(a, want, t)
			t.add(&g, a, n)
			want -= n
			e.Fits += n
		}
	}
	e.Summary = fmt.Sprintf("%d of %d tasks fit now", e.Fits, e.Asked)
	return e
}

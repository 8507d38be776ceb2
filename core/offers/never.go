package offers

import "github.com/tender-scheduler/tender/core/model"

// neverFirst is how many agents Never looks at before it looks at more.
const neverFirst = 32

// Never reports whether d cannot start on the agents as they are, were they in
// contact and empty: whether Explain's tier would be never. It is for asking
// about every submission: where the answer is no it is found on the first few
// agents.
func (b *Book) Never(d model.Demand) bool {
	var groups []group
	var wants []int
	asked := 0
	for i := range d.Groups {
		g := plainGroup(&d, i)
		g.room = newRoom(&d.Groups[i])
		want := max(d.Groups[i].Count, 0)
		asked += want
		if !d.AllOrNothing {
			want = min(want, 1) // one of them will do
		}
		groups, wants = append(groups, g), append(wants, want)
	}
	var empty []*agent
	enough := neverFirst
	for _, a := range b.agents {
		if a == nil || !a.known {
			continue
		}
		empty = append(empty, a.vacated())
		if asked > 0 && len(empty) == enough {
			if t := try(empty, groups, wants, d.AllOrNothing, nil); t.starts(d.AllOrNothing) > 0 {
				return false
			}
			enough *= 8
		}
	}
	if asked == 0 || len(empty) == 0 {
		return false
	}
	t := try(empty, groups, wants, d.AllOrNothing, nil)
	return t.starts(d.AllOrNothing) == 0
}

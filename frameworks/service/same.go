package service

import (
	"bytes"
	"encoding/json"
	"maps"

	"github.com/tender-scheduler/tender/core/model"
)

// sameTasks reports whether a group's tasks are the same in two versions of a job,
// so that those of the one need not be replaced for the other. What only says how
// many there are, how they are looked after and who pays makes no difference;
// what they run, see and are placed by does, meta included: it is in their
// environment.
func sameTasks(j1 *model.Job, g1 *model.Group, j2 *model.Job, g2 *model.Group) bool {
	return j1.Type == j2.Type && j1.Role == j2.Role && j1.Preemptible == j2.Preemptible &&
		maps.Equal(j1.Meta, j2.Meta) && bytes.Equal(essence(j1, g1), essence(j2, g2))
}

// essence is what of a group and its job makes its tasks what they are.
func essence(j *model.Job, g *model.Group) []byte {
	x := *g
	x.Count, x.Restart, x.Update, x.Reschedule, x.Migrate, x.ShutdownDelay = 0, model.RestartPolicy{}, nil, nil, nil, 0
	x.Affinities, x.Spreads = nil, nil // what is preferred holds for what is placed from now on
	b, err := json.Marshal(struct {
		Group       *model.Group
		Constraints []model.Constraint
	}{&x, j.Constraints})
	if err != nil {
		panic("service: a group is plain data and always encodes: " + err.Error())
	}
	return b
}

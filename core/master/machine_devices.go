package master

import (
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// gpuUse returns how much of an agent's devices is given out, as the book has it,
// and to which tasks, as the journal does.
func (m *Machine) gpuUse(id model.AgentID, a *agentRecord, labels *taskLabels) []model.GPUUse {
	use := m.book.DeviceUse(id)
	if len(use) == 0 {
		return nil
	}
	out := make([]model.GPUUse, len(use))
	at := make(map[string]int, len(use))
	for i, u := range use {
		out[i] = model.GPUUse{UUID: u.UUID, AllocatedMilli: u.AllocatedMilli, OfferedMilli: u.OfferedMilli}
		at[u.UUID] = i
		if lk := m.links[id]; lk != nil {
			if s, ok := lk.samples[u.UUID]; ok {
				out[i].Sample = &s
			}
		}
	}
	for _, t := range a.tasks {
		if t.grant == nil {
			continue
		}
		for _, g := range t.grant.GPUs {
			if i, ok := at[g.UUID]; ok {
				out[i].Tasks = append(out[i].Tasks, model.GPUTask{ID: t.id, Label: labels.of(t), Milli: g.Milli})
			}
		}
	}
	for i := range out {
		slices.SortFunc(out[i].Tasks, func(x, y model.GPUTask) int { return x.ID.Compare(y.ID) })
	}
	return out
}

// taskLabels names tasks for people. Only their frameworks know the names of
// jobs and groups; each job is asked for once.
type taskLabels struct {
	m    *Machine
	jobs map[model.JobID]*model.Job // nil where its framework has no such job
}

func (l *taskLabels) of(t *task) string {
	job, known := l.jobs[t.id.Job]
	if !known {
		if l.jobs == nil {
			l.jobs = map[model.JobID]*model.Job{}
		}
		if q, ok := l.m.frameworks[t.batch.claim.Framework].(model.Querier); ok {
			if answer, refusal := q.Query(l.m.now, model.GetJob{Selector: string(t.id.Job)}); refusal == nil {
				if v, ok := answer.(model.JobView); ok {
					job = v.Spec
				}
			}
		}
		l.jobs[t.id.Job] = job
	}
	if job == nil || int(t.id.Group) >= len(job.Groups) {
		return t.id.String()
	}
	return fmt.Sprintf("%s.%s[%d]", job.Name, job.Groups[t.id.Group].Name, t.id.Index)
}

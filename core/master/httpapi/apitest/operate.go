package apitest

import (
	"context"

	"github.com/tender-scheduler/tender/core/model"
)

// SetServices says what services there are; a service that is there gets its
// views' index, or another one than before if that is 0.
func (m *Master) SetServices(views ...model.ServiceView) {
	m.update(func() {
		if m.services == nil {
			m.services = map[string]model.ServiceView{}
		}
		for _, v := range views {
			if v.Index == 0 {
				v.Index = m.services[v.Name].Index + 1
			}
			m.services[v.Name] = v
		}
	})
}

// Service implements httpapi.Backend.
func (m *Master) Service(ctx context.Context, q model.GetService, index uint64) (model.ServiceView, *model.Refusal) {
	for {
		m.mu.Lock()
		v, ok := m.services[q.Name]
		changed := m.changed
		m.mu.Unlock()
		if !ok {
			v = model.ServiceView{Name: q.Name, Index: 1}
		}
		all := v.Endpoints
		v.Endpoints = []model.Endpoint{}
		for _, e := range all {
			if e.Healthy || q.All {
				v.Endpoints = append(v.Endpoints, e)
			}
		}
		if v.Index != index || ctx.Err() != nil {
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// onNodes serves what operators ask about nodes and services; ok is false for
// anything else.
func (m *Master) onNodes(body any) (answer any, refusal *model.Refusal, ok bool) {
	switch r := body.(type) {
	case model.ListServices:
		var l model.ServiceList
		for _, v := range m.services {
			s := model.ServiceSummary{Name: v.Name, Index: v.Index, Total: len(v.Endpoints)}
			for _, e := range v.Endpoints {
				s.Tags, s.Jobs = e.Tags, []string{e.JobName}
				if e.Healthy {
					s.Healthy++
				}
			}
			l.Services = append(l.Services, s)
		}
		return l, nil, true
	case model.DrainNode:
		answer, refusal = m.onNode(r.Node, func(n *model.NodeView) {
			d := &model.Drain{Since: m.now, Force: r.Force, IgnoreSystem: r.IgnoreSystem, Message: r.Message}
			if !r.NoDeadline {
				d.Deadline = m.now.Add(r.Deadline.Std())
			}
			n.Ineligible, n.Message, n.Drain, n.Leaving = true, r.Message, d, n.Tasks
			if n.Leaving == 0 {
				d.Done = m.now
			}
		})
	case model.SetEligibility:
		answer, refusal = m.onNode(r.Node, func(n *model.NodeView) {
			n.Ineligible, n.Message = !r.Eligible, r.Message
			if r.EndDrain || r.Eligible {
				n.Drain, n.Leaving = nil, 0
			}
		})
	default:
		return nil, nil, false
	}
	return answer, refusal, true
}

func (m *Master) onNode(name string, f func(*model.NodeView)) (any, *model.Refusal) {
	for i := range m.nodes {
		if m.nodes[i].Name == name {
			f(&m.nodes[i])
			return m.nodes[i], nil
		}
	}
	return nil, model.Refuse(model.ReasonNotFound, "no node has the name or the id %q", name)
}

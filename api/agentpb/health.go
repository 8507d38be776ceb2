package agentpb

import "github.com/tender-scheduler/tender/core/model"

// maxChecks bounds what is read of one update.
const maxChecks = 256

// FromHealth returns nil for nil.
func FromHealth(h *model.Health) *Health {
	if h == nil {
		return nil
	}
	w := &Health{Healthy: h.Healthy}
	for _, c := range h.Checks {
		w.Checks = append(w.Checks, &CheckStatus{Service: c.Service, Check: c.Check, Passing: c.Passing, Output: c.Output})
	}
	return w
}

// ToHealth returns nil for nil, and bounds what it reads.
func ToHealth(w *Health) *model.Health {
	if w == nil {
		return nil
	}
	h := &model.Health{Healthy: w.Healthy}
	for _, c := range w.Checks[:min(len(w.Checks), maxChecks)] {
		out := c.GetOutput()
		h.Checks = append(h.Checks, model.CheckStatus{
			Service: c.GetService(), Check: c.GetCheck(), Passing: c.GetPassing(), Output: out[:min(len(out), model.MaxCheckOutput)],
		})
	}
	return h
}

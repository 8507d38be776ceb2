package master

import (
	"context"

	"github.com/tender-scheduler/tender/core/model"
)

// Service implements httpapi.Backend.
func (m *Master) Service(ctx context.Context, q model.GetService, index uint64) (model.ServiceView, *model.Refusal) {
	l := m.leading()
	if l == nil {
		return model.ServiceView{}, unavailable()
	}
	for {
		changed, stop := l.hub.awaitService(q.Name) // before the look, so that nothing is missed
		// What it is like now is wanted although the caller's time may be up.
		answer, refusal := l.query(context.WithoutCancel(ctx), q)
		if refusal != nil {
			stop()
			return model.ServiceView{}, refusal
		}
		v := answer.(model.ServiceView)
		if v.Index != index || ctx.Err() != nil {
			stop()
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-l.done:
			stop()
			return v, unavailable()
		}
		stop()
	}
}

// waiters are those who wait for a service to change.
type waiters struct {
	changed chan struct{} // closed at the next change
	n       int
}

// awaitService returns a channel that closes when a change of the service is
// published, and a function to call when it is no longer wanted.
func (h *hub) awaitService(name string) (<-chan struct{}, func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.services[name]
	if w == nil {
		w = &waiters{changed: make(chan struct{})}
		h.services[name] = w
	}
	w.n++
	return w.changed, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if w.n--; w.n == 0 && h.services[name] == w {
			delete(h.services, name)
		}
	}
}

// serviceChanged wakes those who wait for a service. The lock is held.
func (h *hub) serviceChanged(name string) {
	if w := h.services[name]; w != nil {
		close(w.changed)
		delete(h.services, name)
	}
}

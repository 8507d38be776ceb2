package master

import (
	"context"
	"errors"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// sitOut is how long a leader that stepped down leaves it to the others to lead.
const sitOut = 5 * time.Second

var errSteppedDown = errors.New("stepped down")

// stepDown ends the term of this master, so that another one leads.
func (m *Master) stepDown(ctx context.Context, q model.StepDown) (model.StepDownReply, *model.Refusal) {
	l := m.leading()
	if l == nil {
		return model.StepDownReply{}, unavailable()
	}
	others := 0
	for a, s := range m.roster.all() {
		if a != m.cfg.Advertise && s.there {
			others++
		}
	}
	if others == 0 {
		return model.StepDownReply{}, model.Refuse(model.ReasonConflict,
			"%s is the only master that is up: nobody could lead in its place", m.cfg.Advertise)
	}
	m.cfg.Logger.Info("stepping down", "epoch", l.log.Epoch(), "asked_by", q.By)
	l.leaving.Do(func() { close(l.leave) })
	select {
	case <-l.done:
	case <-ctx.Done():
		return model.StepDownReply{}, unavailable()
	}
	return model.StepDownReply{From: m.cfg.Advertise, Term: l.log.Epoch()}, nil
}

// letOthersLead returns when another master leads, or none wants to.
func (m *Master) letOthersLead(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sitOut)
	defer cancel()
	for info := range m.leaders(ctx) {
		if info.Address != "" && info.Address != m.cfg.Advertise {
			return
		}
	}
}

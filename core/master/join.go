package master

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/journal"
	"github.com/tender-scheduler/tender/core/model"
)

// admit lets another master become one of those that keep the journal together.
func (m *Master) admit(ctx context.Context, q model.JoinMasters) (model.JoinReply, *model.Refusal) {
	j := m.journal.Load()
	if j == nil {
		return model.JoinReply{}, model.Refuse(model.ReasonUnavailable, "master %s has not got the journal yet itself", m.cfg.Advertise)
	}
	there := masterAnswer{address: q.Address}
	if m.askMaster(ctx, &there); there.err == nil && there.status.Ready {
		return model.JoinReply{}, model.Refuse(model.ReasonConflict, "master %s is up: another one cannot take its place", q.Address)
	}
	m.cfg.Logger.Info("admitting a master", "address", q.Address)
	all, err := j.Admit(ctx, q.Address)
	if refusal, ok := errors.AsType[*model.Refusal](err); ok {
		return model.JoinReply{}, refusal
	}
	if err != nil {
		return model.JoinReply{}, model.Refuse(model.ReasonUnavailable, "%v", err)
	}
	return model.JoinReply{Members: all}, nil
}

// join asks the other masters to admit this one, unless they have before. One that
// begins with nothing, where others have gone on without it, must say that it means it.
func (m *Master) join(ctx context.Context, peers *peerDoor) error {
	if len(m.cfg.Peers) < 2 || journal.HasMember(m.cfg.DataDir) {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(m.cfg.Peers), func(a string) bool { return a == m.cfg.Advertise })
	if !m.cfg.Join {
		return m.checkNew(ctx, others)
	}
	c, err := client.New(others)
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.JoinMasters(ctx, m.cfg.Advertise)
	if err != nil {
		return fmt.Errorf("join the masters %s: %w", strings.Join(others, ","), err)
	}
	peers.cfg.All, peers.cfg.Joining = r.Members, true
	return nil
}

// checkNew refuses to begin a cluster that has begun: etcd's members would talk past
// each other for ever.
func (m *Master) checkNew(ctx context.Context, others []string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*askWithin)
	defer cancel()
	for _, address := range others {
		c, err := client.New([]string{address}, client.WithPatience(0))
		if err != nil {
			return err
		}
		list, err := c.Masters(ctx, true)
		c.Close()
		if err != nil || len(list.Etcd) == 0 {
			continue // it has not begun either
		}
		mine := slices.IndexFunc(list.Etcd, func(e model.EtcdMember) bool { return e.Address == m.cfg.Advertise })
		if mine >= 0 && list.Etcd[mine].Name == "" {
			return nil // the others wait for it, or have begun without waiting
		}
		what := "is not one of those that keep the journal with master " + address
		if mine >= 0 {
			what = "has kept the journal with master " + address + ", but its data directory is empty"
		}
		return model.Refuse(model.ReasonConflict, "master %s %s: name the right --data-dir, or add --join to take its place among them (%s)",
			m.cfg.Advertise, what, m.cfg.DataDir)
	}
	return nil
}

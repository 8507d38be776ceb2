package master

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// askWithin bounds the question to one other master how it is.
const askWithin = time.Second

// masters answers for the whole cluster. The leader knows best how far the others
// are, so it is asked first; without one, each answers from what it knows.
func (m *Master) masters(ctx context.Context, q model.ListMasters) model.MasterList {
	if leader, self := m.Leader(); !self && leader != "" && !q.Here {
		if list, err := m.askLeader(ctx, leader); err == nil {
			return list
		}
	}
	list := model.MasterList{Cluster: m.cfg.Cluster, Through: m.cfg.Advertise}
	j := m.journal.Load()
	var asked sync.WaitGroup
	if j != nil {
		asked.Go(func() { list.Etcd = j.Etcd(ctx) })
	}
	known := m.roster.all()
	for _, a := range m.cfg.Peers {
		if _, ok := known[a]; !ok {
			known[a] = seen{}
		}
	}
	known[m.cfg.Advertise] = seen{there: true}
	answers := make([]masterAnswer, 0, len(known))
	for a, s := range known {
		answers = append(answers, masterAnswer{address: a, seen: s})
	}
	slices.SortFunc(answers, func(a, b masterAnswer) int { return cmp.Compare(a.address, b.address) })
	for i := range answers {
		asked.Go(func() { m.askMaster(ctx, &answers[i]) })
	}
	asked.Wait()
	list.Leader, _ = m.Leader()
	list.Term = m.term()
	list.Masters = m.compare(answers)
	m.addEmbedded(list.Etcd, answers)
	return list
}

// masterAnswer is what one master said of itself.
type masterAnswer struct {
	address string
	seen    seen
	status  model.MasterStatus
	err     error
}

func (m *Master) askLeader(ctx context.Context, leader string) (model.MasterList, error) {
	c, err := client.New([]string{leader}, client.WithPatience(0))
	if err != nil {
		return model.MasterList{}, err
	}
	defer c.Close()
	// It asks the others in turn.
	ctx, cancel := context.WithTimeout(ctx, 2*askWithin)
	defer cancel()
	return c.Masters(ctx, true)
}

func (m *Master) askMaster(ctx context.Context, a *masterAnswer) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if a.address == m.cfg.Advertise {
		a.status = m.status(ctx)
		return
	}
	c, err := client.New([]string{a.address}, client.WithPatience(0))
	if err != nil {
		a.err = err
		return
	}
	defer c.Close()
	if a.status, a.err = c.Status(ctx); a.err == nil {
		return
	}
	if u, ok := errors.AsType[*client.UnreachableError](a.err); ok {
		a.err = errors.New(u.Why(0))
	}
	if ctx.Err() != nil {
		a.err = errors.New("no answer within " + askWithin.String())
	}
}

// compare turns what each says of itself into the list.
func (m *Master) compare(answers []masterAnswer) []model.MasterView {
	var newest uint64
	for i := range answers {
		newest = max(newest, answers[i].status.Index)
	}
	out := make([]model.MasterView, len(answers))
	for i, a := range answers {
		v := model.MasterView{Address: a.address, State: model.MasterStandby, Version: a.status.Version,
			Since: a.status.Started, Term: a.status.Epoch, Index: a.status.Index}
		switch {
		case a.err != nil:
			v = model.MasterView{Address: a.address, State: model.MasterUnreachable, Version: a.seen.Version,
				Since: a.seen.Since, Seen: a.seen.last, Error: a.err.Error()}
			out[i] = v
			continue
		case !a.status.Ready:
			v.State = model.MasterStarting
		case a.status.Leading:
			v.State, v.Leading = model.MasterLeader, a.status.Since
		}
		v.LagEntries = newest - a.status.Index
		m.lag(&v)
		out[i] = v
	}
	return out
}

// lag says for how long the oldest entry that a master lacks has been there, which
// only the leader knows.
func (m *Master) lag(v *model.MasterView) {
	l := m.leading()
	if l == nil || v.State == model.MasterStarting {
		return
	}
	seconds := 0.0
	if v.LagEntries > 0 {
		if at := l.commits.behind(v.Index); !at.IsZero() {
			seconds = time.Since(at).Seconds()
		}
	}
	v.LagSeconds = &seconds
}

// addEmbedded fills in what the masters said of the etcd members inside them.
func (m *Master) addEmbedded(members []model.EtcdMember, answers []masterAnswer) {
	for _, a := range answers {
		if a.status.Etcd == nil {
			continue
		}
		for i := range members {
			if members[i].ID == a.status.Etcd.ID {
				members[i] = *a.status.Etcd
			}
		}
	}
}

// term is that of the leader, as far as this master has heard of it.
func (m *Master) term() int64 {
	if l := m.leading(); l != nil {
		return l.log.Epoch()
	}
	return m.leader.Load().Epoch
}

package journal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/version"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tender-scheduler/tender/core/model"
)

// memberTimeout bounds the question to one member of etcd how it is.
const memberTimeout = time.Second

// Etcd describes the members of the etcd that the log is on, as far as they can be
// reached from here. Of embedded members only that of this process says how it is:
// of the others each process is to be asked (EmbeddedMember).
func (j *Journal) Etcd(ctx context.Context) []model.EtcdMember {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	list, err := j.client.MemberList(ctx)
	if err != nil {
		return j.endpoints(ctx)
	}
	out := make([]model.EtcdMember, len(list.Members))
	var asked sync.WaitGroup
	for i, m := range list.Members {
		out[i] = model.EtcdMember{ID: memberID(m.ID), Name: m.Name, State: model.EtcdUnreachable, Address: bare(m.PeerURLs)}
		if len(j.cfg.Endpoints) == 0 {
			continue
		}
		out[i].Address = bare(m.ClientURLs)
		if len(m.ClientURLs) > 0 {
			asked.Go(func() { j.askMember(ctx, m.ClientURLs[0], &out[i]) })
		} else {
			out[i].Error = "has not said where it serves clients: it has never been up"
		}
	}
	asked.Wait()
	if own, ok := j.EmbeddedMember(); ok {
		for i := range out {
			if out[i].ID == own.ID {
				out[i] = own
			}
		}
	}
	return out
}

// endpoints asks those members that were named: the list cannot be had.
func (j *Journal) endpoints(ctx context.Context) []model.EtcdMember {
	if own, ok := j.EmbeddedMember(); ok {
		return []model.EtcdMember{own}
	}
	out := make([]model.EtcdMember, len(j.cfg.Endpoints))
	var asked sync.WaitGroup
	for i, address := range j.cfg.Endpoints {
		out[i] = model.EtcdMember{Address: bare([]string{address}), State: model.EtcdUnreachable}
		asked.Go(func() {
			// The list took all the time there was.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memberTimeout)
			defer cancel()
			j.askMember(ctx, address, &out[i])
		})
	}
	asked.Wait()
	return out
}

func (j *Journal) askMember(ctx context.Context, endpoint string, m *model.EtcdMember) {
	status, err := j.client.Status(ctx, endpoint)
	if err != nil {
		m.Error = err.Error()
		if ctx.Err() != nil {
			m.Error = fmt.Sprintf("no answer within %v", memberTimeout)
		}
		return
	}
	describe(status, m)
}

// EmbeddedMember describes the etcd in this process; false: there is none. It asks
// the server itself and not the client, which does not expect it to be ending.
func (j *Journal) EmbeddedMember() (model.EtcdMember, bool) {
	e := j.cfg.Embedded
	if e == nil {
		return model.EtcdMember{}, false
	}
	s := e.etcd.Server
	m := model.EtcdMember{
		ID: memberID(uint64(s.MemberID())), Version: version.Version, Index: s.AppliedIndex(), Term: s.Term(),
		DBBytes: s.Backend().Size(), DBInUseBytes: s.Backend().SizeInUse(),
	}
	if self := s.Cluster().Member(s.MemberID()); self != nil && e.cfg.Peers != nil {
		m.Name, m.Address = self.Name, bare(self.PeerURLs)
	}
	m.State = memberState(s.IsLearner(), uint64(s.Leader()), uint64(s.MemberID()))
	for _, alarm := range s.Alarms() {
		if alarm.MemberID == uint64(s.MemberID()) {
			m.Error = "alarm: " + alarm.Alarm.String()
		}
	}
	return m, true
}

func describe(s *clientv3.StatusResponse, m *model.EtcdMember) {
	m.ID, m.Version = memberID(s.Header.MemberId), s.Version
	m.DBBytes, m.DBInUseBytes = s.DbSize, s.DbSizeInUse
	m.Index, m.Term = s.RaftAppliedIndex, s.RaftTerm
	m.State = memberState(s.IsLearner, s.Leader, s.Header.MemberId)
	m.Error = strings.Join(s.Errors, "; ")
}

func memberState(learner bool, leader, own uint64) model.EtcdState {
	switch {
	case learner:
		return model.EtcdLearner
	case leader == own:
		return model.EtcdLeader
	case leader == 0:
		return model.EtcdLeaderless
	}
	return model.EtcdFollower
}

func memberID(id uint64) string { return fmt.Sprintf("%016x", id) }

// bare returns the first URL's host and port.
func bare(urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	if _, host, ok := strings.Cut(urls[0], "://"); ok {
		return host
	}
	return urls[0]
}

// RaftLeader says which member leads this process's embedded etcd, and of which
// member this is; 0: none does, or etcd is not embedded.
func (j *Journal) RaftLeader() (leader, own uint64) {
	if j.cfg.Embedded == nil {
		return 0, 0
	}
	s := j.cfg.Embedded.etcd.Server
	return uint64(s.Leader()), uint64(s.MemberID())
}

package master

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/core/journal"
	"github.com/tender-scheduler/tender/core/master/httpapi"
)

const (
	// vigilDial bounds a connection to the leader, and vigilRetry is how long one
	// that cannot be had is left alone.
	vigilDial  = time.Second
	vigilRetry = time.Second
	// deadTries times, deadPause apart, the leader's port is looked at.
	deadTries = 4
	deadPause = 25 * time.Millisecond
	// vigilSlack is added to the lease of a leader that fell silent: it may have
	// been renewed until it would have been heard of again.
	vigilSlack = 2 * httpapi.LeaseEvery
)

// vigil is a standby's watch over the leader. A dead leader's lease runs out by
// itself, but the kernel of its machine knows at once that its process has ended:
// the connection breaks and the port refuses. Then the standby ends the term, and
// an election is on milliseconds later.
//
// It may be wrong about the death; that costs a change of leaders and no more: the
// journal is fenced, and a leader that cannot be told of its end answers nothing
// once its lease, which it counts itself, has run out.
type vigil struct {
	journal *journal.Journal
	http    *http.Client
	depose  func(ctx context.Context, epoch int64, why string)
}

func newVigil(j *journal.Journal, depose func(context.Context, int64, string)) *vigil {
	dialer := &net.Dialer{Timeout: vigilDial}
	return &vigil{journal: j, depose: depose, http: &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, DisableKeepAlives: true, ResponseHeaderTimeout: vigilDial,
	}}}
}

// keepVigil watches over whoever leads, until ctx ends.
func (m *Master) keepVigil(ctx context.Context, j *journal.Journal) {
	v := newVigil(j, func(ctx context.Context, epoch int64, why string) {
		m.cfg.Logger.Warn("the leader is gone: ending its term", "epoch", epoch, "reason", why)
		within, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := j.Depose(within, epoch); err != nil && ctx.Err() == nil {
			m.cfg.Logger.Info("its term ends with its lease", "epoch", epoch, "err", err)
		}
	})
	for info := range m.leaders(ctx) {
		if info.Address == "" || info.Address == m.cfg.Advertise {
			continue
		}
		term, cancel := context.WithCancel(ctx)
		go func() {
			select {
			case <-info.gone:
				cancel()
			case <-term.Done():
			}
		}()
		v.over(term, info)
		cancel()
	}
}

// leaders yields who leads, the newest only, until ctx ends.
func (m *Master) leaders(ctx context.Context) iter.Seq[*leader] {
	return func(yield func(*leader) bool) {
		for ctx.Err() == nil {
			info := m.leader.Load()
			if !yield(info) {
				return
			}
			select {
			case <-info.gone:
			case <-ctx.Done():
			}
		}
	}
}

// over watches over one leader until its term, which ctx is, ends.
func (v *vigil) over(ctx context.Context, l *leader) {
	for ctx.Err() == nil {
		if heard := v.listen(ctx, l); heard && ctx.Err() == nil && v.dead(ctx, l) {
			v.depose(ctx, l.Epoch, "its process has ended")
		}
		select {
		case <-time.After(vigilRetry):
		case <-ctx.Done():
		}
	}
}

// listen hears the leader's lease until the connection breaks, and says whether it
// has heard any. Only who was heard can be missed: an address at which a leader was
// never found says nothing about it.
func (v *vigil) listen(ctx context.Context, l *leader) (heard bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := v.get(ctx, l.Address) //nolint:bodyclose // it is closed below
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	leases := make(chan httpapi.Lease)
	go func() {
		defer close(leases)
		for dec := json.NewDecoder(resp.Body); ; {
			var lease httpapi.Lease
			if dec.Decode(&lease) != nil {
				return
			}
			select {
			case leases <- lease:
			case <-ctx.Done():
				return
			}
		}
	}()
	s := silence{journal: v.journal, timer: time.NewTimer(time.Hour)}
	defer s.timer.Stop()
	for {
		select {
		case lease, more := <-leases:
			if !more || lease.Identity != l.Identity || lease.Term != l.Epoch {
				return heard
			}
			heard = true
			s.heard(time.Duration(lease.TTLMs) * time.Millisecond)
		case <-s.timer.C:
			if s.leftBehind() {
				v.depose(ctx, l.Epoch, "it is silent and etcd has gone on without it")
			}
		case <-ctx.Done():
			return heard
		}
	}
}

func (v *vigil) get(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v1/masters/lease", nil)
	if err != nil {
		return nil, err
	}
	return v.http.Do(req)
}

// dead says that the leader's process has ended: its port refuses connections, or
// another process has it.
func (v *vigil) dead(ctx context.Context, l *leader) bool {
	for range deadTries {
		identity, err := v.whoIsThere(ctx, l.Address)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return true
		case err == nil:
			return identity != l.Identity
		}
		// It may be just about to end, which shows as many errors.
		select {
		case <-time.After(deadPause):
		case <-ctx.Done():
			return false
		}
	}
	return false
}

func (v *vigil) whoIsThere(ctx context.Context, address string) (identity string, err error) {
	ctx, cancel := context.WithTimeout(ctx, vigilDial)
	defer cancel()
	resp, err := v.get(ctx, address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var lease httpapi.Lease
	if err := json.NewDecoder(resp.Body).Decode(&lease); err != nil {
		return "", err
	}
	if lease.Identity == "" {
		return "", errors.New("what answers is no master of this version")
	}
	return lease.Identity, nil
}

// silence notices a leader that is cut off together with the etcd member that led
// etcd. Whoever leads etcd next gives all leases their whole time to live anew, as
// it cannot know what is left of them: the leader's own count ends earlier.
type silence struct {
	journal *journal.Journal
	timer   *time.Timer // set to when a leader that is not heard again leads no more
	raft    uint64      // who led etcd then
}

func (s *silence) heard(ttl time.Duration) {
	s.timer.Reset(ttl + vigilSlack)
	s.raft, _ = s.journal.RaftLeader()
}

func (s *silence) leftBehind() bool {
	s.timer.Reset(httpapi.LeaseEvery / 2) // look again
	now, own := s.journal.RaftLeader()
	return own != 0 && now != 0 && s.raft != 0 && now != s.raft
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sys/unix"
)

// attemptTimeout bounds one request to etcd; the request is then repeated.
const attemptTimeout = 3 * time.Second

// revokeTimeout bounds the courtesy of giving a lease back; etcd expires it anyway.
const revokeTimeout = time.Second

// beatsPerTTL is how often a lease is renewed in its time to live: a quarter of it
// is what one request may take, and the next one goes to another member of etcd.
const beatsPerTTL = 4

// session is a lease that this process keeps alive, and what it knows of how long
// etcd keeps it. etcd counts the time to live from when it carries a renewal out,
// which is after the renewal was sent: counted from then the lease ends here no
// later than there, without any clock being compared with another.
//
// A renewal counts only once a read through the quorum has succeeded after it: an
// etcd leader that is cut off goes on renewing for a while, and the next one does
// not hear of that.
//
// The client's own KeepAlive counts from the answer, looks twice a second, and
// stays with one member of etcd for as long as that takes connections.
type session struct {
	client *clientv3.Client
	lease  clientv3.LeaseID
	proof  string // a key to read through the quorum
	ttl    time.Duration
	until  atomic.Int64    // boot time in nanoseconds
	done   <-chan struct{} // closed when the lease can no longer be relied on
	stop   context.CancelFunc
}

// openSession grants a lease and keeps it alive until close or the end of ctx.
func (j *Journal) openSession(ctx context.Context) (*session, error) {
	var sent int64
	grant, err := insist(ctx, func(ctx context.Context) (*clientv3.LeaseGrantResponse, error) {
		sent = bootTime()
		return j.client.Grant(ctx, int64(j.cfg.SessionTTL/time.Second)) // one granted unheard runs out
	})
	if err != nil {
		return nil, fmt.Errorf("grant a lease: %w", err)
	}
	keepCtx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	s := &session{client: j.client, lease: grant.ID, proof: j.keys.leader(), done: done, stop: stop,
		ttl: time.Duration(grant.TTL) * time.Second}
	s.until.Store(sent + int64(s.ttl))
	go func() {
		defer close(done)
		s.keepAlive(keepCtx)
	}()
	return s, nil
}

// keepAlive renews the lease until it has run out, is gone, or ctx ends.
func (s *session) keepAlive(ctx context.Context) {
	beat := time.NewTicker(s.ttl / beatsPerTTL)
	defer beat.Stop()
	for {
		end := time.NewTimer(s.left())
		select {
		case <-beat.C:
		case <-end.C:
		case <-ctx.Done():
		}
		end.Stop()
		if ctx.Err() != nil || s.left() <= 0 {
			return
		}
		if err := s.renew(ctx, min(s.ttl/beatsPerTTL, s.left())); errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return
		}
	}
}

func (s *session) renew(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	sent := bootTime()
	answer, err := s.client.KeepAliveOnce(ctx, s.lease)
	if err != nil {
		return err
	}
	if _, err := s.client.Get(ctx, s.proof, clientv3.WithCountOnly()); err != nil {
		return err
	}
	s.until.Store(sent + answer.TTL*int64(time.Second))
	return nil
}

// left is how long etcd keeps the lease for certain.
func (s *session) left() time.Duration { return time.Duration(s.until.Load() - bootTime()) }

// close gives the lease back, and with it every key it holds.
func (s *session) close() error {
	s.stop()
	<-s.done
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	if _, err := s.client.Revoke(ctx, s.lease); err != nil {
		return fmt.Errorf("revoke lease %x: %w", s.lease, err)
	}
	return nil
}

// bootTime is a clock that nobody sets, and that goes on while the machine sleeps:
// Go's monotonic clock does not, and a lease does not wait for who sleeps.
func bootTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(fmt.Sprintf("journal: read the boot time: %v", err)) // the kernel has had it since 2.6.39
	}
	return t.Nano()
}

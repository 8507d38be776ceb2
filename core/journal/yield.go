package journal

import (
	"context"
	"errors"
)

// yieldTimeout bounds the courtesy of Yield; etcd elects another leader anyway.
const yieldTimeout = attemptTimeout / 3

// Yield has another member lead etcd, where the one in this process does, and is for
// a process that ends: before its term is given back, not after. While etcd's leader
// moves, it drops what its members pass on to it without a word, and who takes over
// in that moment asks again only after firstPatience.
func (j *Journal) Yield(ctx context.Context) error {
	e := j.cfg.Embedded
	if e == nil || e.Sole() || e.etcd.Server.Leader() != e.etcd.Server.MemberID() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, yieldTimeout)
	defer cancel()
	changed := e.etcd.Server.LeaderChangedNotify()
	moved := make(chan error, 1)
	if !j.spawn(func() { moved <- e.etcd.Server.TryTransferLeadershipOnShutdown() }) {
		return ErrClosed
	}
	select {
	case <-changed: // which etcd itself would see at its next tick
		return nil
	case err := <-moved:
		return err
	case <-ctx.Done():
		return errors.New("no other member of etcd has taken over yet")
	}
}

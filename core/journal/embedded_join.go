package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/tender-scheduler/tender/core/model"
)

// HasMember says whether a data directory holds an etcd member.
func HasMember(dataDir string) bool {
	found, err := filepath.Glob(filepath.Join(dataDir, "etcd", "member", "wal", "*.wal"))
	return err == nil && len(found) > 0
}

// Admit tells the cluster of embedded members of one more at an address, in the
// place of one that was there before, and returns the addresses of all. The new one
// has no vote until it has all of the journal, so that it holds up nobody.
func (j *Journal) Admit(ctx context.Context, address string) ([]string, error) {
	e := j.cfg.Embedded
	if e == nil || e.cfg.Peers == nil {
		return nil, model.Refuse(model.ReasonConflict, "this master keeps the journal in an etcd of its own or in one apart: start it with --peers before others join it")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*attemptTimeout)
	defer cancel()
	list, err := j.client.MemberList(ctx)
	if err != nil {
		return nil, fmt.Errorf("admit master %s: list the members: %w", address, err)
	}
	url := peerURL(address)
	var all []string
	known := false
	for _, m := range list.Members {
		switch {
		case !slices.Contains(m.PeerURLs, url.String()):
			all = append(all, bare(m.PeerURLs))
		case m.Name == "": // told of before, and never started
			known = true
		default:
			if _, err := j.client.MemberRemove(ctx, m.ID); err != nil {
				return nil, fmt.Errorf("admit master %s: remove the one that was there: %w", address, err)
			}
		}
	}
	if !known {
		if _, err := j.client.MemberAddAsLearner(ctx, []string{url.String()}); err != nil {
			return nil, fmt.Errorf("admit master %s: %w", address, err)
		}
	}
	return append(all, address), nil
}

// takeVote makes a member that has joined one of those that vote, once it has what
// they have.
func (e *Embedded) takeVote(ctx context.Context) error {
	own := uint64(e.etcd.Server.MemberID())
	for e.etcd.Server.IsLearner() {
		tryCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
		_, err := e.client.MemberPromote(tryCtx, own)
		cancel()
		switch {
		case err == nil, errors.Is(err, rpctypes.ErrMemberNotLearner):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		e.cfg.Logger.Debug("no vote yet", "error", err)
		select {
		case <-time.After(backoffMost):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

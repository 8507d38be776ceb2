package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// beginTries is how often a session is begun before anything runs in it.
	beginTries = 3
	beginAgain = 50 * time.Millisecond
	// claimWithin bounds the wait for the answer on a connection that was upgraded.
	claimWithin = 10 * time.Second
	masterLost  = "master lost; reconnecting"
)

// roads makes connections to one session: the first, and with resume further ones.
type roads func(ctx context.Context, id string, resume bool) (session.Stream, *sessionpb.Claim, error)

// errNoClaim says that a session was not begun, or that nobody will ever know of it.
var errNoClaim = errors.New("the connection broke before the session began")

// begin opens a session and keeps it connected from then on. What may pass is waited
// for, at most for patience. Each attempt has an id of its own: of one whose answer was
// lost something may be there.
func (c *caller) begin(ctx context.Context, to roads, patience time.Duration) error {
	id := rand.Text()
	s, claim, err := to(ctx, id, false)
	for began, try := time.Now(), 1; err != nil; try++ {
		lost := errors.Is(err, errNoClaim) && try < beginTries
		if !lost && (!session.Passing(err) || time.Since(began) >= patience) {
			return err
		}
		select {
		case <-time.After(beginAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
		id = rand.Text()
		s, claim, err = to(ctx, id, false)
	}
	within := time.Duration(claim.GetResumeWithinNs())
	if within <= 0 { // an executor that was started by an earlier version
		c.stream = s
		return nil
	}
	d := session.NewDurable(within)
	c.stream = d
	keeper := session.Caller{
		Again: func(ctx context.Context) (session.Stream, error) {
			s, _, err := to(ctx, id, true)
			return s, err
		},
		Lost: c.sayLost,
	}
	go keeper.Keep(d, s)
	return nil
}

func (c *caller) sayLost() {
	if c.terminal != nil { // in raw mode
		fmt.Fprintf(c.Stderr, "\r\n%s\r\n", masterLost)
		return
	}
	fmt.Fprintf(c.Stderr, "tender: %s\n", masterLost)
}

// throughMaster makes connections to a session beside a task by way of the masters.
func throughMaster(c *client.Client, ask model.Attach) roads {
	return func(ctx context.Context, id string, resume bool) (session.Stream, *sessionpb.Claim, error) {
		ask := ask
		ask.Session, ask.Resume = id, resume
		s, err := c.Attach(ctx, ask)
		if err != nil {
			return nil, nil, err
		}
		claim, err := awaitClaim(s)
		if err != nil {
			s.Close()
			return nil, nil, err
		}
		return s, claim, nil
	}
}

// awaitClaim reads the answer that comes first.
func awaitClaim(s session.Stream) (*sessionpb.Claim, error) {
	late := time.AfterFunc(claimWithin, func() { s.Close() })
	defer late.Stop()
	f, err := s.Recv()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoClaim, err)
	case f.GetClaim() == nil:
		return nil, fmt.Errorf("the master answered with %T", f.GetKind())
	}
	return f.GetClaim(), nil
}

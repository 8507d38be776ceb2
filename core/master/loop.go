package master

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// log is what the loop needs of a journal term.
type log interface {
	Append(ctx context.Context, records [][]byte) (index uint64, err error)
	Snapshot(ctx context.Context, index uint64, data []byte) error
	Done() <-chan struct{}
	Lease() (left, ttl time.Duration)
	Epoch() int64
}

const (
	maxTurn = 8192 // inputs taken in by one turn
	inboxes = 8192 // inputs waiting before senders block

	// A snapshot is taken after this much journal, so that a restart replays at
	// most this much.
	snapshotEveryBytes  = 64 << 20
	snapshotEveryGroups = 20_000
)

// loop is one term of leadership: the goroutine in run owns the machine.
type loop struct {
	machine *Machine
	log     log
	clock   *clock
	ahead   time.Duration // of the wall clock, as the machine was told
	logger  *slog.Logger
	hub     *hub
	since   time.Time
	timings *timings

	inbox chan item
	done  chan struct{} // closed when run returns
	// started is called after the first turn: requests may come from then on.
	started func()

	mu       sync.Mutex
	sessions map[SessionID]*outbox
	nextID   uint64
	replies  map[uint64]chan model.Reply

	leave   chan struct{} // closed when the leader is to step down
	leaving sync.Once

	commits     commits
	index       uint64 // last committed
	bytes       int    // committed since the last snapshot
	groups      int
	snapshoting chan error // nil, or the one that is being written
}

// leads says that no other master leads for certain: what this one knows is what is.
func (l *loop) leads() bool {
	left, _ := l.log.Lease()
	return left > 0
}

// item is an input for the machine or a question about its state.
type item struct {
	input Input
	ask   func() // runs on the loop's goroutine between turns
}

func newLoop(m *Machine, l log, index uint64, logger *slog.Logger) *loop {
	c := newClock(time.Now)
	return &loop{
		machine: m, log: l, clock: c, logger: logger, hub: newHub(c.now), since: c.now, index: index,
		inbox: make(chan item, inboxes), done: make(chan struct{}), leave: make(chan struct{}),
		sessions: map[SessionID]*outbox{}, replies: map[uint64]chan model.Reply{}, timings: newTimings(),
	}
}

// run leads until ctx or the term ends. All sessions and questions end with it.
func (l *loop) run(ctx context.Context, lead Lead) error {
	defer l.end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	if err := l.turn(ctx, []Input{lead}, timer); err != nil {
		return err
	}
	l.started()
	inputs := make([]Input, 0, maxTurn)
	for {
		inputs = inputs[:0]
		select {
		case it := <-l.inbox:
			inputs = l.take(it, inputs)
		case <-timer.C:
			inputs = append(inputs, Tick{})
		case err := <-l.snapshoting:
			l.snapshotDone(err)
			continue
		case <-l.log.Done():
			return errors.New("leadership is lost")
		case <-l.leave:
			return errSteppedDown
		case <-ctx.Done():
			return nil
		}
	more:
		for len(inputs) < maxTurn {
			select {
			case it := <-l.inbox:
				inputs = l.take(it, inputs)
			default:
				break more
			}
		}
		if len(inputs) == 0 {
			continue
		}
		if err := l.turn(ctx, inputs, timer); err != nil {
			return err
		}
	}
}

// take answers a question at once, from the state as the last turn left it,
// which is durable; inputs wait for the turn.
func (l *loop) take(it item, inputs []Input) []Input {
	if it.ask != nil {
		it.ask()
		return inputs
	}
	return append(inputs, it.input)
}

// clockTolerance is by how much the wall clock may be off before the machine is told.
const clockTolerance = time.Second

// turn decides, commits and then carries out.
func (l *loop) turn(ctx context.Context, inputs []Input, timer *time.Timer) error {
	now := l.clock.read()
	if ahead := l.clock.ahead(); (ahead - l.ahead).Abs() > clockTolerance {
		l.ahead = ahead
		inputs = append(inputs, WallClock{Ahead: ahead})
	}
	begun := time.Now()
	e := l.machine.Step(now, inputs)
	l.timings.turn(len(inputs), time.Since(begun))
	if len(e.Records) > 0 {
		begun = time.Now()
		index, err := l.log.Append(ctx, e.Records)
		l.timings.append.Observe(time.Since(begun).Seconds())
		if err != nil {
			return fmt.Errorf("commit to the journal: %w", err)
		}
		l.index = index
		l.commits.note(index, l.clock.last)
		for _, r := range e.Records {
			l.bytes += len(r)
		}
		l.groups++
	}
	l.deliver(&e)
	if e.Wake.IsZero() {
		timer.Reset(time.Hour)
	} else {
		timer.Reset(max(e.Wake.Sub(l.clock.now), 0))
	}
	l.snapshotIfDue(ctx)
	return nil
}

func (l *loop) deliver(e *Effects) {
	l.mu.Lock()
	for _, s := range e.Sends {
		if o := l.sessions[s.Session]; o != nil {
			o.push(s.Message)
		}
	}
	for _, c := range e.Closes {
		if o := l.sessions[c.Session]; o != nil {
			o.close(c.Message)
		}
	}
	for _, r := range e.Replies {
		if c := l.replies[r.ID]; c != nil {
			delete(l.replies, r.ID)
			c <- r
		}
	}
	l.mu.Unlock()
	l.hub.publish(e.Notices)
}

func (l *loop) snapshotIfDue(ctx context.Context) {
	if l.snapshoting != nil || (l.bytes < snapshotEveryBytes && l.groups < snapshotEveryGroups) {
		return
	}
	data, err := l.machine.Snapshot()
	if err != nil {
		l.logger.Error("cannot take a snapshot, the journal keeps growing", "err", err)
		l.bytes, l.groups = 0, 0
		return
	}
	l.bytes, l.groups = 0, 0
	done := make(chan error, 1)
	l.snapshoting = done
	index := l.index
	go func() { done <- l.log.Snapshot(ctx, index, data) }()
}

func (l *loop) snapshotDone(err error) {
	l.snapshoting = nil
	if err != nil {
		l.logger.Error("cannot save a snapshot, the journal keeps growing", "err", err)
	}
}

func (l *loop) end() {
	close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.sessions {
		o.close("this master does not lead any more")
	}
	if l.snapshoting != nil {
		if err := <-l.snapshoting; err != nil { // it ends with the term or the context
			l.logger.Debug("the last snapshot was not saved", "err", err)
		}
	}
}

// put hands an input to the loop; false means the term is over.
func (l *loop) put(in Input) bool {
	select {
	case l.inbox <- item{input: in}:
		return true
	case <-l.done:
		return false
	}
}

// ask runs f on the loop's goroutine and waits for it.
func (l *loop) ask(ctx context.Context, f func()) error {
	ran := make(chan struct{})
	select {
	case l.inbox <- item{ask: func() { f(); close(ran) }}:
	case <-l.done:
		return errNotLeading
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ran:
		return nil
	case <-l.done:
		return errNotLeading
	}
}

var errNotLeading = errors.New("this master does not lead any more")

// request hands a person's request to the loop and waits for its reply, which
// comes once it is durable.
func (l *loop) request(ctx context.Context, body any) (any, *model.Refusal) {
	c := make(chan model.Reply, 1)
	l.mu.Lock()
	l.nextID++
	id := l.nextID
	l.replies[id] = c
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.replies, id)
		l.mu.Unlock()
	}()
	if !l.put(Asked{ID: id, Body: body}) {
		return nil, unavailable()
	}
	select {
	case r := <-c:
		return r.Body, r.Err
	case <-l.done:
		return nil, unavailable()
	case <-ctx.Done():
		return nil, model.Refuse(model.ReasonUnavailable, "the request was given up before its answer was durable: %v", ctx.Err())
	}
}

func unavailable() *model.Refusal {
	return model.Refuse(model.ReasonUnavailable, "the leading master changed before the answer was durable: ask again (a submission with the same idempotency key is not repeated)")
}

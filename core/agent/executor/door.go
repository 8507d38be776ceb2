package executor

import (
	"crypto/rand"
	"crypto/subtle"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	doorName = "remote.sock" // in the task's secrets directory
	// reachWithin bounds how long a caller may take to say where it wants to go,
	// and the agent to take it there.
	reachWithin = 30 * time.Second
	// maxRemotes is how many sessions to other nodes may be on their way at once.
	maxRemotes = 1024
)

// Events about sessions that tasks open to others of their gang.
type (
	remoteAsked struct {
		stream session.Stream
		to     lifecycle.Key
		id     string // the session's
		resume bool
	}
	remoteLate struct{ request string }
)

// door is a socket at which a task of a gang asks for sessions in the gang's
// other allocations. Only who has the token, from the task's environment, may.
type door struct {
	listener *net.UnixListener
	path     string
	token    string
	task     *run
	once     sync.Once
}

// openDoor makes the task's door; finish closes it.
func (t *run) openDoor(owner *account) (*door, error) {
	path := filepath.Join(t.sandbox.secrets(), doorName)
	l, err := listenAt(path)
	if err != nil {
		return nil, err
	}
	d := &door{listener: l, path: path, token: rand.Text(), task: t}
	t.beside.door = d
	if err := owner.own(path); err != nil {
		d.close()
		return nil, err
	}
	go d.accept()
	return d, nil
}

func (d *door) close() { d.once.Do(func() { d.listener.Close() }) }

func (d *door) accept() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		go d.greet(session.NewConn(c, nil))
	}
}

// greet reads where the caller wants to go and lets the loop take it there.
func (d *door) greet(s *session.Conn) {
	late := time.AfterFunc(reachWithin, func() { s.Close() })
	f, err := s.Recv()
	if !late.Stop() || err != nil {
		s.Close()
		return
	}
	to, refusal := d.where(f.GetReach())
	if refusal != nil {
		answer(s, refusal)
		s.Close()
		return
	}
	// The socket ends with the process at its other end; or that has lost patience with
	// a road that hangs, and comes again.
	gone := session.Announce(s, session.ReturnWithin)
	d.task.runner.inbox.put(remoteAsked{gone, to, f.GetReach().GetSession(), f.GetReach().GetResume()})
}

// where finds the allocation that a host's name means.
func (d *door) where(r *sessionpb.Reach) (lifecycle.Key, *model.Refusal) {
	k := d.task.key
	if subtle.ConstantTimeCompare([]byte(r.GetToken()), []byte(d.token)) != 1 {
		return k, model.Refuse(model.ReasonBadRequest, "reach host %q: the token is not this task's", r.GetHost())
	}
	hosts := d.task.given.gang.Hosts()
	i := slices.Index(hosts, r.GetHost())
	if i < 0 {
		return k, model.Refuse(model.ReasonNotFound, "host %q is not of this gang: it has %s", r.GetHost(), strings.Join(hosts, ", "))
	}
	k.Index = uint32(i)
	return k, nil
}

// answer is a Claim; with a refusal nothing follows.
func answer(s session.Stream, refusal *model.Refusal) bool {
	claim := &sessionpb.Claim{}
	if refusal != nil {
		claim.Refused = session.RefusedOf(refusal)
	}
	return s.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Claim{Claim: claim}}) == nil && refusal == nil
}

// remote opens a session that a task asks for: here if the other allocation is
// this executor's too, else by way of the agent and the master.
func (l *loop) remote(e remoteAsked) {
	to := wireTask(e.to, 0)
	if l.runner.attempts[e.to] != nil || l.held[e.id] != nil {
		l.sessionAt(e.stream, &execpb.Session{Task: to, Id: e.id, Resume: e.resume, FenceNs: int64(l.recovery)})
		return
	}
	var refusal *model.Refusal
	switch {
	case l.agent == nil:
		refusal = model.Refuse(model.ReasonUnavailable, "the agent of this node is away")
	case len(l.remotes) >= maxRemotes:
		refusal = model.Refuse(model.ReasonQueueFull, "%d sessions of this job are on their way to other nodes already", maxRemotes)
	}
	if refusal != nil {
		go func() {
			answer(e.stream, refusal)
			e.stream.Close()
		}()
		return
	}
	request := rand.Text()
	l.remotes[request] = e.stream
	time.AfterFunc(reachWithin, func() { l.inbox.put(remoteLate{request}) })
	l.send(&execpb.FromExecutor{Kind: &execpb.FromExecutor_RemoteWanted{RemoteWanted: &execpb.RemoteWanted{
		Request: request, Task: to, Session: e.id, Resume: e.resume,
	}}})
}

// remoteLate ends the wait for an agent that has not come.
func (l *loop) remoteLate(request string) {
	if s := l.remotes[request]; s != nil {
		delete(l.remotes, request)
		s.Close()
	}
}

// couple gives the agent the session that it was asked to carry.
func (l *loop) couple(request string, agent session.Stream) {
	s := l.remotes[request]
	delete(l.remotes, request)
	if s == nil {
		agent.Close()
		return
	}
	go session.Relay(s, agent)
}

package executor

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// dialSession opens a stream to a session of the first task, and returns the answer.
func (r *rig) dialSession(id string, resume bool) (session.Stream, *sessionpb.Claim) {
	r.Helper()
	s, err := DialSession(filepath.Join(r.dir, SocketName), &execpb.Session{
		Task: &execpb.Task{}, Id: id, Resume: resume, FenceNs: int64(time.Minute),
	})
	r.must(err)
	r.Cleanup(func() { s.Close() })
	f, err := s.Recv()
	r.must(err)
	if f.GetClaim() == nil {
		r.Fatalf("answered with %v", f)
	}
	return s, f.GetClaim()
}

// TestHeldSession: a session is there under its id until its caller has heard of its
// end, over whichever streams, and for nobody who does not know the id.
func TestHeldSession(t *testing.T) {
	r := newRig(t, sh("sleep 1000"))
	r.launch(0, 0)
	k := lifecycle.Key{}
	r.awaitReached(k, model.TaskRunning)

	first, claim := r.dialSession("secret", false)
	if claim.Refused != nil || claim.ResumeWithinNs != int64(time.Minute) || claim.What != "" {
		t.Fatalf("the first answer is %v", claim)
	}
	for id, resume := range map[string]bool{"secret": false, "guessed": true} {
		if _, claim := r.dialSession(id, resume); claim.Refused == nil {
			t.Errorf("session %q, resumed %v: %v", id, resume, claim)
		}
	}
	d := session.NewDurable(time.Minute)
	defer d.Close()
	roads := make(chan session.Stream, 1)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		for s := first; s != nil && d.Carry(s) == nil; {
			s = <-roads
		}
	}()
	r.must(d.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Open{Open: &sessionpb.Open{
		Args: []string{"sh", "-c", "cat; exit 7"}, Stdin: true,
	}}}))
	road := first
	var want, got strings.Builder
	recv := func() *sessionpb.Frame {
		f, err := d.Recv()
		r.must(err)
		got.Write(f.GetStdout())
		return f
	}
	for range 5 {
		text := strings.Repeat(time.Now().String(), 500)
		want.WriteString(text)
		r.must(d.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Stdin{Stdin: []byte(text)}}))
		road.Close()
		road, claim = r.dialSession("secret", true)
		if claim.Refused != nil || claim.What != "sh -c cat; exit 7" && got.Len() > 0 {
			t.Fatalf("another stream is answered with %v", claim)
		}
		roads <- road
		for got.Len() < want.Len() {
			recv()
		}
	}
	r.must(d.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Eof{Eof: &sessionpb.Eof{}}}))
	road.Close()
	road, _ = r.dialSession("secret", true)
	roads <- road
	var ended *sessionpb.Ended
	for ended == nil {
		ended = recv().GetEnded()
	}
	if ended.ExitCode != 7 || got.String() != want.String() {
		t.Errorf("ended with %v; %d bytes of %d came back", ended, got.Len(), want.Len())
	}
	close(roads)
	<-kept
	r.kill(&execpb.Kill{})
	r.await(k)
}

package agent_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/model"
)

// bubbleMaster serves on a listener that is not of this world, so that the
// bubble's clock is the only one.
func bubbleMaster(t *testing.T) *scriptedMaster {
	lis := bufconn.Listen(64 << 10)
	m := serveMaster(t, lis)
	m.dial = lis.DialContext
	return m
}

// TestFenceTimer cuts an agent off. Its clock alone must end the tasks, and the
// next registration finds them gone.
func TestFenceTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		m := bubbleMaster(t)
		n.name("m1", m)
		stop := runLoop(t, &agent.Loop{Masters: []string{"m1"}, Conns: n.conns()})
		terms := leading(7, "j1")
		terms.PingIntervalNs, terms.FenceAfterNs = int64(2*time.Second), int64(time.Minute)
		s := m.session(terms)
		s.launch("j1", []byte("{}"), 100)
		s.ack(s.running("j1", 100))
		synctest.Wait()

		n.name("m1", nil)
		cut := time.Now()
		s.cancel()
		m.server.Stop()
		time.Sleep(55 * time.Second)
		m = bubbleMaster(t)
		n.name("m1", m)
		s = m.session(terms)
		if st := s.register.Tasks[0].State; model.TaskState(st) != model.TaskRunning {
			t.Errorf("after %v the task is %v", time.Since(cut), model.TaskState(st))
		}

		synctest.Wait()
		n.name("m1", nil)
		cut = time.Now()
		s.cancel()
		m.server.Stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		m = bubbleMaster(t)
		n.name("m1", m)
		u := m.session(terms).terminal("j1", 100)
		if at := time.Unix(0, u.At).Sub(cut); at > time.Minute || at < 58*time.Second || model.TaskState(u.State) != model.TaskGone {
			t.Errorf("after %v the task became %v", at, u)
		}
		stop()
		m.server.Stop()
		synctest.Wait()
	})
}

// TestSilentMaster gives a master up that neither answers nor hangs up.
func TestSilentMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		m := bubbleMaster(t)
		n.name("m1", m)
		stop := runLoop(t, &agent.Loop{Masters: []string{"m1"}, Conns: n.conns()})
		terms := leading(7)
		terms.PingIntervalNs = int64(2 * time.Second)
		s := m.session(terms)
		began := time.Now()
		for seq := range uint64(3) {
			time.Sleep(2 * time.Second)
			s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Ping{Ping: &agentpb.Ping{Seq: seq}}})
			s.next()
		}
		<-s.done
		if d := time.Since(began); d != 12*time.Second {
			t.Errorf("given up after %v, want three pings after the last", d)
		}
		began = time.Now()
		s = <-m.arrived // is not let in
		<-s.done
		if d := time.Since(began); d < 3*time.Second || d > 4*time.Second {
			t.Errorf("given up after %v without an answer", d)
		}
		m.session(terms)
		stop()
		m.server.Stop()
		synctest.Wait()
	})
}

// TestTakeover has three masters, one of which does not answer at all. However
// the leadership moves, an agent is there within half a second.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		a, b := bubbleMaster(t), bubbleMaster(t)
		a.redirectTo("")
		b.redirectTo("")
		n.name("a", a)
		n.name("b", b)
		conns := agent.NewConns(nil)
		dial := n.dial
		conns.SetDial(func(ctx context.Context, name string) (net.Conn, error) {
			if name == "dark" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return dial(ctx, name)
		})
		stop := runLoop(t, &agent.Loop{Masters: []string{"a", "dark", "b"}, Conns: conns})
		time.Sleep(10 * time.Second) // nobody leads
		for epoch := range int64(6) {
			leads, waits := a, b
			if epoch%2 == 1 {
				leads, waits = b, a
			}
			waits.redirectTo("")
			leads.leads()
			began := time.Now()
			s := leads.session(leading(epoch + 1))
			if d := time.Since(began); d > time.Second {
				t.Errorf("epoch %d: there after %v", epoch+1, d)
			}
			time.Sleep(time.Minute)
			leads.redirectTo("")
			s.cancel()
			time.Sleep(5 * time.Second)
		}
		stop()
		a.server.Stop()
		b.server.Stop()
		synctest.Wait()
	})
}

package health

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

func spec(name string, interval, timeout time.Duration) Spec {
	return Spec{Service: "web", Check: model.Check{Name: name, Interval: model.Duration(interval), Timeout: model.Duration(timeout)}}
}

// The loop asks at the machine's times, gives each question its timeout, and ends
// with its context though a question is still out.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var asked atomic.Int32
		ask := func(ctx context.Context, s *Spec) (bool, string) {
			if s.Name == "slow" {
				<-ctx.Done() // it would never answer
				return false, "no answer within its timeout"
			}
			asked.Add(1)
			return true, ""
		}
		reports := make(chan Report, 10)
		done := make(chan struct{})
		m := New([]Spec{spec("quick", 10*time.Second, time.Second), spec("slow", 10*time.Second, 2*time.Second)}, time.Now(), "x")
		go func() {
			defer close(done)
			Run(ctx, m, ask, Listener{Report: func(r Report) { reports <- r }, Fail: func(Fail) { t.Error("it failed") }})
		}()
		if r := <-reports; r.Health.Healthy || !strings.Contains(r.Health.Why(), "check slow: no answer") {
			t.Errorf("reported %+v", r.Health)
		}
		before := asked.Load()
		time.Sleep(60 * time.Second)
		if n := asked.Load() - before; n != 6 {
			t.Errorf("asked %d times in a minute, every 10 s", n)
		}
		cancel()
		<-done
	})
}

// A check that fails too often ends the loop.
func TestRunFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := spec("up", time.Second, time.Second)
		s.Restart = &model.CheckRestart{Limit: 3}
		var failed []Fail
		began := time.Now()
		Run(t.Context(), New([]Spec{s}, began, "x"),
			func(context.Context, *Spec) (bool, string) { return false, "refused" },
			Listener{Report: func(Report) {}, Fail: func(f Fail) { failed = append(failed, f) }})
		if len(failed) != 1 || failed[0].Message != `check "up" of service "web" failed 3 times in a row: refused` {
			t.Errorf("failed with %+v", failed)
		}
		if took := time.Since(began); took < 2*time.Second || took > 3*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

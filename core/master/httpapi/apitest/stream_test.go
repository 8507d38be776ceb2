package apitest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tender-scheduler/tender/core/master/httpapi/apitest"
	"github.com/tender-scheduler/tender/core/model"
)

// cutting breaks the connection of the first n requests to a path after some
// bytes of the answer.
func cutting(h http.Handler, path string, n int32, after int) http.Handler {
	var cut atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, path) || cut.Add(1) > n {
			h.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(&cutter{ResponseWriter: w, left: after}, r)
	})
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *cutter) Write(b []byte) (int, error) {
	if c.left < len(b) {
		c.ResponseWriter.Write(b[:c.left])
		http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// running returns a master whose only job runs.
func running(t *testing.T) *apitest.Master {
	m := apitest.New(epoch)
	if _, err := connect(t, serve(t, handler(t, m))).Submit(t.Context(), model.Submit{Job: hello()}); err != nil {
		t.Fatal(err)
	}
	m.Start("last", "node-1")
	return m
}

func TestLogsGoOnWhereTheyBroke(t *testing.T) {
	m := running(t)
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	m.Print("last", 0, false, text.String())
	m.End("last", model.Result{Cause: model.CauseFinished})
	c := connect(t, serve(t, cutting(handler(t, m), "/logs", 3, 1000)))
	for _, follow := range []bool{false, true} {
		log, err := c.Logs(t.Context(), model.ReadLog{Selector: "last", Offset: 5, Follow: follow})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(log)
		log.Close()
		if err != nil || string(got) != text.String()[5:] {
			t.Errorf("got %d bytes of %d, %v", len(got), text.Len()-5, err)
		}
	}
}

func TestLogsFromTheEndDoNotGoOn(t *testing.T) {
	m := running(t)
	m.Print("last", 0, false, "0123456789")
	c := connect(t, serve(t, cutting(handler(t, m), "/logs", 1, 3)))
	log, err := c.Logs(t.Context(), model.ReadLog{Selector: "last", Offset: -8})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if got, err := io.ReadAll(log); string(got) != "234" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v: a guess at what follows would be wrong", got, err)
	}
}

func TestLogsReportTheTrailer(t *testing.T) {
	m := running(t)
	m.Print("last", 0, false, "some ")
	m.BreakLog("last", 0, false, model.Refuse(model.ReasonAgentGone, "node-1 is gone: “later”"))
	log, err := connect(t, serve(t, handler(t, m))).Logs(t.Context(), model.ReadLog{Selector: "last"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	got, err := io.ReadAll(log)
	if r, ok := errors.AsType[*model.Refusal](err); string(got) != "some " || !ok || r.Reason != model.ReasonAgentGone || r.Message != "node-1 is gone: “later”" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestEventsGoOnWhereTheyBroke(t *testing.T) {
	m := running(t)
	for range 20 {
		m.End("last", model.Result{Cause: model.CauseFailed, ExitCode: 1})
		if _, refusal := m.Do(t.Context(), model.RetryJob{Selector: "last"}); refusal != nil {
			t.Fatal(refusal)
		}
		m.Start("last", "node-1")
	}
	c := connect(t, serve(t, cutting(handler(t, m), "/events", 4, 3000)))
	var ids []uint64
	for e, err := range c.Events(t.Context(), 1, "last") {
		if err != nil {
			t.Fatal(err)
		}
		if e.Live {
			break
		}
		ids = append(ids, e.ID)
	}
	for i, id := range ids {
		if id != uint64(i+2) {
			t.Fatalf("after event %d came %d: one is lost or came twice", i+1, id)
		}
	}
	if len(ids) < 100 {
		t.Errorf("only %d events", len(ids))
	}
}

func TestEventsReportGapsAndComeAlive(t *testing.T) {
	m := running(t)
	m.RingSize = 1
	m.End("last", model.Result{Cause: model.CauseFinished})
	c := connect(t, serve(t, cutting(handler(t, m), "/events", 1, 10)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	for e, err := range c.Events(ctx, 1, "") {
		switch {
		case err != nil:
			got = append(got, err.Error())
		case e.Gap:
			got = append(got, "gap")
		case e.Live:
			got = append(got, "live")
			cancel()
		default:
			got = append(got, e.Notice.Kind)
		}
	}
	if want := "gap job_succeeded live context canceled"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEventsOfAJobThatIsNotThere(t *testing.T) {
	c := connect(t, serve(t, handler(t, apitest.New(epoch))))
	for _, err := range c.Events(t.Context(), 0, "nobody") {
		if r, ok := errors.AsType[*model.Refusal](err); !ok || r.Reason != model.ReasonNotFound {
			t.Errorf("got %v", err)
		}
	}
}

package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/master/httpapi/apitest"
	"github.com/tender-scheduler/tender/core/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWaitReturnsAtTheEnd(t *testing.T) {
	m := apitest.New(epoch)
	url := serve(t, m, 0).URL
	exchange(t, url, "POST /v1/jobs\n{\"job\": @JOB@}")
	answer := make(chan string)
	go func() { answer <- exchange(t, url, "GET /v1/jobs/last/wait?timeout=10m") }()
	m.Start("last", "node-1")
	m.End("last", model.Result{Cause: model.CauseFinished})
	if got := <-answer; !strings.HasPrefix(got, "200 OK") || !strings.Contains(got, `"state": "succeeded"`) {
		t.Errorf("wait answered %s", got)
	}
}

func TestLogsWaitForTheTask(t *testing.T) {
	m := apitest.New(epoch)
	url := serve(t, m, 0).URL
	exchange(t, url, "POST /v1/jobs\n{\"job\": @JOB@}")
	answer := make(chan string)
	go func() { answer <- exchange(t, url, "GET /v1/jobs/last/logs?follow=1&index=1") }()
	m.Start("last", "node-1")
	m.Print("last", 1, false, "out\n")
	m.End("last", model.Result{Cause: model.CauseFinished})
	if got := <-answer; !strings.HasSuffix(got, "\nout\n") {
		t.Errorf("followed log: %s", got)
	}
}

func TestEventsHeartbeatAndGap(t *testing.T) {
	m := apitest.New(epoch)
	m.RingSize = 2
	url := serve(t, m, 10*time.Millisecond).URL
	for range 5 {
		exchange(t, url, "POST /v1/jobs\n{\"job\": @JOB@}")
	}
	lines := bufio.NewReader(get(t, url+"/v1/events?since=1").Body)
	want := []string{"event: gap", "event: job_submitted", "event: job_submitted", "event: live"}
	var got []string
	// A heartbeat may come before the rest, on a machine that is slow enough.
	for beats := 0; len(got) < len(want) || beats == 0; {
		l, err := lines.ReadString('\n')
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasPrefix(l, "event: "):
			got = append(got, strings.TrimSpace(l))
		case strings.TrimSpace(l) == ": heartbeat":
			beats++
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the stream brought %q, want %q", got, want)
	}
}

func TestEventsEndWithTheTerm(t *testing.T) {
	m := apitest.New(epoch)
	resp := get(t, serve(t, m, 0).URL+"/v1/events")
	m.SetLeader("", false)
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the stream of a deposed leader ended with %v", err)
	}
}

// broken is a backend whose every answer is wrong.
type broken struct{ httpapi.Backend }

func (broken) Leader() (string, bool) { return "127.0.0.1:1", true }
func (broken) Do(_ context.Context, body any) (any, *model.Refusal) {
	if _, ok := body.(model.ListNodes); ok {
		panic("a bug")
	}
	return 42, nil
}
func (broken) Events(context.Context, uint64, model.JobID) (iter.Seq[httpapi.Event], *model.Refusal) {
	return nil, model.Refuse(model.ReasonQueueFull, "too many streams")
}
func (broken) ReadLog(context.Context, model.ReadLog) (io.ReadCloser, *model.Refusal) {
	return io.NopCloser(io.MultiReader(strings.NewReader("some "), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestBugsOfTheBackendAreAnswered(t *testing.T) {
	h, err := httpapi.New(httpapi.Config{Backend: broken{}, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	for request, want := range map[string]string{
		"GET /v1/nodes":       "500 Internal Server Error\n",
		"GET /v1/jobs":        "500 Internal Server Error\n",
		"GET /v1/events":      "429 Too Many Requests\nRetry-After: 1\n",
		"GET /v1/jobs/x/logs": "200 OK\nContent-Type: application/octet-stream\nsome trailer Tender-Error: {\"reason\":\"internal\",\"message\":\"read the log: disk on fire\"}\n",
	} {
		if got := exchange(t, s.URL, request); !strings.HasPrefix(got, want) {
			t.Errorf("%s answered %s, want %s", request, got, want)
		}
	}
}

func TestServerEndsStreamsAtShutdown(t *testing.T) {
	m := apitest.New(epoch)
	h, err := httpapi.New(httpapi.Config{Backend: m, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewUnstartedServer(nil)
	s.Config = httpapi.NewServer(ctx, h, nil)
	s.Start()
	resp := get(t, s.URL+"/v1/events")
	cancel()
	io.Copy(io.Discard, resp.Body)
	if err := s.Config.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down with a stream open: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := httpapi.New(httpapi.Config{Heartbeat: -1, RequestTimeout: -1}); err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("an empty configuration: %v, want four faults", err)
	}
}

package httpapi_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/master/httpapi/apitest"
	"github.com/tender-scheduler/tender/core/model"
)

// standby returns the URL of a master that stands by for leader.
func standby(t *testing.T, leaderURL string) string {
	m := apitest.New(epoch)
	m.SetLeader(strings.TrimPrefix(leaderURL, "http://"), false)
	return serve(t, m, 0).URL
}

func TestStandbyForwardsRequests(t *testing.T) {
	m := apitest.New(epoch)
	leader := serve(t, m, 0)
	url := standby(t, leader.URL)
	got := exchange(t, url, `POST /v1/jobs
{"job": @JOB@}`)
	if !strings.HasPrefix(got, "201 Created\nLocation: /v1/jobs/j0000001\n") {
		t.Errorf("submission through a standby: %s", got)
	}
	// Refusals come back as the leader wrote them.
	for _, request := range []string{"GET /v1/jobs/nobody", "GET /v1/jobs?name=%zz", "POST /v1/jobs\n{\"jbo\": 1}"} {
		if direct, forwarded := exchange(t, leader.URL, request), exchange(t, url, request); direct != forwarded {
			t.Errorf("%s: the leader says %s, the standby %s", request, direct, forwarded)
		}
	}
}

func TestStandbyForwardsStreamsAsTheyCome(t *testing.T) {
	m := apitest.New(epoch)
	url := standby(t, serve(t, m, 0).URL)
	exchange(t, url, "POST /v1/jobs\n{\"job\": @JOB@}")
	m.Start("last", "node-1", 0)
	m.Print("last", 0, false, "first\n")

	resp := get(t, url+"/v1/jobs/last/logs?follow=1")
	lines := bufio.NewReader(resp.Body)
	expectLine(t, lines, "first\n")
	m.Print("last", 0, false, "second\n") // only now: nothing may hold the first line back
	expectLine(t, lines, "second\n")
	m.BreakLog("last", 0, false, model.Refuse(model.ReasonAgentGone, "node-1 is gone"))
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("the rest of the log is %q, %v", rest, err)
	}
	if got := resp.Trailer.Get(httpapi.TrailerError); !strings.Contains(got, "node-1 is gone") {
		t.Errorf("trailer through a standby: %q", got)
	}
}

func TestStandbyOfAStandbyDoesNotForward(t *testing.T) {
	first := apitest.New(epoch)
	server := serve(t, first, 0)
	second := standby(t, server.URL)
	first.SetLeader(strings.TrimPrefix(second, "http://"), false) // each takes the other for the leader
	resp := get(t, second+"/v1/jobs")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a request between two standbys: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
}

// get sends a GET; the body is closed when the test ends.
func get(t *testing.T, url string) *http.Response {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func expectLine(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	if got, err := r.ReadString('\n'); got != want {
		t.Fatalf("read line %q (%v), want %q", got, err, want)
	}
}

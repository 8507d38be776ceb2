package health

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

func TestAskHTTP(t *testing.T) {
	var conns atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || string(b) != "ping" || r.Host != "inside" || r.Header.Get("X-Two") != "b" {
			t.Errorf("%s of %q for %q, %v", r.Method, b, r.Host, r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no database", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server hears of a client's end only then
		<-r.Context().Done()
	})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	target := func(path string) *Target {
		return &Target{Address: server.Listener.Addr().String(), Scheme: "http", Method: http.MethodPost, Path: path, Body: "ping",
			Header: map[string][]string{"host": {"inside"}, "x-two": {"b"}}}
	}
	for _, c := range []struct {
		path, why string
		passes    bool
	}{
		{"/ok", "", true},
		{"/ok", "", true},
		{"/away", "POST /away: HTTP 302 Found", false},
		{"/bad", "POST /bad: HTTP 503 Service Unavailable no database", false},
		{"/slow", "no answer within its timeout", false},
		{"/nowhere", "POST /nowhere: HTTP 404 Not Found 404 page not found", false},
	} {
		timeout := 10 * time.Second
		if c.path == "/slow" {
			timeout = 20 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		passes, why := AskHTTP(ctx, target(c.path))
		cancel()
		if passes != c.passes || why != c.why {
			t.Errorf("%s: %v %q, want %v %q", c.path, passes, why, c.passes, c.why)
		}
	}
	if n := conns.Load(); n != 6 {
		t.Errorf("6 questions came over %d connections", n)
	}
}

func TestAskTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = nil
	defer server.Close()
	target := &Target{Address: server.Listener.Addr().String(), Scheme: "https", Method: http.MethodGet, Path: "/"}
	if passes, why := AskHTTP(t.Context(), target); passes || !strings.Contains(why, "certificate") {
		t.Errorf("a strange certificate: %v %q", passes, why)
	}
	target.TLSSkipVerify = true
	if passes, why := AskHTTP(t.Context(), target); !passes {
		t.Error(why)
	}
}

func TestAskTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := &Target{Address: l.Addr().String()}
	if passes, why := AskTCP(t.Context(), target); !passes {
		t.Error(why)
	}
	l.Close()
	if passes, why := AskTCP(t.Context(), target); passes || !strings.Contains(why, "connection refused") {
		t.Errorf("nobody listens: %v %q", passes, why)
	}
}

func TestPort(t *testing.T) {
	g := &model.Group{Network: &model.Network{Ports: []model.Port{{Label: "admin"}, {Label: "http"}}}}
	grant := &model.Grant{Ports: []uint16{20001, 20002}}
	for _, c := range []struct {
		port string
		want uint16
	}{{"http", 20002}, {"admin", 20001}, {"8080", 8080}, {"none", 0}} {
		got, err := Port(g, &Spec{Check: model.Check{Port: c.port}}, grant)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("port %q: %d, %v", c.port, got, err)
		}
	}
}

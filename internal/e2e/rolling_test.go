package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// TestRollingUpdateUnderLoad: six web servers behind a proxy are replaced by those
// of another version, then moved off a node that is drained, under constant load
// and without one failed request.
func TestRollingUpdateUnderLoad(t *testing.T) {
	for _, p := range []struct {
		name  string
		start func(c *cluster) (address string)
	}{{"go", (*cluster).goProxy}, {"nginx", (*cluster).nginx}, {"haproxy", (*cluster).haproxy}} {
		t.Run(p.name, func(t *testing.T) {
			if p.name != "go" {
				if _, err := exec.LookPath(p.name); err != nil {
					t.Skipf("%[1]s is not installed: apt-get install %[1]s", p.name)
				}
			}
			c, _ := dev(t, "--agents", "3")
			c.nodes(3)
			server := c.webserver()
			c.must("submit", "--wait", c.rollingServer(server, "one"))
			load := startAsking(t, p.start(c))
			load.await("of one")
			began := load.answers.Load()
			c.must("submit", "--wait", c.rollingServer(server, "two"))
			load.await("of two")
			during := load.answers.Load() - began
			agent := c.endpoints("shop").Endpoints[0].Node
			c.must("node", "drain", agent, "--wait")
			load.stop()
			t.Logf("%d requests while the update was on, %d in all, %d failed", during, load.answers.Load(), load.failed.Load())
			for _, e := range c.endpoints("shop").Endpoints {
				if e.Node == agent {
					t.Errorf("after the drain of %s: %+v", agent, e)
				}
			}
			c.must("cancel", "shop")
			c.run("wait", "shop")
		})
	}
}

// rolling is the service of the test, at a version.
func (c *cluster) rollingServer(server, version string) string {
	text := fmt.Sprintf(`
  type = "service"
  update {
    max_parallel      = 2
    min_healthy_time  = "300ms"
    healthy_deadline  = "60s"
    progress_deadline = "120s"
  }
  meta {
    version = %q
  }`, version)
	return c.web(server, "shop", 6, text, `shutdown_delay = "8s" # longer than a machine whose disk stalls takes to tell a proxy
    migrate {
      max_parallel     = 2
      min_healthy_time = "300ms"
      healthy_deadline = "60s"
    }`)
}

// askers are clients that ask without a pause, half of them over one connection each.
type askers struct {
	t       *testing.T
	target  string
	cancel  context.CancelFunc
	clients sync.WaitGroup
	answers atomic.Int64
	failed  atomic.Int64
	last    atomic.Pointer[string]
}

func startAsking(t *testing.T, address string) *askers {
	ctx, cancel := context.WithCancel(t.Context())
	l := &askers{t: t, target: "http://" + address + "/", cancel: cancel}
	for i := range 6 {
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
		l.clients.Go(func() {
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				l.ask(ctx, client)
			}
		})
	}
	t.Cleanup(l.stop)
	return l
}

func (l *askers) ask(ctx context.Context, client *http.Client) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.target, nil)
	if err != nil {
		l.t.Error(err)
		return
	}
	resp, err := client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var b []byte
		if b, err = io.ReadAll(resp.Body); err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", resp.Status, b)
		}
		text := string(b)
		l.last.Store(&text)
	}
	switch {
	case ctx.Err() != nil: // the load has ended
	case err != nil:
		if l.failed.Add(1) < 10 {
			l.t.Errorf("a request failed: %v", err)
		}
	default:
		l.answers.Add(1)
	}
}

// await waits for an answer of a version.
func (l *askers) await(version string) {
	l.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if s := l.last.Load(); s != nil && strings.Contains(*s, version) {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("no answer %q", version)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (l *askers) stop() {
	l.cancel()
	l.clients.Wait()
}

// goProxy is a reverse proxy that follows the stream of the service's endpoints.
func (c *cluster) goProxy() string {
	var endpoints atomic.Pointer[[]model.Endpoint]
	ready := make(chan struct{})
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		first := true
		followService(ctx, c.addr, func(v model.ServiceView) {
			endpoints.Store(&v.Endpoints)
			if first && len(v.Endpoints) > 0 {
				first = false
				close(ready)
			}
		})
	}()
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // the clients tell of what fails
		Rewrite: func(r *httputil.ProxyRequest) {
			all := *endpoints.Load()
			e := all[rand.IntN(len(all))]
			r.SetURL(&url.URL{Scheme: "http", Host: net.JoinHostPort(e.Address, strconv.Itoa(e.Port))})
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 10},
	})
	c.t.Cleanup(func() {
		cancel()
		<-done
		proxy.Close()
	})
	select {
	case <-ready:
	case <-done:
		c.t.Fatal("the stream of the service's endpoints has ended before it began")
	}
	return proxy.Listener.Addr().String()
}

// followService reads a service's stream until ctx ends.
func followService(ctx context.Context, addr string, tell func(model.ServiceView)) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/v1/services/shop?follow=1", nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var v model.ServiceView
		if ok && json.Unmarshal([]byte(data), &v) == nil {
			tell(v)
		}
	}
}

// nginx is a real one, whose configuration tender services writes and which it
// tells to read it.
func (c *cluster) nginx() string {
	address := freeAddress(c.t)
	config := filepath.Join(c.dir, "nginx.conf")
	template := c.file("nginx.tmpl", fmt.Sprintf(`
daemon off;
user root;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path %[1]s/ngx-body;
  proxy_temp_path       %[1]s/ngx-proxy;
  fastcgi_temp_path     %[1]s/ngx-fastcgi;
  uwsgi_temp_path       %[1]s/ngx-uwsgi;
  scgi_temp_path        %[1]s/ngx-scgi;
  upstream shop {
{{ range .Endpoints }}    server {{ addr . }};
{{ end }}  }
  server {
    listen %[2]s;
    location / {
      proxy_pass http://shop;
      proxy_next_upstream off; # what fails is to be seen
    }
  }
}
`, c.dir, address))
	c.must("services", "shop", "--template", template, "--out", config, "--once")
	proxy := exec.Command("nginx", "-p", c.dir, "-c", config)
	if err := proxy.Start(); err != nil {
		c.t.Fatal(err)
	}
	stop := func(p *exec.Cmd) {
		_ = p.Process.Signal(syscall.SIGTERM)
		_ = p.Wait()
	}
	c.t.Cleanup(func() {
		stop(proxy)
		if said, err := os.ReadFile(filepath.Join(c.dir, "nginx.log")); err == nil && c.t.Failed() {
			c.t.Logf("nginx said:\n%s", said)
		}
	})
	c.eventually("nginx listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	// Only now: before it listens the signal would be its end.
	follow := exec.Command(binary, "services", "shop", "--address", c.addr, "--template", template, "--out", config,
		"--exec", fmt.Sprintf("kill -HUP %d", proxy.Process.Pid))
	if err := follow.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { stop(follow) })
	return address
}

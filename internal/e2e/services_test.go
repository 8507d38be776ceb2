package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// webserver builds the server that services of these tests are.
func (c *cluster) webserver() string {
	c.t.Helper()
	path := filepath.Join(c.dir, "webserver")
	build := exec.Command("go", "build", "-o", path, "./testdata/webserver")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		c.t.Fatalf("build the web server: %v\n%s", err, out)
	}
	return path
}

// web is a job of n web servers; more goes into the job, group into its group.
func (c *cluster) web(server, name string, n int, more, group string) string {
	return c.file(name+".hcl", fmt.Sprintf(`
job %q {
  %s
  group "web" {
    count = %d
    restart { # another cluster on this machine may have the port
      attempts = 20
      delay    = "100ms"
    }
    network {
      port "http" {}
    }
    %s
    service {
      name = %q
      port = "http"
      tags = ["test"]
      check {
        type     = "http"
        path     = "/health"
        interval = "200ms"
        timeout  = "5s"
      }
    }
    task "server" {
      config {
        command = %q
      }
      env = {
        VERSION = "${NOMAD_META_version}"
      }
      resources {
        cpus   = 0.1
        memory = "64MiB"
      }
    }
  }
}
`, name, more, n, group, name, server))
}

func (c *cluster) endpoints(name string) model.ServiceView {
	c.t.Helper()
	var v model.ServiceView
	c.json(&v, "services", name, "-o", "json")
	return v
}

func get(t *testing.T, e *model.Endpoint) string {
	t.Helper()
	resp, err := http.Get("http://" + net.JoinHostPort(e.Address, strconv.Itoa(e.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return string(b)
}

// TestServices: endpoints are those whose checks pass; what a check says is told;
// a file follows; what is told to stop is off the list before it stops; and the
// list outlives the master.
func TestServices(t *testing.T) {
	c, d := dev(t, "--agents", "2")
	c.nodes(2)
	id := c.submit(c.web(c.webserver(), "shop", 3, "meta {\n    version = \"v0\"\n  }", `shutdown_delay = "5s"`))
	c.eventually("three endpoints are healthy", func() bool { return len(c.endpoints("shop").Endpoints) == 3 })
	v := c.endpoints("shop")
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		if got := get(t, e); got != fmt.Sprintf("%d of v0\n", e.Index) {
			t.Errorf("endpoint %d answers %q", e.Index, got)
		}
	}
	c.rendered(v)

	// One is sick: it is off the list, and the job says why.
	sandboxes, err := filepath.Glob(filepath.Join(c.dir, "dev/agents/*/jobs", id, "tasks/web.1.*/server/local"))
	if err != nil || len(sandboxes) == 0 {
		t.Fatalf("%v %v", sandboxes, err)
	}
	sick := filepath.Join(sandboxes[len(sandboxes)-1], "sick") // of the latest attempt
	if err := os.WriteFile(sick, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c.eventually("the sick one is off the list", func() bool { return len(c.endpoints("shop").Endpoints) == 2 })
	if out := c.must("job", id); !strings.Contains(out, "running, unhealthy") || !strings.Contains(out, "feeling sick") {
		t.Errorf("tender job does not say what is wrong:\n%s", out)
	}
	if out := c.must("services", "shop", "--all"); !strings.Contains(out, "feeling sick") {
		t.Errorf("tender services --all does not say what is wrong:\n%s", out)
	}

	os.Remove(sick)
	c.eventually("it is well again", func() bool { return len(c.endpoints("shop").Endpoints) == 3 })

	c.must("cancel", id)
	if v := c.endpoints("shop"); len(v.Endpoints) != 0 {
		t.Errorf("told to stop, and still listed: %+v", v.Endpoints)
	}
	get(t, &v.Endpoints[0]) // it serves on for its shutdown delay
	c.run("wait", id)
	d.stop()
}

// rendered holds that a template is rendered, and its command run.
func (c *cluster) rendered(v model.ServiceView) {
	c.t.Helper()
	tmpl := c.file("tmpl", "{{ range .Endpoints }}server {{ .JobName }}-{{ .Index }} {{ addr . }}\n{{ end }}")
	out, told := filepath.Join(c.dir, "proxy.cfg"), filepath.Join(c.dir, "told")
	c.must("services", v.Name, "--template", tmpl, "--out", out, "--exec", "cp "+out+" "+told, "--once")
	// A command that fails is run again, though nothing changes.
	allowed, again := filepath.Join(c.dir, "allowed"), filepath.Join(c.dir, "told-again")
	follow := c.inBackground("services", v.Name, "--template", tmpl, "--out", out+"2", "--exec", "test -e "+allowed+" && cp "+out+"2 "+again)
	c.eventually("the command has failed", func() bool { return strings.Contains(follow.errs(), "exit status 1") })
	c.file("allowed", "")
	c.eventually("the command has been run again", func() bool { return exists(again) })
	if err := follow.interrupt(); err != nil {
		c.t.Errorf("tender services: %v\n%s", err, follow.errs())
	}
	want := ""
	for _, e := range v.Endpoints {
		want += fmt.Sprintf("server %s-%d %s\n", e.JobName, e.Index, net.JoinHostPort(e.Address, strconv.Itoa(e.Port)))
	}
	if got, err := os.ReadFile(told); err != nil || string(got) != want {
		c.t.Errorf("the proxy was told %q (%v), want %q", got, err, want)
	}
}

// TestServicesOutliveTheMaster: with its master killed and started again, the
// tasks go on and the list is the same at once.
func TestServicesOutliveTheMaster(t *testing.T) {
	c := newCluster(t)
	c.addr = freeAddress(t)
	master := c.start(true, "master", "--data-dir", filepath.Join(c.dir, "master"), "--listen", c.addr)
	c.start(true, "agent", "--data-dir", filepath.Join(c.dir, "agent"), "--masters", c.addr, "--name", "n1", "--stop-tasks", "--reached-at", "127.0.0.1")
	id := c.submit(c.web(c.webserver(), "shop", 2, "", ""))
	c.eventually("two endpoints are healthy", func() bool { return len(c.endpoints("shop").Endpoints) == 2 })
	before := c.endpoints("shop")
	master.kill9()
	c.start(true, "master", "--data-dir", filepath.Join(c.dir, "master"), "--listen", c.addr)
	after := c.endpoints("shop")
	if len(after.Endpoints) != 2 || after.Endpoints[0].Port != before.Endpoints[0].Port || after.Index <= before.Index {
		t.Errorf("before %+v, after %+v", before, after)
	}
	c.must("cancel", id)
	c.run("wait", id)
}

// TestDrain: what runs on a drained node leaves, preemptible tasks at once, others
// at the deadline, and comes back elsewhere without counting as a failure; the
// node takes nothing until it is eligible, and why says so.
func TestDrain(t *testing.T) {
	c, _ := dev(t, "--agents", "2", "--cpus", "1")
	c.nodes(2)
	long := c.submit(c.script("long", `    count = 4`, `while [ ! -e `+c.dir+`/end ]; do sleep 0.02; done`))
	c.running(long, 4)
	agent := ""
	var before, after model.NodeList
	c.json(&before, "nodes", "-o", "json")
	for _, n := range before.Nodes {
		if n.Tasks > 0 {
			agent = n.Name
		}
	}
	out := c.must("node", "drain", agent, "--deadline", "300ms", "-m", "new disk", "--wait")
	if want := "node " + agent + ": drained, ineligible (new disk)\n"; out != want {
		t.Errorf("drain says %q, want %q", out, want)
	}
	c.running(long, 4)
	c.json(&after, "nodes", "-o", "json")
	for _, n := range after.Nodes {
		if n.Name == agent && (n.Tasks != 0 || n.Drain == nil || n.Drain.Done.IsZero() || !n.Ineligible) {
			t.Errorf("after the drain: %+v", n)
		}
	}
	if out := c.must("events", long); !strings.Contains(out, "stopped for the drain of node "+agent+"; back in the queue") {
		t.Errorf("the events do not tell of the drain:\n%s", out)
	}
	big := c.submit(c.script("big", "", "true"))
	c.must("node", "ineligible", other(agent), "-m", "odd")
	more := c.submit(c.file("more.hcl", `job "more" {
  task "t" {
    config { command = "true" }
    resources { cpus = 1 }
  }
}`))
	if out := c.must("why", more); !strings.Contains(out, "the node was drained and is not eligible yet (new disk)") && !strings.Contains(out, "the node is being drained, or was made ineligible") {
		t.Errorf("why does not speak of the drain:\n%s", out)
	}
	c.must("node", "drain", "--disable", agent)
	c.must("wait", big)
	c.must("wait", more)
	c.must("node", "eligible", other(agent))
	c.file("end", "")
	if r := c.run("wait", long); r.code != 0 {
		t.Errorf("the job that had to move ended with %d:\n%s", r.code, r.stderr)
	}
}

func other(agent string) string {
	if agent == "dev-1" {
		return "dev-2"
	}
	return "dev-1"
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// trio is a cluster of three masters, and what happens to them.
type trio struct {
	*cluster
	addrs   []string
	hosts   []*netns   // one for each master, or none
	flags   [][]string // of each master
	masters []*daemon
	term    int64 // of the last leader that was seen
}

func (c *trio) startMaster(i int) {
	c.t.Helper()
	at := c.cluster
	if c.hosts != nil {
		at = &cluster{t: c.t, dir: c.dir, in: c.hosts[i]}
	}
	c.masters[i] = at.start(false, append([]string{"master", "--listen", c.addrs[i]}, c.flags[i]...)...)
}

// list is what any master says of all of them.
func (c *trio) list() (list model.MasterList, ok bool) {
	r := c.run("masters", "-o", "json") // 250 while nobody leads
	return list, json.Unmarshal([]byte(r.stdout), &list) == nil && list.Cluster != ""
}

// leader waits for a leader of a later term than the last, and returns its number.
func (c *trio) leader(what string) int {
	c.t.Helper()
	begun := time.Now()
	n := -1
	c.eventually("a master leads after "+what, func() bool {
		list, ok := c.list()
		if !ok || list.Leader == "" || list.Term <= c.term {
			return false
		}
		c.term, n = list.Term, slices.Index(c.addrs, list.Leader)
		return true
	})
	c.t.Logf("%s: master %d leads in term %d, seen after %v; the session's TTL is 2 s", what, n, c.term, time.Since(begun).Round(time.Millisecond))
	c.work(what)
	return n
}

// work runs a job through the cluster.
func (c *trio) work(after string) {
	c.t.Helper()
	if r := c.run("submit", "--wait", c.script("probe", "", "true")); r.code != 0 {
		c.t.Errorf("after %s a job ends with %d\n%s%s", after, r.code, r.stdout, r.stderr)
	}
}

// allUp waits until all masters are there and have the whole journal.
func (c *trio) allUp() {
	c.t.Helper()
	c.eventually("all masters are up", func() bool {
		list, ok := c.list()
		up := 0
		for _, m := range list.Masters {
			if m.State == model.MasterLeader || m.State == model.MasterStandby && m.LagEntries < 100 && m.LagSeconds != nil {
				up++
			}
		}
		for _, m := range list.Etcd {
			if m.State == model.EtcdUnreachable || m.State == model.EtcdLeaderless {
				return false
			}
		}
		return ok && up == len(c.addrs)
	})
}

// TestMastersTogether: three masters that keep the journal together, each on its
// own host. The leader is killed, cut off, told to end and asked to step down, with
// work under way all the time.
func TestMastersTogether(t *testing.T) {
	needRoot(t)
	c := &trio{cluster: newCluster(t), masters: make([]*daemon, 3)}
	c.in, c.hosts = newHosts(t, 3)
	for _, h := range c.hosts {
		c.addrs = append(c.addrs, h.address+":7070")
	}
	c.addr = strings.Join(c.addrs, ",")
	for i := range c.addrs {
		c.flags = append(c.flags, []string{"--peers", c.addr, "--data-dir", filepath.Join(c.dir, fmt.Sprint("m", i))})
		c.startMaster(i)
	}
	agents := c.startAgents()
	leader := c.leader("the start")
	loads := c.startLoads()

	c.masters[leader].kill9()
	old := leader
	leader = c.leader("kill -9 of the leader")
	c.startMaster(old)
	c.allUp()

	stop := c.watchForStaleReads(leader) // it has answered once
	c.hosts[leader].cutOff()
	cut := time.Now()
	old = leader
	c.leader("a partition of the leader")
	t.Logf("another master led %v after the partition", stop().Sub(cut).Round(time.Millisecond))
	c.refuses(old)
	c.hosts[old].heal()
	c.allUp()

	c.must("masters", "step-down")
	leader = c.leader("step-down")
	c.masters[leader].stop()
	old = leader
	c.leader("SIGTERM of the leader")
	c.startMaster(old)
	c.allUp()

	loads.finish()
	for _, a := range agents {
		c.endAgent(a)
	}
}

// TestMastersOnEtcd: three masters on an etcd of three members. The leading master
// is killed, then the etcd member that leads etcd.
func TestMastersOnEtcd(t *testing.T) {
	needRoot(t)
	c := &trio{cluster: newCluster(t), masters: make([]*daemon, 3)}
	etcd := startEtcdCluster(t)
	for range 3 {
		c.addrs = append(c.addrs, freeAddress(t))
	}
	c.addr = strings.Join(c.addrs, ",")
	for i := range c.addrs {
		c.flags = append(c.flags, []string{"--etcd", strings.Join(etcd.clients, ",")})
		c.startMaster(i)
	}
	agents := c.startAgents()
	leader := c.leader("the start")
	loads := c.startLoads()

	c.masters[leader].kill9()
	old := leader
	c.leader("kill -9 of the leader")
	c.startMaster(old)
	c.allUp()

	member := -1
	c.eventually("somebody leads etcd", func() bool {
		list, _ := c.list()
		member = etcd.leader(list)
		return member >= 0
	})
	etcd.kill9(member)
	c.work("kill -9 of etcd's leader")
	c.eventually("masters shows that a member of etcd is gone", func() bool {
		list, ok := c.list()
		states := map[model.EtcdState]int{}
		for _, m := range list.Etcd {
			states[m.State]++
		}
		return ok && states[model.EtcdUnreachable] == 1 && states[model.EtcdLeader] == 1 && states[model.EtcdFollower] == 1
	})
	list, _ := c.list()
	c.term = min(c.term, list.Term-1) // the leader may have stayed
	leader = c.leader("kill -9 of etcd's leader")
	c.masters[leader].kill9()
	c.leader("kill -9 of the leader, with an etcd member gone")

	loads.finish()
	for _, a := range agents {
		c.endAgent(a)
	}
}

// TestMastersJoin: a master that was alone is joined by two more, with all it knows;
// one whose disk is lost is refused until it is told to take its place.
func TestMastersJoin(t *testing.T) {
	c := &trio{cluster: newCluster(t), masters: make([]*daemon, 3)}
	for range 3 {
		c.addrs = append(c.addrs, freeAddress(t))
	}
	dir := func(i int) string { return filepath.Join(c.dir, fmt.Sprint("m", i)) }
	all := strings.Join(c.addrs, ",")
	c.addr = c.addrs[0]
	for i := range c.addrs {
		c.flags = append(c.flags, []string{"--data-dir", dir(i)})
	}
	c.startMaster(0)
	c.eventually("the first leads", func() bool { return c.run("status").code == 0 })
	c.must("role", "set", "old", "--weight", "3")
	c.masters[0].stop()
	for i := range c.addrs {
		c.flags[i] = append(c.flags[i], "--peers", all)
	}
	c.startMaster(0)
	c.eventually("the first leads again", func() bool { return c.run("status").code == 0 })
	refused := func() {
		t.Helper()
		r := c.run("master", "--listen", c.addrs[2], "--data-dir", dir(2), "--peers", all)
		if r.code != 1 || !strings.Contains(r.stderr, "--join") {
			t.Errorf("a master that was not asked in: exit code %d\n%s", r.code, r.stderr)
		}
	}
	refused()
	c.addr = all
	for i := 1; i < 3; i++ {
		c.flags[i] = append(c.flags[i], "--join")
		c.startMaster(i)
	}
	c.allUp()
	c.masters[2].kill9()
	if err := os.RemoveAll(dir(2)); err != nil {
		t.Fatal(err)
	}
	c.addr = c.addrs[0] + "," + c.addrs[1]
	c.eventually("it is missed", func() bool {
		list, ok := c.list()
		return ok && slices.ContainsFunc(list.Masters, func(m model.MasterView) bool { return m.State == model.MasterUnreachable })
	})
	refused()
	c.startMaster(2)
	c.allUp()
	c.masters[0].kill9()
	c.eventually("another one leads and knows all", func() bool { return strings.Contains(c.run("role", "ls").stdout, "old") })
}

func (c *trio) startAgents() []*daemon {
	c.t.Helper()
	var out []*daemon
	for i := range 3 {
		out = append(out, c.startAgent(fmt.Sprint("a", i), "--cpus", "8", "--memory", "32GiB"))
	}
	return out
}

// watchForStaleReads asks a leader, from its own host, for what only a leader may
// answer. Once another one is known to lead, it must not.
func (c *trio) watchForStaleReads(leader int) (stop func() (led time.Time)) {
	host := c.hosts[leader]
	transport := &http.Transport{DialContext: host.dial}
	asked := &http.Client{Transport: transport, Timeout: 2 * time.Second}
	get := func(from *http.Client, address, path string) (int, []byte) {
		resp, err := from.Get("http://" + address + path)
		if err != nil {
			return 0, nil
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, b
	}
	hub := &http.Client{Transport: &http.Transport{DialContext: c.in.dial}, Timeout: time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	var other atomic.Bool // another master leads
	var done sync.WaitGroup
	answers, stale, led := 0, 0, time.Time{}
	answered, seen := make(chan struct{}), make(chan struct{}) // the first answer, another leader
	done.Go(func() {
		for ctx.Err() == nil {
			late := other.Load() // before the question
			if code, _ := get(asked, c.addrs[leader], "/v1/jobs"); code == http.StatusOK {
				if answers++; answers == 1 {
					close(answered)
				}
				if late {
					stale++
				}
			}
		}
	})
	done.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			var s model.MasterStatus
			if at := i % len(c.addrs); at != leader {
				if _, b := get(hub, c.addrs[at], "/v1/status"); json.Unmarshal(b, &s) == nil && s.Leading && other.CompareAndSwap(false, true) {
					led = time.Now()
					close(seen)
				}
			}
		}
	})
	c.within("the leader answers", answered)
	return func() time.Time {
		c.within("another master says that it leads", seen)
		cancel()
		done.Wait()
		transport.CloseIdleConnections()
		hub.CloseIdleConnections()
		if answers == 0 || stale > 0 || !other.Load() {
			c.t.Errorf("the leader answered %d times, %d times after another one led (%v)", answers, stale, other.Load())
		}
		return led
	}
}

// within waits for a channel to be closed.
func (c *trio) within(what string, done <-chan struct{}) {
	c.t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		c.t.Errorf("after %v still not: %s", patience, what)
	}
}

// refuses checks what a master that is cut off says to those on its own host.
func (c *trio) refuses(i int) {
	c.t.Helper()
	there := &cluster{t: c.t, dir: c.dir, in: c.hosts[i], addr: c.addrs[i]}
	if r := there.run("status"); r.code != model.ExitUnreachable || !strings.Contains(r.stdout, "none: an election is on") {
		c.t.Errorf("status of a master that is cut off: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	c.eventually("a master that is cut off says that it reaches nobody, and that nobody leads", func() bool {
		var list model.MasterList
		r := there.run("masters", "-o", "json")
		if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || r.code != model.ExitUnreachable {
			c.t.Fatalf("masters, asked of one that is cut off: exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
		}
		gone := 0
		for _, m := range list.Masters {
			if m.State == model.MasterUnreachable {
				gone++
			}
		}
		return gone == 2 && list.Leader == ""
	})
}

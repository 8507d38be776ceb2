package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
)

var networks atomic.Int32

// apart starts a master and n agents, called n1, n2, …, each agent in a network
// namespace of its own. All that they share is a bridge, on which the master
// listens.
func (c *cluster) apart(n int) []*daemon {
	c.t.Helper()
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			c.t.Skipf("needs %s: apt-get install iproute2 util-linux", tool)
		}
	}
	num := networks.Add(1)
	// Of the block for tests between networks (RFC 2544), by process and cluster.
	subnet := fmt.Sprintf("198.18.%d", (os.Getpid()+int(num)*37)%250)
	bridge := fmt.Sprintf("te%d-%d", os.Getpid()%100000, num)
	c.ip("link", "add", bridge, "type", "bridge")
	c.t.Cleanup(func() { c.ip("link", "del", bridge) })
	c.ip("addr", "add", subnet+".1/24", "dev", bridge)
	c.ip("link", "set", bridge, "up")
	for i := range n {
		c.joinBridge(bridge, i+1, fmt.Sprintf("%s.%d/24", subnet, i+2))
	}
	l, err := net.Listen("tcp", subnet+".1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	c.addr = l.Addr().String()
	l.Close()
	c.startMaster()
	var agents []*daemon
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		// Not ip netns exec: that hides the cgroups below a /sys of its own.
		agents = append(agents, c.startProgram("nsenter", true, "--net=/run/netns/"+bridge+"-"+fmt.Sprint(i+1), binary,
			"agent", "--masters", c.addr, "--data-dir", filepath.Join(c.dir, name), "--name", name))
	}
	return agents
}

// joinBridge makes a network namespace with one interface, which leads to the bridge.
func (c *cluster) joinBridge(bridge string, n int, address string) {
	c.t.Helper()
	ns := fmt.Sprintf("%s-%d", bridge, n)
	host := fmt.Sprintf("%sv%d", bridge, n)
	c.ip("netns", "add", ns)
	c.t.Cleanup(func() { c.ip("netns", "del", ns) })
	c.ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", ns)
	c.ip("link", "set", host, "master", bridge, "up")
	c.ip("-n", ns, "addr", "add", address, "dev", "eth0")
	c.ip("-n", ns, "link", "set", "eth0", "up")
	c.ip("-n", ns, "link", "set", "lo", "up")
}

func (c *cluster) ip(args ...string) {
	c.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		c.t.Errorf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

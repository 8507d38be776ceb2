package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// netns is a network namespace of a test. It has no name: it ends with the process
// that holds it, and that ends with the test's process, whatever becomes of it.
type netns struct {
	t       *testing.T
	holder  *exec.Cmd
	address string // the host's, in network
}

// network is what the hosts of a test share.
const network = "10.231.17."

// newNetns makes a namespace with loopback up.
func newNetns(t *testing.T) *netns {
	t.Helper()
	n := &netns{t: t, holder: exec.Command("sleep", "infinity")}
	n.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	// The death signal is that of the thread that starts it.
	end := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- n.holder.Start()
		<-end
	}()
	if err := <-started; err != nil {
		close(end)
		t.Skipf("no network namespaces here: %v", err)
	}
	t.Cleanup(func() {
		_ = n.holder.Process.Kill()
		_ = n.holder.Wait()
		close(end)
	})
	n.sh("ip link set lo up")
	return n
}

// newHosts makes a switch, which is itself a host, and n hosts on it.
func newHosts(t *testing.T, n int) (hub *netns, hosts []*netns) {
	t.Helper()
	for _, tool := range []string{"ip", "nft", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	hub = newNetns(t)
	hub.address = network + "254"
	hub.sh("ip link add br0 type bridge && ip addr add " + hub.address + "/24 dev br0 && ip link set br0 up")
	for i := range n {
		h := newNetns(t)
		h.address = network + strconv.Itoa(i+1)
		hub.sh(fmt.Sprintf("ip link add v%d type veth peer name eth0 netns %d && ip link set v%d master br0 && ip link set v%d up",
			i, h.holder.Process.Pid, i, i))
		h.sh("ip addr add " + h.address + "/24 dev eth0 && ip link set eth0 up")
		hosts = append(hosts, h)
	}
	return hub, hosts
}

// command makes a command that runs in the namespace; in nil where the test runs.
// nsenter becomes the program, so that its process id is the program's.
func (n *netns) command(name string, args ...string) *exec.Cmd {
	if n == nil {
		return exec.Command(name, args...)
	}
	return exec.Command("nsenter", append([]string{"--net=" + n.path(), name}, args...)...)
}

func (n *netns) path() string { return fmt.Sprintf("/proc/%d/ns/net", n.holder.Process.Pid) }

func (n *netns) sh(script string) {
	n.t.Helper()
	if out, err := n.command("sh", "-ec", script).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// cutOff drops whatever the host sends or is sent, without a word to anybody, but
// for what it says to itself.
func (n *netns) cutOff() {
	n.t.Helper()
	n.sh(`nft -f - <<'END'
table inet cut {
  chain in { type filter hook input priority 0; iifname "eth0" drop; }
  chain out { type filter hook output priority 0; oifname "eth0" drop; }
}
END`)
}

func (n *netns) heal() {
	n.t.Helper()
	n.sh("nft delete table inet cut")
}

// dial connects from inside the namespace.
func (n *netns) dial(ctx context.Context, netw, address string) (net.Conn, error) {
	target, err := os.Open(n.path())
	if err != nil {
		return nil, err
	}
	defer target.Close()
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		// The thread is not unlocked: it ends with the goroutine, and nobody else
		// gets one that is elsewhere.
		runtime.LockOSThread()
		if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- result{nil, err}
			return
		}
		// An address needs no resolver, so the dialling stays on this thread.
		host, port, err := net.SplitHostPort(address)
		if err != nil || net.ParseIP(host) == nil || strings.TrimSpace(port) == "" {
			done <- result{nil, fmt.Errorf("address %q: want IP:port", address)}
			return
		}
		c, err := (&net.Dialer{}).DialContext(ctx, netw, address)
		done <- result{c, err}
	}()
	r := <-done
	return r.conn, r.err
}

// apart starts a master on the switch and n agents, called n1, n2, …, each on a
// host of its own.
func (c *cluster) apart(n int) []*daemon {
	c.t.Helper()
	hub, hosts := newHosts(c.t, n)
	c.in, c.addr = hub, hub.address+":7070"
	c.startMaster()
	var agents []*daemon
	for i, h := range hosts {
		name := fmt.Sprintf("n%d", i+1)
		agents = append(agents, c.startIn(h, true, "agent", "--masters", c.addr, "--data-dir", filepath.Join(c.dir, name), "--name", name))
	}
	return agents
}

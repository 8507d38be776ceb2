package e2e

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/tender-scheduler/tender/core/model"
)

// etcdMemberEnv makes a process of the test's program a member of etcd:
// NAME|DIR|CLIENT|INITIAL CLUSTER.
const etcdMemberEnv = "TENDER_E2E_ETCD_MEMBER"

// runEtcdMember does not return.
func runEtcdMember(args string) {
	f := strings.Split(args, "|")
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = f[0], f[1], f[3]
	cfg.TickMs, cfg.ElectionMs = 50, 500
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	client := url.URL{Scheme: "http", Host: f[2]}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	for m := range strings.SplitSeq(f[3], ",") {
		if name, peer, _ := strings.Cut(m, "="); name == cfg.Name {
			u, err := url.Parse(peer)
			if err != nil {
				panic(err)
			}
			cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*u}, []url.URL{*u}
		}
	}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, <-e.Err())
	os.Exit(1)
}

// etcdCluster is an etcd of three members, each a process.
type etcdCluster struct {
	members []*exec.Cmd
	clients []string
}

func startEtcdCluster(t *testing.T) *etcdCluster {
	t.Helper()
	e := &etcdCluster{}
	var initial []string
	for i := range 3 {
		initial = append(initial, fmt.Sprintf("e%d=http://%s", i, freeAddress(t)))
		e.clients = append(e.clients, freeAddress(t))
	}
	dir := t.TempDir()
	for i := range 3 {
		name := fmt.Sprintf("e%d", i)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), etcdMemberEnv+"="+strings.Join([]string{name, filepath.Join(dir, name), e.clients[i], strings.Join(initial, ",")}, "|"))
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.kill9(i) })
		e.members = append(e.members, cmd)
	}
	return e
}

// kill9 kills a member as a crash would; the second time does nothing.
func (e *etcdCluster) kill9(i int) {
	_ = e.members[i].Process.Signal(syscall.SIGKILL)
	_ = e.members[i].Wait()
}

// leader is the member that leads, as the masters say.
func (e *etcdCluster) leader(list model.MasterList) int {
	for _, m := range list.Etcd {
		for i, a := range e.clients {
			if m.State == model.EtcdLeader && m.Address == a {
				return i
			}
		}
	}
	return -1
}

package journal

import (
	"testing"

	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// Yield moves etcd's leader away from the process that ends, and only from there;
// a term goes on, and can be given back through the next leader.
func TestYield(t *testing.T) {
	c := startCluster(t)
	first, m := c.leader()
	for m == nil {
		<-c.members[0].Server.LeaderChangedNotify()
		first, m = c.leader()
	}
	inside := &Embedded{cfg: EmbeddedConfig{Peers: &PeersConfig{}}, etcd: m, client: v3client.New(m.Server)}
	j := open(t, inside, Config{Cluster: "c"})
	term := lead(t, j, newLedger())
	appendGroup(t, term, "before")
	for range 2 { // the second time there is nothing to do
		fatalIf(t, j.Yield(t.Context()))
		if m.Server.Leader() == m.Server.MemberID() {
			t.Fatalf("member %d leads still", first)
		}
	}
	appendGroup(t, term, "after")
	fatalIf(t, term.Resign(t.Context()))
	if err := open(t, sharedEtcd(t), Config{Cluster: newCluster()}).Yield(t.Context()); err != nil {
		t.Errorf("an etcd without others: %v", err)
	}
}

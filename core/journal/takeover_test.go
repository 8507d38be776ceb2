package journal

import (
	"testing"
)

// TestTakeOverThroughFaults: each transaction of a takeover may be lost on its way
// or back, or arrive late; it is asked again, by the same candidate, and what
// arrives late harms nothing that was appended meanwhile.
func TestTakeOverThroughFaults(t *testing.T) {
	for name, f := range map[string]fault{"request lost": dropRequest, "response lost": dropResponse, "request late": delay} {
		for at, step := range []string{"leader key", "head"} {
			t.Run(step+" "+name, func(t *testing.T) {
				e := sharedEtcd(t)
				cluster := newCluster()
				before := lead(t, open(t, e, Config{Cluster: cluster, Identity: "a"}), newLedger())
				appendGroup(t, before, "one")
				if err := before.Resign(t.Context()); err != nil {
					t.Fatalf("resign: %v", err)
				}
				client, net := faultyClient(t, e)
				j := open(t, e, Config{Cluster: cluster, Client: client, Identity: "b"})
				net.next(append(make([]fault, 1+at), f)...) // pass for the first reading of the log, and the steps before
				term := lead(t, j, newLedger())
				appendGroup(t, term, "two")
				if n := net.release(t); n != 0 {
					t.Errorf("%d late transactions were carried out", n)
				}
				appendGroup(t, term, "three")
				if err := term.Resign(t.Context()); err != nil {
					t.Fatalf("resign: %v", err)
				}
				all := replay(t, open(t, e, Config{Cluster: cluster, Identity: "c"}))
				same(t, "the log", [][]string{{"one"}, {"two"}, {"three"}}, all.all())
			})
		}
	}
}

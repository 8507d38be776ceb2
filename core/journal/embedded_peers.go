package journal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tender-scheduler/tender/core/model"
)

// PeersConfig makes an embedded etcd one member of a cluster of them, each in its
// own process: together they keep what a single one would, and most of them must be
// up. Members find each other at the addresses that their processes have anyway:
// whoever has that port passes what IsPeerTraffic knows on to Socket.
type PeersConfig struct {
	Address string   // of this process, host:port; one of Addresses
	All     []string // of the members, this one included
	Socket  string   // unix socket, "@name" for an abstract one, that etcd's peers are served on
	Cluster string   // only members with the same one find each other
	// Joining says that the cluster runs already and has been told of this member;
	// All is then what it has been told that the members are.
	Joining bool
}

func (c *PeersConfig) validate() error {
	if !slices.Contains(c.All, c.Address) {
		return fmt.Errorf("peers %s do not include this master, %s: name every master, this one too, as the others reach it",
			strings.Join(c.All, ","), c.Address)
	}
	for i, a := range c.All {
		host, port, err := net.SplitHostPort(a)
		switch {
		case err != nil || host == "" || port == "":
			return fmt.Errorf("peer %q: want host:port", a)
		case net.ParseIP(host) != nil && net.ParseIP(host).IsUnspecified():
			return fmt.Errorf("peer %q: want an address that the other masters can reach", a)
		case slices.Contains(c.All[:i], a):
			return fmt.Errorf("peer %q is given twice", a)
		}
	}
	if c.Socket == "" {
		return errors.New("no socket for peers")
	}
	return nil
}

// PeerPrefixes is how requests of etcd's members to each other begin.
func PeerPrefixes() []string {
	return []string{
		"GET /raft", "POST /raft", "GET /members", "POST /members", "POST /leases", "GET /version", "GET /downgrade", "GET /hashkv",
	}
}

func peerURL(address string) url.URL { return url.URL{Scheme: "http", Host: address} }

// apply changes the settings of a lone etcd to those of a member.
func (c *PeersConfig) apply(to *embed.Config) {
	to.Name = c.Address
	to.AdvertisePeerUrls = []url.URL{peerURL(c.Address)}
	to.ListenPeerUrls = []url.URL{{Scheme: "unix", Host: c.Socket}}
	members := make([]string, len(c.All))
	for i, a := range c.All {
		u := peerURL(a)
		members[i] = a + "=" + u.String()
	}
	to.InitialCluster = strings.Join(members, ",")
	to.InitialClusterToken = "tender-" + c.Cluster
	if c.Joining {
		to.ClusterState = embed.ClusterStateFlagExisting
	}
	// Another member takes over half a second to a second after etcd's leader is
	// gone, which is part of what a failover takes. Shorter, a slow disk would do it.
	to.TickMs, to.ElectionMs = 50, 500
	// What members that are a little behind need must still be there, or they are
	// sent the whole database.
	to.SnapshotCatchUpEntries = 500
	to.SnapshotCount = 5000
}

// checkMembers compares the members that the data directory knows of with those
// that are wanted.
func (e *Embedded) checkMembers() error {
	own := e.etcd.Server.MemberID()
	var all, mine []string
	for _, m := range e.etcd.Server.Cluster().Members() {
		for _, u := range m.PeerURLs {
			address := strings.TrimPrefix(u, "http://")
			all = append(all, address)
			if m.ID == own {
				mine = append(mine, address)
			}
		}
	}
	slices.Sort(all)
	p := e.cfg.Peers
	switch {
	case p == nil && len(all) > 1:
		return model.Refuse(model.ReasonConflict, "data directory %s belongs to one of several masters that keep the journal together: start it with --peers %s",
			e.cfg.DataDir, strings.Join(all, ","))
	case p == nil || slices.Contains(mine, p.Address):
	case len(all) > 1:
		return model.Refuse(model.ReasonConflict, "data directory %s belongs to master %s, not to %s: each master needs a directory of its own, and keeps its address",
			e.cfg.DataDir, strings.Join(mine, ","), p.Address)
	default: // it was alone until now
		e.rename = true
		return nil
	}
	if p != nil {
		if wanted := slices.Sorted(slices.Values(p.All)); !slices.Equal(all, wanted) {
			e.cfg.Logger.Warn("the masters that keep the journal are not those that were named: what they have agreed on counts",
				"members", strings.Join(all, ","), "named", strings.Join(wanted, ","))
		}
	}
	return nil
}

// takeAddress tells etcd where a member that was alone until now can be reached, so
// that others can join it.
func (e *Embedded) takeAddress(ctx context.Context) error {
	if !e.rename {
		return nil
	}
	u := peerURL(e.cfg.Peers.Address)
	if _, err := e.client.MemberUpdate(ctx, uint64(e.etcd.Server.MemberID()), []string{u.String()}); err != nil {
		return fmt.Errorf("make the journal's only master one of several: %w", err)
	}
	e.cfg.Logger.Info("the journal's only master can be joined by others from now on (--join)", "address", e.cfg.Peers.Address)
	return nil
}

// startFailed says what to do where etcd will not start as a member.
func (e *Embedded) startFailed(err error) error {
	if e.cfg.Peers == nil {
		return err
	}
	switch {
	case strings.Contains(err.Error(), "has already been bootstrapped"):
		return model.Refuse(model.ReasonConflict,
			"master %s has been one of the cluster's, but its data directory %s is empty: name the right --data-dir, or, if that is lost, add --join to take its place",
			e.cfg.Peers.Address, e.cfg.DataDir)
	case strings.Contains(err.Error(), "member count is unequal"), strings.Contains(err.Error(), "error validating peerURLs"):
		return model.Refuse(model.ReasonConflict, "master %s is not one of the cluster's: add --join to make it one, or check --peers (%v)", e.cfg.Peers.Address, err)
	}
	return err
}

// complainUnready says once in a while what a member waits for until ctx ends.
func (e *Embedded) complainUnready(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	others := slices.DeleteFunc(slices.Clone(e.cfg.Peers.All), func(a string) bool { return a == e.cfg.Peers.Address })
	for {
		select {
		case <-tick.C:
			e.cfg.Logger.Warn("waiting for other masters: most of them must be up", "masters", len(e.cfg.Peers.All), "others", strings.Join(others, ","))
		case <-ctx.Done():
			return
		}
	}
}

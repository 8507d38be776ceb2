package journal

import (
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
)

// etcd allocates two log segments ahead of their use, 64 MiB each: a cluster
// tried out in a temporary directory should not take 128 MiB. It is a variable of
// the package, so it is set before any etcd of this process starts.
func init() { wal.SegmentSizeBytes = 16 << 20 }

// etcdConfig makes the settings of an embedded etcd. Those that differ from
// etcd's defaults say why.
func etcdConfig(cfg EmbeddedConfig, listen *url.URL, logs *etcdLogs) *embed.Config {
	c := embed.NewConfig()
	c.Name = "tender"
	c.Dir = filepath.Join(cfg.DataDir, "etcd")

	// The only member has no peers to talk to, and its clients are in this
	// process. The peer URL is a name in the member list, never dialled.
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:2380"}
	c.AdvertisePeerUrls = []url.URL{peer}
	c.ListenPeerUrls = nil
	c.ListenClientUrls, c.AdvertiseClientUrls = nil, nil
	if listen != nil {
		c.ListenClientUrls = []url.URL{*listen}
		c.AdvertiseClientUrls = []url.URL{*listen}
	}
	c.EnableGRPCGateway = false // it dials a client URL
	c.InitialCluster = c.InitialClusterFromName(c.Name)

	// A lone member elects itself after an election timeout or so: all a long one
	// would do is delay the start. Shorter ticks cost CPU time all day.
	c.TickMs, c.ElectionMs = 20, 100

	c.QuotaBackendBytes = cfg.QuotaBytes
	// Entries can be half a MiB, and etcd keeps what it may have to send to slow
	// members in memory, and replays all since its snapshot at a start.
	c.SnapshotCatchUpEntries = 1
	c.SnapshotCount = 1000
	c.MaxWalFiles = 2
	// Pages freed by compaction are reused, but the file never shrinks while etcd runs.
	c.BootstrapDefragThresholdMegabytes = 256

	if cfg.Peers != nil {
		cfg.Peers.apply(c)
	}
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(logs, zap.WithFatalHook(logs), zap.WithPanicHook(logs)))
	return c
}

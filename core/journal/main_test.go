package journal

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDirEnv); dir != "" {
		runChild(dir)
		return
	}
	goleak.VerifyTestMain(&closing{m}, abandoned)
}

// abandoned: etcd waits for ever for a goroutine that found the database damaged.
var abandoned = goleak.IgnoreAnyFunction("go.etcd.io/etcd/server/v3/storage.OpenBackend")

// leakPatience is how long goroutines may take to end. Nobody waits for some of
// those of etcd and gRPC, and goleak gives them less than half a second.
const leakPatience = 30 * time.Second

// closing stops the shared etcd before goleak looks, and lets come to an end what
// has been told to.
type closing struct{ *testing.M }

func (c *closing) Run() int {
	code := c.M.Run()
	if shared.etcd != nil {
		shared.etcd.Close()
		os.RemoveAll(shared.dir)
	}
	for end := time.Now().Add(leakPatience); goleak.Find(abandoned) != nil && time.Now().Before(end); {
	}
	return code
}

// shared is one etcd for all tests that need nothing special of it. Each has a
// cluster name, and so a log, of its own.
var shared struct {
	once sync.Once
	etcd *Embedded
	dir  string
	err  error
}

func sharedEtcd(t testing.TB) *Embedded {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "tender-journal-"); shared.err == nil {
			shared.etcd, shared.err = StartEmbedded(context.Background(), EmbeddedConfig{DataDir: shared.dir})
		}
	})
	if shared.err != nil {
		t.Fatalf("start the shared etcd: %v", shared.err)
	}
	return shared.etcd
}

// ownEtcd is for tests that compact, fill or stop their etcd.
func ownEtcd(t testing.TB, cfg EmbeddedConfig) *Embedded {
	t.Helper()
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	cfg.Logger = testLogger(t)
	e, err := StartEmbedded(context.Background(), cfg)
	if err != nil {
		t.Fatalf("start etcd: %v", err)
	}
	t.Cleanup(e.Close)
	return e
}

func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

var clusters atomic.Int64

// newCluster makes a name that no other test of this process uses.
func newCluster() string { return fmt.Sprintf("test-%d", clusters.Add(1)) }

// open opens a Journal that the test's end closes. The etcd of cfg is e's unless
// cfg says otherwise.
func open(t testing.TB, e *Embedded, cfg Config) *Journal {
	t.Helper()
	if cfg.Embedded == nil && cfg.Client == nil && cfg.Endpoints == nil {
		cfg.Embedded = e
	}
	if cfg.Identity == "" {
		cfg.Identity = "master"
	}
	cfg.Logger = testLogger(t)
	j, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("open the journal: %v", err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close the journal: %v", err)
		}
	})
	return j
}

// lead returns a term of j, with the state in f.
func lead(t testing.TB, j *Journal, f Folder) *Term {
	t.Helper()
	term, err := j.Lead(t.Context(), f)
	if err != nil {
		t.Fatalf("lead: %v", err)
	}
	return term
}

func appendGroup(t testing.TB, term *Term, records ...string) uint64 {
	t.Helper()
	index, err := term.Append(t.Context(), group(records...))
	if err != nil {
		t.Fatalf("append %q: %v", records, err)
	}
	return index
}

func group(records ...string) [][]byte {
	g := make([][]byte, len(records))
	for i, r := range records {
		g[i] = []byte(r)
	}
	return g
}

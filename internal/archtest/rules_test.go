package archtest

// room is a directory with everything below it that has no line of its own.
type room struct {
	dir string
	// may are the rooms it imports, besides its own directory tree. "*" is all
	// but those that only a binary wires together (see wiring).
	may []string
	// tests are the rooms that its tests import as well, besides those of
	// everyRoomsTests.
	tests []string
	// stdlib says that it imports nothing outside the standard library.
	stdlib bool
}

// rooms are design's import rules. The longest matching dir counts.
var rooms = []room{
	{dir: "core/model", stdlib: true},
	{dir: "internal/pattern", stdlib: true},
	{dir: "jobspec", may: []string{"core/model", "core/schedule", "internal/pattern"}},
	{dir: "core/schedule", may: []string{"core/model", "internal/pattern"}},
	{dir: "gpu", may: []string{"core/model"}},
	{dir: "mpi", may: []string{"core/model"}},
	{dir: "api", may: []string{"core/model"}},
	{dir: "core/offers", may: []string{"core/model", "core/offers/shares", "gpu"}},
	{dir: "core/offers/shares", may: []string{"core/model"}},
	{dir: "core/journal", may: []string{"core/model", "internal/pattern"}},
	{dir: "core/master", may: []string{"core/model", "core/offers", "core/journal", "api", "core/master/httpapi"},
		tests: []string{"core/agent", "core/agent/executor", "frameworks/sdk", "frameworks/batch"}},
	{dir: "core/master/httpapi", may: []string{"core/model", "api", "jobspec"}},
	{dir: "core/agent", may: []string{"core/model", "api", "gpu", "core/agent/executor", "core/agent/isolation", "core/agent/tasklog"}},
	{dir: "core/agent/executor", may: []string{"core/model", "api", "gpu", "mpi", "core/agent/isolation", "core/agent/tasklog"}},
	{dir: "core/agent/isolation", may: []string{"core/model"}},
	{dir: "core/agent/tasklog", may: []string{"core/model"}},
	{dir: "frameworks/sdk", may: []string{"core/model", "api"}},
	{dir: "frameworks/batch", may: []string{"core/model", "frameworks/sdk"}},
	{dir: "frameworks/cron", may: []string{"core/model", "core/schedule", "frameworks/sdk"}},
	{dir: "frameworks/service", may: []string{"core/model", "frameworks/sdk"}},
	{dir: "sim", may: []string{"*"}},
	{dir: "sim/replay", may: []string{"core/model", "core/offers", "frameworks/batch"}},
	{dir: "internal/archtest", stdlib: true},
	{dir: "internal/deps"},
	{dir: "internal/cli", may: []string{"*", "internal"}},
	{dir: "internal", may: []string{"*", "internal"}},
	{dir: "cmd", may: []string{"*", "internal"}},
	{dir: "examples", may: []string{"*", "internal"}},
	{dir: "test", may: []string{"*", "internal"}},
}

// everyRoomsTests are rooms that any test may import: the vocabulary, the job
// file and the pure machines are cheap and need nothing around them.
var everyRoomsTests = []string{
	"core/model", "core/offers", "jobspec", "gpu", "frameworks/sdk", "frameworks/batch", "internal/archtest",
}

// wiring are the rooms that "*" leaves out: only what builds the binary may
// reach for them.
var wiring = []string{"internal", "cmd", "examples", "test"}

// exclusive are modules that only some rooms import, their tests included.
var exclusive = []struct {
	module string
	only   []string
	why    string
}{
	// internal/e2e starts a cluster's own etcd, to point a master at.
	{"go.etcd.io/", []string{"core/journal", "internal/deps", "internal/e2e"},
		"core/journal is the only room that knows etcd; ask it for what you need"},
	{"github.com/containerd/cgroups", []string{"core/agent", "internal/deps"},
		"cgroups are the agent's; core/agent/isolation hides them"},
	{"github.com/spf13/cobra", []string{"internal/cli", "cmd", "internal/deps"},
		"commands live in internal/cli"},
	{"github.com/prometheus/", []string{"core/master", "core/agent", "internal/cli", "cmd", "internal/e2e", "internal/deps"},
		"keep counts in the machine and let its loop tell them: see core/master/metrics.go"},
	{"github.com/cilium/ebpf", []string{"core/agent/isolation"},
		"the kernel is asked in core/agent/isolation"},
	{"github.com/NVIDIA/go-nvml", []string{"gpu/nvml"},
		"cgo and the NVIDIA library are gpu/nvml's; gpu itself is pure"},
}

// pure are the sources that decide: no clock, no IO, no goroutines, no
// randomness but what they are given. A pattern is a directory with everything
// below it, or a path.Match pattern of files.
var pure = []string{
	"core/model",
	"core/offers",
	"core/schedule",
	"core/master/machine*.go",
	"core/agent/machine*.go",
	"api/session/ledger.go",
	"frameworks",
	"jobspec",
	"gpu",
	"mpi/machine*.go",
	"sim",
}

// impure are the exceptions below pure directories.
var impure = []string{
	"gpu/nvml", // talks to the driver
	"gpu/fake", // stands in for gpu/nvml, goroutines and all
	"sim/cmd",  // runs many seeds at once, prints, measures
}

// pureImports are the packages that pure sources do not import, each with what
// to do instead. A name ending in / stands for all packages below it, but for
// dataImports.
var pureImports = map[string]string{
	"os":           "let the loop around it read and write; pass it the bytes",
	"os/":          "let the loop around it do this; return an effect that asks for it",
	"io/ioutil":    "let the loop around it read and write; pass it the bytes",
	"net":          "let the loop around it talk; return an effect that asks for it",
	"net/":         "let the loop around it talk; return an effect that asks for it",
	"syscall":      "let the loop around it call the system",
	"log":          "return what happened; the loop around it logs",
	"log/":         "return what happened; the loop around it logs",
	"crypto/rand":  "take random bytes as an argument, so that a run can be repeated from its seed",
	"sync":         "one goroutine owns a pure machine; it needs no locks",
	"sync/":        "one goroutine owns a pure machine; it needs no locks",
	"runtime":      "decide by what you are given, not by the machine it runs on",
	"runtime/":     "decide by what you are given, not by the machine it runs on",
	"context":      "a pure call is never waited for; the loop around it has the context",
	"database/sql": "let the loop around it read and write",

	"github.com/prometheus/": "keep counts; the loop around it tells them",

	"golang.org/x/sys/": "let the loop around it call the system",
}

// dataImports are packages below the above that only compute, or tell of a
// panic where it happened.
var dataImports = []string{"net/netip", "net/url", "runtime/debug"}

// pureCalls are the functions that pure sources do not use, by package.
var pureCalls = map[string]struct {
	names   []string // empty: all but except
	except  []string
	instead string
}{
	"time": {
		names:   []string{"Now", "Sleep", "After", "AfterFunc", "Since", "Until", "Tick", "NewTimer", "NewTicker"},
		instead: "take now as an argument, and return the time to be woken at as an effect",
	},
	"math/rand": {
		except:  []string{"New", "NewSource", "NewZipf", "Rand", "Source", "Source64", "Zipf"},
		instead: "use a *rand.Rand made from a seed you are given",
	},
	"math/rand/v2": {
		except:  []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"},
		instead: "use a *rand.Rand made from a seed you are given",
	},
	"fmt": {
		names:   []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
		instead: "return the text; the loop around it prints",
	},
}

// maxFileLines is where a file is split, whatever its reason.
const maxFileLines = 500

// vagueNames say nothing of a package's duty.
var vagueNames = []string{"util", "utils", "common", "types", "helper", "helpers", "misc", "shared", "base", "lib"}

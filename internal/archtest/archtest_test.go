package archtest

import (
	"strings"
	"testing"
)

// The checks themselves: each must find what it is for, and only that.

func TestImportFaults(t *testing.T) {
	for _, c := range []struct {
		name, path, imports string
		want                string // part of the one fault; empty = none
	}{
		{"model imports a room", "core/model/job.go", modulePath + "/core/offers", "core/model may import only"},
		{"model imports a module", "core/model/job.go", "github.com/hashicorp/go-version", "standard library only"},
		{"offers imports model", "core/offers/book.go", modulePath + "/core/model", ""},
		{"offers imports the master", "core/offers/book.go", modulePath + "/core/master", "core/offers may import only"},
		{"offers' test imports jobspec", "core/offers/book_test.go", modulePath + "/jobspec", ""},
		{"offers' test imports the master", "core/offers/book_test.go", modulePath + "/core/master", "core/offers may import only"},
		{"a framework knows no master", "frameworks/batch/batch.go", modulePath + "/core/master", "frameworks/batch may import only"},
		{"frameworks do not know each other", "frameworks/cron/cron.go", modulePath + "/frameworks/batch", "frameworks/cron may import only"},
		{"the API's generated code is the API", "core/agent/agent.go", modulePath + "/api/agentpb", ""},
		{"a subpackage with a line of its own", "core/agent/isolation/cgroup.go", modulePath + "/core/agent/tasklog", "core/agent/isolation may import only"},
		{"the master's HTTP side knows no book", "core/master/httpapi/query.go", modulePath + "/core/offers", "core/master/httpapi may import only"},
		{"etcd in the master", "core/master/loop.go", "go.etcd.io/etcd/client/v3", "only room that knows etcd"},
		{"etcd in a test", "core/master/loop_test.go", "go.etcd.io/etcd/client/v3", "only room that knows etcd"},
		{"etcd in the journal", "core/journal/append.go", "go.etcd.io/etcd/client/v3", ""},
		{"the simulator takes any machine", "sim/world.go", modulePath + "/core/master", ""},
		{"the simulator takes no command", "sim/world.go", modulePath + "/internal/cli", "sim may import only"},
		{"the binary takes all", "cmd/tender/main.go", modulePath + "/internal/cli", ""},
		{"a room nobody planned", "scheduler/scheduler.go", "fmt", "has no line in rooms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parseSource(c.path, []byte("package p\nimport _ \""+c.imports+"\"\n"))
			if err != nil {
				t.Fatal(err)
			}
			expectFault(t, importFaults(s), c.want)
		})
	}
}

func TestPurityFaults(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string
	}{
		{"the clock", `import "time"; var x = time.Now()`, "uses time.Now: take now as an argument"},
		{"the clock under another name", `import c "time"; var x = c.Since`, "uses c.Since"},
		{"time as data", `import "time"; var x = time.Unix(0, 0).Add(time.Second)`, ""},
		{"a variable called time", `import _ "time"; func f(time interface{ Now() int }) int { return time.Now() }`, ""},
		{"a timer", `import "time"; var x = time.NewTimer`, "uses time.NewTimer"},
		{"files", `import "os"; var x = os.Args`, "imports os:"},
		{"processes", `import "os/exec"; var x = exec.Command`, "imports os/exec:"},
		{"sockets", `import "net/http"; var x = http.Get`, "imports net/http:"},
		{"addresses as data", `import "net/url"; var x = url.Parse`, ""},
		{"the global source", `import "math/rand/v2"; var x = rand.IntN(3)`, "uses rand.IntN: use a *rand.Rand"},
		{"a source of its own", `import "math/rand/v2"; var x = rand.New(rand.NewPCG(1, 2)).IntN(3)`, ""},
		{"a goroutine", `func f() { go f() }`, "starts a goroutine"},
		{"a select", `func f(c chan int) { select { case <-c: } }`, "waits on channels"},
		{"a lock", `import "sync"; var x sync.Mutex`, "imports sync:"},
		{"printing", `import "fmt"; func f() { fmt.Println() }`, "uses fmt.Println"},
		{"formatting", `import "fmt"; var x = fmt.Sprint(1)`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parseSource("core/offers/x.go", []byte("package offers; "+c.text))
			if err != nil {
				t.Fatal(err)
			}
			if !isPure(s) {
				t.Fatal("core/offers is not among the pure sources")
			}
			expectFault(t, purityFaults(s), c.want)
		})
	}
}

func TestWhatIsPure(t *testing.T) {
	for name, want := range map[string]bool{
		"core/model/job.go":                true,
		"core/offers/plan_test.go":         false,
		"core/master/machine.go":           true,
		"core/master/machine_agents.go":    true,
		"core/master/loop.go":              false,
		"core/master/httpapi/query.go":     false,
		"core/agent/machine_launch.go":     true,
		"core/agent/executor/machine.go":   false,
		"frameworks/batch/queue.go":        true,
		"frameworks/sdk/sdktest/driver.go": false,
		"gpu/topology.go":                  true,
		"gpu/nvml/nvml.go":                 false,
		"sim/world.go":                     true,
		"sim/cmd/simulate/main.go":         false,
	} {
		s, err := parseSource(name, []byte("package p"))
		if err != nil {
			t.Fatal(err)
		}
		if got := isPure(s); got != want {
			t.Errorf("isPure(%s) = %v, want %v", name, got, want)
		}
	}
}

func expectFault(t *testing.T, faults []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(faults) > 0:
		t.Errorf("found %q, want nothing", faults)
	case want != "" && (len(faults) != 1 || !strings.Contains(faults[0], want)):
		t.Errorf("found %q, want one fault with %q", faults, want)
	}
}

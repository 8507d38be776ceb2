package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/agent/executor"
)

// agentCommand makes this test binary an agent, so that it can be killed.
const agentCommand = "__agent"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case executor.MainCommand:
			os.Exit(executor.Main(os.Args[2:]))
		case executor.InitCommand:
			os.Exit(executor.InitMain(os.Args[2:]))
		case agentCommand:
			os.Exit(agentMain(os.Args[2:]))
		}
	}
	// What a killed agent leaves becomes this process' child, whatever the
	// machine's first process does with orphans.
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// agentMain runs an agent: data directory, master, and "stop" if its tasks are
// to end with it.
func agentMain(args []string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer cancel()
	c := agent.Config{
		DataDir: args[0], Masters: []string{args[1]}, Name: "node1", CPUMilli: 8000,
		Meta: map[string]string{"rack": "r7"}, Version: "test", RecoveryTimeout: time.Minute,
		StopTasksOnExit: len(args) > 2 && args[2] == "stop",
		Log:             slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if err := agent.Run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Command tender is everything there is in one binary: the command line, the
// daemons, and the two processes that agents start from it.
package main

import (
	"os"

	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/internal/cli"
	_ "github.com/tender-scheduler/tender/internal/cli/quickstart" // must be initialised before etcd
	"github.com/tender-scheduler/tender/internal/timerslack"
)

func main() {
	// Executors and task init processes are started for every job and task: they
	// must not pay for a command line.
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "__executor":
			_ = timerslack.Relax() // best effort
			os.Exit(executor.Main(os.Args[2:]))
		case "__init":
			os.Exit(executor.InitMain(os.Args[2:]))
		case executor.RemoteCommand:
			os.Exit(cli.RemoteMain(os.Args[2:]))
		case "dev", "master", "agent":
			_ = timerslack.Relax()
		}
	}
	os.Exit(cli.Main())
}

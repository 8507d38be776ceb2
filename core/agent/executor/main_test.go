package executor

import (
	"fmt"
	"os"
	"runtime/pprof"
	"testing"

	"golang.org/x/sys/unix"
)

// The test program is also the executor and the init that its tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case MainCommand:
			os.Exit(profiled(func() int { return Main(os.Args[2:]) }))
		case InitCommand:
			os.Exit(InitMain(os.Args[2:]))
		}
	}
	// Orphans of killed executors come here, where the leak check finds them.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("TENDER_TEST_SECRET", "of the daemon, and nobody's business")
	os.Exit(m.Run())
}

// profiled writes a CPU profile of the executor if TENDER_TEST_PROFILE names a file.
func profiled(f func() int) int {
	if name := os.Getenv("TENDER_TEST_PROFILE"); name != "" {
		out, err := os.Create(name)
		if err != nil {
			panic(err)
		}
		pprof.StartCPUProfile(out)
		defer out.Close()
		defer pprof.StopCPUProfile()
	}
	return f()
}

package isolation

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// orphan starts an init that gets no signal at its parent's death, as one that
// was being forked at that moment, prints its pid, and waits to be killed.
func orphan(args []string) {
	smallInit = args[0] == "small"
	pid, err := startInit(func(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
		attr.Sys.Pdeathsig = 0
		attr.Sys.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNS
		return syscall.ForkExec(path, argv, attr)
	})
	check(err)
	fmt.Println(pid)
	for {
		unix.Pause() // not an empty select, which the runtime may call a deadlock
	}
}

// TestInitEndsWithItsParent: also one that the kernel does not tell.
func TestInitEndsWithItsParent(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root for namespaces")
	}
	for _, kind := range []string{"small", "program"} {
		t.Run(kind, func(t *testing.T) {
			// In a mount namespace of its own: the init mounts its /proc over ours.
			cmd := exec.Command("/proc/self/exe", "__orphan", kind)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(out).ReadString('\n')
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if err != nil {
				t.Fatalf("it printed %q", line)
			}
			deadline := time.Now().Add(10 * time.Second)
			for alive(pid) {
				if time.Now().After(deadline) {
					unix.Kill(pid, unix.SIGKILL)
					t.Fatal("the init is still there 10 s after its parent's end")
				}
				<-time.After(5 * time.Millisecond)
			}
		})
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

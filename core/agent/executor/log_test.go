package executor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/tasklog"
	"github.com/tender-scheduler/tender/core/model"
)

func TestLogsRotate(t *testing.T) {
	logs := model.LogConfig{MaxFiles: 3, MaxFileBytes: 10_000}
	r := newRig(t, sh("seq 1 10000", func(t *model.TaskSpec) { t.Logs = logs }))
	r.expect(r.run(0), "FINISHED cause=finished code=0")
	var all bytes.Buffer
	for i := range 10000 {
		fmt.Fprintln(&all, i+1)
	}
	kept := r.output("t.stdout")
	if !strings.HasSuffix(all.String(), kept) || len(kept) <= 20_000 || len(kept) > 30_000 {
		t.Errorf("%d bytes are kept, want the last 20000 to 30000 of %d: %.50q …", len(kept), all.Len(), kept)
	}
	in, err := tasklog.Open(t.Context(), LogDir(r.dir, "g", 0, 0), "t.stdout", logs, tasklog.Options{Offset: -15})
	r.must(err)
	defer in.Close()
	if tail, err := io.ReadAll(in); err != nil || string(tail) != "9998\n9999\n10000\n"[1:] {
		t.Errorf("the last 15 bytes are %q, %v", tail, err)
	}
}

// Everything that a task printed is in its log when its end is reported, however
// much it is.
func TestLogIsWholeAtTheEnd(t *testing.T) {
	r := newRig(t, sh("head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2", func(t *model.TaskSpec) {
		t.Logs.MaxFileBytes = 10 << 20
	}))
	for i := range uint32(5) {
		r.launch(0, i)
		r.await(lifecycle.Key{Index: i})
		info, err := os.Stat(filepath.Join(LogDir(r.dir, "g", i, 0), "t.stdout.0"))
		r.must(err)
		if info.Size() != 3_000_000 {
			t.Errorf("task %d's log has %d bytes, want 3000000", i, info.Size())
		}
		if b, _ := os.ReadFile(filepath.Join(LogDir(r.dir, "g", i, 0), "t.stderr.0")); string(b) != "end\n" {
			t.Errorf("task %d's other log is %q", i, b)
		}
	}
}

// A silent task leaves no log files and no directory for them.
func TestSilentTaskHasNoLogFiles(t *testing.T) {
	r := newRig(t, sh("true"))
	r.run(0)
	if _, err := os.ReadDir(LogDir(r.dir, "g", 0, 0)); err == nil {
		t.Error("there is a log directory")
	}
}

// While the disk is full, tasks go on; the user is told once that output was lost.
func TestFullDisk(t *testing.T) {
	script := `echo before; echo up >&2; while [ ! -e /dev/shm/$NAME.full ]; do sleep 0.01; done
		head -c 300000 /dev/zero | tr '\0' x; echo ok >/dev/shm/$NAME.out
		while [ ! -e /dev/shm/$NAME.go ]; do sleep 0.01; done; exit 3`
	name := fmt.Sprintf("tender-test-%d", os.Getpid())
	r := newSpare(t, func(r *rig) {
		r.must(unix.Mount("tmpfs", filepath.Dir(r.dir), "tmpfs", 0, "size=512k,mode=755"))
	})
	t.Cleanup(func() {
		r.end()
		r.must(unix.Unmount(filepath.Dir(r.dir), 0))
		files, _ := filepath.Glob("/dev/shm/" + name + "*")
		for _, f := range files {
			os.Remove(f)
		}
	})
	r.adopt(sh(script, func(t *model.TaskSpec) { t.Env = map[string]string{"NAME": name} }))
	r.launch(0, 0)
	r.awaitFile("logs/t.stderr.0")
	ballast := filepath.Join(r.dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	r.must(os.WriteFile("/dev/shm/"+name+".full", nil, 0o600))
	for {
		if b, _ := os.ReadFile("/dev/shm/" + name + ".out"); len(b) > 0 {
			break
		}
		unix.Poll(nil, 1)
	}
	r.must(os.WriteFile("/dev/shm/"+name+".go", nil, 0o600))
	u := r.await(lifecycle.Key{})
	want := "FAILED cause=failed code=3 COMMAND_EXECUTOR_FAILED: exit code 3; "
	if got := summary(u); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "of output lost: no space left on device") {
		t.Errorf("ended as %q, want %q and a word about what was lost", got, want)
	}
	// With space again everything works, the state log included.
	r.must(os.Remove(ballast))
	r.launchWith(&execpb.Launch{Indices: []uint32{1}})
	r.kill(&execpb.Kill{})
	r.await(lifecycle.Key{Index: 1})
	past, err := ReadStateLog(filepath.Join(r.dir, StateLogName))
	r.must(err)
	if past.LastSeq < u.Seq || len(past.Live) != 0 {
		t.Errorf("the log ends at update %d with %d live tasks; update %d was sent", past.LastSeq, len(past.Live), u.Seq)
	}
}

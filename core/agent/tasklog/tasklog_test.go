package tasklog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A reader sees exactly the newest bytes that the files can hold, from any offset.
func TestReadsWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "tasklog-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		c := model.LogConfig{
			MaxFiles:     rapid.IntRange(1, 4).Draw(t, "files"),
			MaxFileBytes: int64(rapid.IntRange(1, 50).Draw(t, "file bytes")),
		}
		w := NewWriter(dir, "a.stdout", c)
		var all []byte
		for i, n := range rapid.SliceOfN(rapid.IntRange(0, 120), 0, 8).Draw(t, "writes") {
			p := bytes.Repeat([]byte{byte('a' + i)}, n)
			all = append(all, p...)
			w.Write(p, time.Unix(0, 0))
		}
		w.Close(time.Unix(0, 0))

		files := (int64(len(all)) + c.MaxFileBytes - 1) / c.MaxFileBytes
		first := max(0, files-int64(c.MaxFiles)) * c.MaxFileBytes
		offset := int64(rapid.IntRange(-len(all)-10, len(all)+10).Draw(t, "offset"))
		from := offset
		if from < 0 {
			from += int64(len(all))
		}
		from = min(max(from, first), int64(len(all)))
		r, err := Open(t.Context(), dir, "a.stdout", c, Options{Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if want := all[from:]; !bytes.Equal(got, want) {
			t.Fatalf("from %d: read %q, want %q", offset, got, want)
		}
		if lost, _ := w.Lost(); lost != 0 {
			t.Fatalf("lost %d bytes on a disk with space", lost)
		}
		entries, _ := os.ReadDir(dir)
		if len(entries) > c.MaxFiles {
			t.Fatalf("%d files are kept, want at most %d", len(entries), c.MaxFiles)
		}
	})
}

// A reader that begins before the task's directory exists gets every byte.
func TestFollowsFromBeforeTheStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tasks", "g.0.0", "logs")
	c := model.LogConfig{MaxFiles: 1000, MaxFileBytes: 100}
	ended := make(chan struct{})
	r, err := Open(t.Context(), dir, "a.stdout", c, Options{Follow: true, Ended: ended})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var want bytes.Buffer
	lines := make(chan string)
	go func() {
		w := NewWriter(dir, "a.stdout", c)
		for line := range lines {
			w.Write([]byte(line), time.Unix(0, 0))
		}
		w.Close(time.Unix(0, 0))
		close(ended)
	}()
	var got bytes.Buffer
	buf := make([]byte, 64)
	for i := range 200 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		lines <- line
		for got.Len() < want.Len() {
			n, err := r.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(buf[:n])
		}
	}
	lines <- "the last words\n"
	want.WriteString("the last words\n")
	close(lines)
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	got.Write(rest)
	if got.String() != want.String() {
		t.Fatalf("read %q, want %q", &got, &want)
	}
	if r.Offset() != int64(want.Len()) {
		t.Errorf("offset %d, want %d", r.Offset(), want.Len())
	}
}

// Without output, following ends with the task.
func TestFollowEndsWithASilentTask(t *testing.T) {
	ended := make(chan struct{})
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "such"), "a.stdout", model.LogConfig{}, Options{Follow: true, Ended: ended})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go close(ended)
	if n, err := r.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("read %d, %v; want the end", n, err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := Open(ctx, t.TempDir(), "a.stdout", model.LogConfig{}, Options{Follow: true, Ended: make(chan struct{})})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	gone := errors.New("the reader has gone")
	go cancel(gone)
	if _, err := r.Read(make([]byte, 10)); !errors.Is(err, gone) {
		t.Fatalf("read: %v, want %v", err, gone)
	}
}

// A reader that is overtaken goes on with the oldest byte there is.
func TestSkipsWhatWasRotatedAway(t *testing.T) {
	dir := t.TempDir()
	c := model.LogConfig{MaxFiles: 2, MaxFileBytes: 10}
	w := NewWriter(dir, "a.stdout", c)
	w.Write([]byte("0123456789"), time.Unix(0, 0))
	r, err := Open(t.Context(), dir, "a.stdout", c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	buf := make([]byte, 5)
	if _, err := io.ReadFull(r, buf); err != nil {
		t.Fatal(err)
	}
	w.Write(bytes.Repeat([]byte("abcdefghij"), 5), time.Unix(0, 0))
	w.Close(time.Unix(0, 0))
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	// The file that it holds open is read to its end.
	if want := "56789" + "abcdefghijabcdefghij"; string(rest) != want {
		t.Fatalf("read %q, want %q", rest, want)
	}
}

// On a full disk output is dropped; once there is space, a line says how much.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	now := time.Unix(1000, 0)
	w := NewWriter(dir, "a.stdout", model.LogConfig{MaxFiles: 10, MaxFileBytes: 1 << 20})
	w.Write([]byte("before\n"), now)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	chunk := bytes.Repeat([]byte("x"), 8<<10)
	w.Write(chunk, now)
	w.Write(chunk, now)
	lost, cause := w.Lost()
	if lost == 0 || !errors.Is(cause, unix.ENOSPC) {
		t.Fatalf("lost %d bytes for %v, want some for lack of space", lost, cause)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("too early\n"), now)
	now = now.Add(2 * retryAfter)
	w.Write([]byte("after\n"), now)
	w.Close(now)
	lost, _ = w.Lost()
	r, err := Open(t.Context(), dir, "a.stdout", model.LogConfig{MaxFiles: 10, MaxFileBytes: 1 << 20}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	note := fmt.Sprintf("\n[tender: %s of output lost here: no space left on device]\nafter\n", model.FormatBytes(lost))
	if !bytes.HasPrefix(got, []byte("before\n")) || !bytes.HasSuffix(got, []byte(note)) {
		t.Fatalf("log is %.100q … %q, want before …, and %q at the end", got, got[max(0, len(got)-120):], note)
	}
	written := int64(len("before\nafter\n")+len(note)-len("after\n")) + 2*int64(len(chunk)) + int64(len("too early\n")) - lost
	if int64(len(got)) != written {
		t.Errorf("log has %d bytes, want %d: what was lost must be counted exactly", len(got), written)
	}
}

// The loss is noted at the end even if nothing more is written.
func TestLossIsNotedAtTheEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // in the way of the directory
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	w := NewWriter(dir, "a.stdout", model.LogConfig{MaxFiles: 1, MaxFileBytes: 1 << 20})
	w.Write([]byte("lost"), now)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	w.Close(now)
	got, err := os.ReadFile(filepath.Join(dir, "a.stdout.0"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "\n[tender: 4B of output lost here: not a directory]\n"; string(got) != want {
		t.Errorf("log is %q, want %q", got, want)
	}
}

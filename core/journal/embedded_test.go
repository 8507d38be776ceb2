package journal

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/tender-scheduler/tender/core/model"
)

func TestDataDirInUse(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir, "wait")
	_, err := StartEmbedded(t.Context(), EmbeddedConfig{DataDir: dir})
	refusal, ok := errors.AsType[*model.Refusal](err)
	want := fmt.Sprintf("data directory %s is in use by another tender (pid %d)", dir, c.cmd.Process.Pid)
	if !ok || !strings.HasPrefix(refusal.Message, want) {
		t.Fatalf("got %v, want a refusal: %s", err, want)
	}
	c.kill()
	ownEtcd(t, EmbeddedConfig{DataDir: dir}).Close()
	ownEtcd(t, EmbeddedConfig{DataDir: dir}) // and Close lets go of it, too
}

func TestDataDirCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	fatalIf(t, os.WriteFile(file, nil, 0o600))
	for name, dir := range map[string]string{
		"a file":               file,
		"below a file":         filepath.Join(file, "data"),
		"on a read-only mount": "/proc/tender",
		"none":                 "",
	} {
		if _, err := StartEmbedded(t.Context(), EmbeddedConfig{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "data directory") {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Log(err)
		}
	}
}

// Damage is reported, by an error and not by the end of the process, and the
// directory is free for a repair afterwards.
func TestDataDirDamaged(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, member string){
		"log overwritten": func(t *testing.T, member string) {
			wals, err := filepath.Glob(filepath.Join(member, "wal", "*.wal"))
			fatalIf(t, err)
			scribble(t, wals[0], 64)
		},
		"database overwritten": func(t *testing.T, member string) {
			scribble(t, filepath.Join(member, "snap", "db"), 0)
		},
		"database cut short": func(t *testing.T, member string) {
			fatalIf(t, os.Truncate(filepath.Join(member, "snap", "db"), 5000))
		},
		"log removed": func(t *testing.T, member string) {
			fatalIf(t, os.RemoveAll(filepath.Join(member, "wal")))
			fatalIf(t, os.WriteFile(filepath.Join(member, "wal"), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := ownEtcd(t, EmbeddedConfig{DataDir: dir})
			term := lead(t, open(t, e, Config{Cluster: "c"}), newLedger())
			appendGroup(t, term, "x")
			e.Close()
			damage(t, filepath.Join(dir, "etcd", "member"))
			_, err := StartEmbedded(t.Context(), EmbeddedConfig{DataDir: dir, Logger: testLogger(t)})
			if err == nil || !strings.Contains(err.Error(), dir) {
				t.Fatalf("got %v", err)
			}
			t.Log(err)
			lock, err := lockDir(dir)
			fatalIf(t, err)
			lock.release()
		})
	}
}

func scribble(t *testing.T, path string, offset int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	fatalIf(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("damage! ", 3000)), offset)
	fatalIf(t, errors.Join(err, f.Close()))
}

// An etcd that is not told to listen has no listening socket, of whatever kind.
func TestEmbeddedListensNowhere(t *testing.T) {
	before := listening(t)
	e := ownEtcd(t, EmbeddedConfig{})
	lead(t, open(t, e, Config{Cluster: "c"}), newLedger())
	if after := listening(t); len(after) > len(before) {
		t.Errorf("this process listens on %q, before %q", after, before)
	}
	if e.Addr() != "" || !e.Sole() {
		t.Errorf("address %q, sole %v", e.Addr(), e.Sole())
	}
}

// listening returns the listening sockets of this process: kernel table lines
// whose inode is an open file of it.
func listening(t *testing.T) (sockets []string) {
	t.Helper()
	inodes := map[string]bool{}
	fds, err := os.ReadDir("/proc/self/fd")
	fatalIf(t, err)
	for _, fd := range fds {
		if link, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
			if inode, ok := strings.CutPrefix(link, "socket:["); ok {
				inodes[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	for table, column := range map[string][3]int{ // state, inode, and the state that listens
		"tcp": {3, 9, 0x0a}, "tcp6": {3, 9, 0x0a}, "unix": {5, 6, 1},
	} {
		b, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) <= column[1] || !inodes[f[column[1]]] || f[column[0]] != fmt.Sprintf("%02X", column[2]) {
				continue
			}
			if table == "unix" && f[3] != "00010000" { // flags: accepts connections
				continue
			}
			sockets = append(sockets, line)
		}
	}
	return sockets
}

func TestEmbeddedServes(t *testing.T) {
	e := ownEtcd(t, EmbeddedConfig{Listen: "localhost:0"})
	if e.Sole() {
		t.Error("an etcd that listens is not alone")
	}
	l := newLedger()
	term := lead(t, open(t, e, Config{Cluster: "c", Identity: "inside"}), l)
	remote := open(t, nil, Config{Endpoints: []string{e.Addr()}, Cluster: "c", Identity: "outside", Address: "outside:1"})
	standby := newLedger()
	elected := campaign(t.Context(), remote, standby)
	l.write(t, term, "1")
	l.write(t, term, "2")
	standby.await(t, 2)
	fatalIf(t, term.Resign(t.Context()))
	got := <-elected
	fatalIf(t, got.err)
	standby.write(t, got.term, "3")
	fatalIf(t, got.term.Snapshot(t.Context(), 3, standby.snapshot(3)))
	same(t, "replay", [][]string{{"1"}, {"2"}, {"3"}}, replay(t, remote).all())

	_, err := StartEmbedded(t.Context(), EmbeddedConfig{DataDir: t.TempDir(), Listen: e.Addr()})
	if refusal, ok := errors.AsType[*model.Refusal](err); !ok || !strings.Contains(refusal.Message, e.Addr()) {
		t.Errorf("a taken port: %v", err)
	}
}

func TestOpenWithoutEtcd(t *testing.T) {
	// A port that was free a moment ago, and one where nobody answers.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	fatalIf(t, err)
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	fatalIf(t, err)
	gone.Close()
	for _, l := range []net.Listener{silent, gone} {
		_, err := Open(t.Context(), Config{Endpoints: []string{l.Addr().String()}, Cluster: "c", Identity: "i",
			DialTimeout: 200 * time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
			t.Errorf("got %v", err)
		}
		t.Log(err)
	}
}

// A full database refuses, by name; the term goes on, and what was acknowledged
// is still there. A restart with a larger quota takes commits again.
func TestQuota(t *testing.T) {
	dir := t.TempDir()
	e := ownEtcd(t, EmbeddedConfig{DataDir: dir, QuotaBytes: 4 << 20})
	j := open(t, e, Config{Cluster: "c"})
	term := lead(t, j, newLedger())
	big := group(string(incompressible(400 << 10)))
	acked := 0
	for {
		_, err := term.Append(t.Context(), big)
		if err == nil {
			acked++
			continue
		}
		if !errors.Is(err, rpctypes.ErrNoSpace) || errors.Is(err, ErrOutcomeUnknown) {
			t.Fatalf("append to a full database: %v", err)
		}
		t.Log(err)
		break
	}
	if err := term.Err(); err != nil {
		t.Errorf("the term ended: %v", err)
	}
	if got := len(replay(t, j).all()); got != acked {
		t.Errorf("%d groups, %d were acknowledged", got, acked)
	}
	fatalIf(t, j.Close())
	e.Close()

	l := newLedger()
	term = lead(t, open(t, ownEtcd(t, EmbeddedConfig{DataDir: dir, QuotaBytes: 64 << 20}), Config{Cluster: "c"}), l)
	if index := l.write(t, term, "on"); index != uint64(acked)+1 {
		t.Errorf("index %d, want %d", index, acked+1)
	}
}

// etcd's own messages go to a bounded file.
func TestEtcdLogIsBounded(t *testing.T) {
	dir := t.TempDir()
	logs, err := openEtcdLogs(filepath.Join(dir, "etcd.log"), testLogger(t))
	fatalIf(t, err)
	defer logs.close()
	line := strings.Repeat("x", 64<<10)
	for range 3 * etcdLogBytes / len(line) {
		fatalIf(t, logs.Write(infoEntry(line), nil))
	}
	for _, name := range []string{"etcd.log", "etcd.log.old"} {
		info, err := os.Stat(filepath.Join(dir, name))
		fatalIf(t, err)
		if info.Size() > etcdLogBytes {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
}

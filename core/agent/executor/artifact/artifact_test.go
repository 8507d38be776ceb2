package artifact

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/tender-scheduler/tender/core/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a sandbox with a store and a directory of sources.
type place struct {
	*testing.T
	store   *Store
	sandbox *Place
	sources string
}

func newPlace(t *testing.T, limits Limits) *place {
	dir := t.TempDir()
	p := &place{T: t, sources: filepath.Join(dir, "sources")}
	attempt := filepath.Join(dir, "g.0.0")
	for _, d := range []string{p.sources, attempt, filepath.Join(attempt, "t")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.store = NewStore(filepath.Join(dir, "artifacts"), limits)
	t.Cleanup(p.store.client.CloseIdleConnections)
	p.sandbox = &Place{Root: attempt, Base: filepath.Join(attempt, "t")}
	return p
}

func (p *place) source(name string, content []byte) string {
	p.Helper()
	path := filepath.Join(p.sources, name)
	if err := os.WriteFile(path, content, 0o640); err != nil {
		p.Fatal(err)
	}
	return "file://" + path
}

func (p *place) fetch(a model.Artifact) error {
	return p.store.Fetch(p.Context(), &a, p.sandbox)
}

// found lists the sandbox's files with their content.
func (p *place) found() string {
	var out strings.Builder
	filepath.WalkDir(p.sandbox.Root, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(p.sandbox.Root, path)
		switch {
		case err != nil:
			p.Error(err)
		case d.Type() == os.ModeSymlink:
			to, _ := os.Readlink(path)
			fmt.Fprintf(&out, "%s -> %s\n", rel, to)
		case !d.IsDir():
			b, _ := os.ReadFile(path)
			info, _ := d.Info()
			fmt.Fprintf(&out, "%s %o %.20s\n", rel, info.Mode().Perm(), b)
		}
		return nil
	})
	return out.String()
}

func (p *place) expect(err error, want string) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
	if got := p.found(); got != want {
		p.Errorf("the sandbox has\n%swant\n%s", got, want)
	}
}

func (p *place) refuse(err error, want string) {
	p.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		p.Errorf("error is %v, want one with %q", err, want)
	}
}

// entry is what goes into an archive.
type entry struct {
	name, body, link string
	kind             byte // as tar has it
	mode             int64
}

var plain = []entry{
	{name: "./", kind: tar.TypeDir, mode: 0o755},
	{name: "bin/tool", body: "#!", kind: tar.TypeReg, mode: 0o4755},
	{name: "bin/alias", link: "tool", kind: tar.TypeSymlink},
	{name: "data.txt", body: "data", kind: tar.TypeReg, mode: 0o600},
	{name: "same.txt", link: "data.txt", kind: tar.TypeLink},
}

const plainFound = "t/local/bin/alias -> tool\nt/local/bin/tool 755 #!\nt/local/data.txt 600 data\nt/local/same.txt 600 data\n"

func tarOf(t *testing.T, entries []entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode, Size: int64(len(e.body)), Linkname: e.link}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return b.Bytes()
}

func gzipOf(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstdOf(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	defer w.Close()
	return w.EncodeAll(b, nil)
}

func zipOf(t *testing.T, entries []entry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		body := e.body
		switch e.kind {
		case tar.TypeDir:
			continue
		case tar.TypeSymlink:
			h.SetMode(os.ModeSymlink | 0o777)
			body = e.link
		case tar.TypeLink: // zip has none
			h.SetMode(0o600)
			body = "data"
		default:
			h.SetMode(os.FileMode(e.mode & 0o777))
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, body)
	}
	w.Close()
	return b.Bytes()
}

func TestArchives(t *testing.T) {
	raw := tarOf(t, plain)
	for name, content := range map[string][]byte{
		"a.tar": raw, "a.tar.gz": gzipOf(raw), "A.TGZ": gzipOf(raw), "a.tar.zst": zstdOf(raw), "a.zip": zipOf(t, plain),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, DefaultLimits)
			p.expect(p.fetch(model.Artifact{Source: p.source(name, content)}), plainFound)
		})
	}
}

func TestModes(t *testing.T) {
	archive := gzipOf(tarOf(t, plain[3:4]))
	for _, c := range []struct{ name, mode, destination, want string }{
		{"a.tar.gz", "any", "local/x", "t/local/x/data.txt 600 data\n"},
		{"a.tar.gz", "dir", "local/x", "t/local/x/data.txt 600 data\n"},
		{"a.tar.gz", "file", "local/b.tgz", "t/local/b.tgz 640 "},
		{"a.txt", "any", "local/x", "t/local/x/a.txt 640 "},
		{"a.txt", "file", "local/x", "t/local/x 640 "},
		{"a.txt", "dir", "local/x", `error: mode = "dir" needs an archive`},
		{"a.txt", "other", "local/x", `error: mode "other": want any, file or dir`},
	} {
		p := newPlace(t, DefaultLimits)
		err := p.fetch(model.Artifact{Source: p.source(c.name, archive), Mode: c.mode, Destination: c.destination})
		if want, ok := strings.CutPrefix(c.want, "error: "); ok {
			p.refuse(err, want)
		} else if got := p.found(); err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s, mode %s: %v, %s", c.name, c.mode, err, got)
		}
	}
}

func TestDirectory(t *testing.T) {
	p := newPlace(t, DefaultLimits)
	os.MkdirAll(p.sources+"/d/sub", 0o755)
	os.WriteFile(p.sources+"/d/sub/f", []byte("x"), 0o755)
	os.Symlink("sub/f", p.sources+"/d/l")
	p.expect(p.fetch(model.Artifact{Source: "file://" + p.sources + "/d", Destination: "local/"}),
		"t/local/l -> sub/f\nt/local/sub/f 755 x\n")
	p.refuse(p.fetch(model.Artifact{Source: "file://" + p.sources + "/d", Mode: "file"}), "it is a directory")
	p.refuse(p.fetch(model.Artifact{Source: "file://" + p.sources + "/d", Checksum: "md5:" + strings.Repeat("0", 32)}), "has no checksum")
}

// Nothing in an archive, and no destination, leads out of the sandbox.
func TestNothingEscapes(t *testing.T) {
	for name, entries := range map[string][]entry{
		"dots":     {{name: "../../../../evil", body: "x", kind: tar.TypeReg}},
		"absolute": {{name: "/tmp/evil", body: "x", kind: tar.TypeReg}},
		"through a link": {
			{name: "out", link: "../../../..", kind: tar.TypeSymlink},
			{name: "out/evil", body: "x", kind: tar.TypeReg},
		},
		"through an absolute link": {
			{name: "out", link: "/tmp", kind: tar.TypeSymlink},
			{name: "out/evil", body: "x", kind: tar.TypeReg},
		},
		"hard link": {{name: "passwd", link: "../../../../../../etc/passwd", kind: tar.TypeLink}},
		"hard link through a link": {
			{name: "etc", link: "/etc", kind: tar.TypeSymlink},
			{name: "passwd", link: "etc/passwd", kind: tar.TypeLink},
		},
		"device": {{name: "null", kind: tar.TypeChar}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, DefaultLimits)
			if err := p.fetch(model.Artifact{Source: p.source("a.tar", tarOf(t, entries))}); err == nil {
				t.Errorf("the archive was unpacked: %s", p.found())
			}
			if _, err := os.Lstat("/tmp/evil"); err == nil {
				t.Error("something was written outside")
				os.Remove("/tmp/evil")
			}
		})
	}
	p := newPlace(t, DefaultLimits)
	file := p.source("f", []byte("x"))
	for _, destination := range []string{"../../x", "/etc", "local/../../../x"} {
		p.refuse(p.fetch(model.Artifact{Source: file, Destination: destination}), "outside the task's sandbox")
	}
	p.expect(p.fetch(model.Artifact{Source: file, Destination: "../alloc"}), "alloc/f 640 x\n")
	p.expect(p.fetch(model.Artifact{Source: file, Destination: p.sandbox.Root + "/t/abs"}), "alloc/f 640 x\nt/abs/f 640 x\n")
}

// A link at the destination is replaced, not written through.
func TestLinkAtTheDestination(t *testing.T) {
	p := newPlace(t, DefaultLimits)
	victim := p.source("victim", []byte("precious"))
	os.Mkdir(p.sandbox.Base+"/local", 0o755)
	os.Symlink(strings.TrimPrefix(victim, "file://"), p.sandbox.Base+"/local/f")
	p.expect(p.fetch(model.Artifact{Source: p.source("f", []byte("x")), Destination: "local"}), "t/local/f 640 x\n")
	if b, _ := os.ReadFile(strings.TrimPrefix(victim, "file://")); string(b) != "precious" {
		t.Errorf("the link was followed: %q", b)
	}
}

func TestChecksums(t *testing.T) {
	p := newPlace(t, DefaultLimits)
	file := p.source("f", []byte("hello"))
	for _, sum := range []string{
		"md5:5d41402abc4b2a76b9719d911017c592",
		"sha1:AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D",
		"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043",
	} {
		if err := p.fetch(model.Artifact{Source: file, Checksum: sum}); err != nil {
			t.Errorf("%s: %v", sum, err)
		}
	}
	p.refuse(p.fetch(model.Artifact{Source: file, Checksum: "sha256:" + strings.Repeat("0", 64)}), "but the job asks for 0000")
	p.refuse(p.fetch(model.Artifact{Source: file, Checksum: "crc:00"}), "want KIND:HEX")
	p.refuse(p.fetch(model.Artifact{Source: file, Checksum: "md5:00"}), "a md5 is 32 hexadecimal digits")
}

func TestBadSources(t *testing.T) {
	p := newPlace(t, DefaultLimits)
	for source, want := range map[string]string{
		"file:///no/such":       "there is no such file on this agent",
		"file://host/path":      "a file of another host",
		"relative/path":         "must be absolute",
		"s3::https://x/y":       `sources of kind "s3" are not supported`,
		"git://x/y":             `sources of kind "git" are not supported`,
		"http://[::1":           "cannot be read",
		"file:///dev/null\x00x": "cannot be read",
	} {
		p.refuse(p.fetch(model.Artifact{Source: source}), want)
	}
}

// server serves answers and counts requests.
func server(t *testing.T, h http.HandlerFunc) (url string, requests *atomic.Int32) {
	requests = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

// Many tasks of an array cause one download.
func TestDownloadOnce(t *testing.T) {
	url, requests := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") != "secret" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		w.Write(bytes.Repeat([]byte("x"), 100_000))
	})
	p := newPlace(t, DefaultLimits)
	sum := sha256.Sum256(bytes.Repeat([]byte("x"), 100_000))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := p.fetch(model.Artifact{
				Source: url + "/f", Destination: fmt.Sprintf("local/%d", i), Headers: map[string]string{"X-Token": "secret"},
				Checksum: "sha256:" + hex.EncodeToString(sum[:]),
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests were made, want 1", n)
	}
	if n := strings.Count(p.found(), "\n"); n != 20 {
		t.Errorf("%d copies are there, want 20", n)
	}
	p.refuse(p.fetch(model.Artifact{Source: url + "/f"}), "the server answered 403 Forbidden")
}

func TestRetries(t *testing.T) {
	limits := DefaultLimits
	limits.RetryAfter = time.Microsecond
	var failures atomic.Int32
	url, requests := server(t, func(w http.ResponseWriter, r *http.Request) {
		if failures.Add(-1) >= 0 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
		}
	})
	p := newPlace(t, limits)
	failures.Store(2)
	if err := p.fetch(model.Artifact{Source: url + "/f"}); err != nil || requests.Load() != 3 {
		t.Errorf("after two failures: %v, %d requests", err, requests.Load())
	}
	failures.Store(100)
	p.refuse(p.fetch(model.Artifact{Source: url + "/g"}), "the server answered 503 Service Unavailable (after 4 tries)")
	failures.Store(0)
	if err := p.fetch(model.Artifact{Source: url + "/g"}); err != nil {
		t.Errorf("a failure was kept: %v", err)
	}
	p.refuse(p.fetch(model.Artifact{Source: "http://127.0.0.1:1/x"}), "connection refused (after 4 tries)")
}

// A wrong checksum is not kept either.
func TestDownloadWithWrongChecksum(t *testing.T) {
	url, requests := server(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") })
	p := newPlace(t, DefaultLimits)
	a := model.Artifact{Source: url + "/f", Checksum: "md5:" + strings.Repeat("0", 32)}
	p.refuse(p.fetch(a), "its md5 is")
	p.refuse(p.fetch(a), "its md5 is")
	if requests.Load() != 2 {
		t.Errorf("%d requests, want 2", requests.Load())
	}
}

// The task that downloads for all is stopped: another takes over.
func TestStoppedWhileDownloading(t *testing.T) {
	begun, gone := make(chan struct{}, 2), make(chan struct{})
	var first atomic.Bool
	first.Store(true)
	url, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if first.CompareAndSwap(true, false) {
			begun <- struct{}{}
			<-r.Context().Done()
			close(gone)
			return
		}
		io.WriteString(w, "x")
	})
	p := newPlace(t, DefaultLimits)
	ctx, stop := context.WithCancel(t.Context())
	results := make(chan error, 2)
	go func() { results <- p.store.Fetch(ctx, &model.Artifact{Source: url + "/f"}, p.sandbox) }()
	<-begun
	go func() { results <- p.fetch(model.Artifact{Source: url + "/f", Destination: "local/second"}) }()
	stop()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the stopped one: %v", err)
	}
	if err := <-results; err != nil {
		t.Errorf("the other one: %v", err)
	}
	<-gone
}

func TestLimits(t *testing.T) {
	small := Limits{FileBytes: 1000, UnpackBytes: 500, UnpackFiles: 2, Within: time.Minute, Tries: 1}
	url, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/declared" {
			w.Header().Set("Content-Length", "1001")
		}
		w.Write(bytes.Repeat([]byte("x"), 1001))
	})
	p := newPlace(t, small)
	p.refuse(p.fetch(model.Artifact{Source: url + "/declared"}), "it is larger than 1000B")
	p.refuse(p.fetch(model.Artifact{Source: url + "/streamed"}), "it is larger than 1000B")
	bomb := tarOf(t, []entry{{name: "f", body: strings.Repeat("0", 501), kind: tar.TypeReg}})
	p.refuse(p.fetch(model.Artifact{Source: p.source("bomb.tgz", gzipOf(bomb))}), "it holds more than 500B")
	many := tarOf(t, []entry{{name: "a", kind: tar.TypeReg}, {name: "b", kind: tar.TypeReg}, {name: "c", kind: tar.TypeReg}})
	p.refuse(p.fetch(model.Artifact{Source: p.source("many.tar", many)}), "it holds more than 2 files")
	p.refuse(p.fetch(model.Artifact{Source: p.source("broken.tar.gz", []byte("this is no gzip file"))}), "unpack it: gzip: invalid header")

	slow := small
	slow.Within = time.Millisecond
	hang, _ := server(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p = newPlace(t, slow)
	p.refuse(p.fetch(model.Artifact{Source: hang + "/f"}), "it took longer than 1ms")
}

// Every path that was made is given to the task's user.
func TestOwner(t *testing.T) {
	p := newPlace(t, DefaultLimits)
	var owned []string
	p.sandbox.Own = func(path string) error {
		rel, _ := filepath.Rel(p.sandbox.Root, path)
		owned = append(owned, rel)
		return nil
	}
	p.expect(p.fetch(model.Artifact{Source: p.source("a.tar", tarOf(t, plain))}), plainFound)
	if got := strings.Join(owned, " "); got != "t/local t/local/bin t/local/bin/tool t/local/bin/alias t/local/data.txt" {
		t.Errorf("owned: %s", got)
	}
}

func TestPasswordIsNotShown(t *testing.T) {
	p := newPlace(t, DefaultLimits)
	err := p.fetch(model.Artifact{Source: "ftp://user:hunter2@host/f"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error is %v", err)
	}
}

func FuzzEntryPath(f *testing.F) {
	for _, s := range []string{"a/b", "./a", "../a", "/a", "a/../../b", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		at, err := entryPath(name, "t/local")
		if err == nil && at != "" && !strings.HasPrefix(at, "t/local/") {
			t.Errorf("%q becomes %q", name, at)
		}
	})
}

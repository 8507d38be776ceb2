package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Limits bound a fetch.
type Limits struct {
	FileBytes   int64         // a file, as fetched
	UnpackBytes int64         // an archive's contents in all
	UnpackFiles int           // an archive's entries
	Within      time.Duration // all of it
	Tries       int           // of a download
	RetryAfter  time.Duration // doubled for each further try
}

// DefaultLimits are generous: they are there to stop accidents and bombs.
var DefaultLimits = Limits{
	FileBytes: 100 << 30, UnpackBytes: 200 << 30, UnpackFiles: 1_000_000,
	Within: 30 * time.Minute, Tries: 4, RetryAfter: 500 * time.Millisecond,
}

// Place is where an artifact is to go.
type Place struct {
	Root string                  // nothing is written outside of it
	Base string                  // what a relative destination is relative to; below Root
	Own  func(path string) error // gives what was made to the task's user
}

// Store fetches artifacts and keeps downloads in a directory.
type Store struct {
	dir    string
	limits Limits
	client *http.Client

	mu      sync.Mutex
	flights map[string]*flight
}

// flight is a download, under way or done.
type flight struct {
	done chan struct{}
	path string
	err  error
}

// NewStore returns a store that keeps downloads in dir, which is made when needed.
func NewStore(dir string, l Limits) *Store {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	t.DisableCompression = true // the bytes as they are: checksums are of them
	return &Store{dir: dir, limits: l, client: &http.Client{Transport: t}, flights: map[string]*flight{}}
}

// Fetch brings one artifact into place. Errors are written for the job's author.
func (s *Store) Fetch(ctx context.Context, a *model.Artifact, p *Place) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limits.Within, fmt.Errorf("it took longer than %s", s.limits.Within))
	defer cancel()
	if err := s.fetch(ctx, a, p); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("fetch artifact %q: %w", redact(a.Source), err)
	}
	return nil
}

func (s *Store) fetch(ctx context.Context, a *model.Artifact, p *Place) error {
	sum, err := parseChecksum(a.Checksum)
	if err != nil {
		return err
	}
	u, err := url.Parse(a.Source)
	if err != nil {
		return fmt.Errorf("its address cannot be read: %w", err)
	}
	d := &delivery{ctx: ctx, limits: s.limits, name: filepath.Base(u.Path), mode: a.Mode, place: p}
	switch u.Scheme {
	case "", "file":
		if u.Host != "" && u.Host != "localhost" {
			return fmt.Errorf("a file of another host (%s); write file:///path, with three slashes, for one of this agent", u.Host)
		}
		if !filepath.IsAbs(u.Path) {
			return errors.New("the path of a file must be absolute: file:///path")
		}
		return d.deliver(u.Path, sum, a.Destination)
	case "http", "https":
		path, err := s.download(ctx, a, sum)
		if err != nil {
			return err
		}
		return d.deliver(path, checksum{}, a.Destination)
	}
	return fmt.Errorf("sources of kind %q are not supported; use file, http or https", u.Scheme)
}

// redact hides a password in an address.
func redact(source string) string {
	if u, err := url.Parse(source); err == nil && u.User != nil {
		return u.Redacted()
	}
	return source
}

// download returns the path of a's file in the store, fetched and checked if no
// other task has. A failure is not kept: the next attempt tries again.
func (s *Store) download(ctx context.Context, a *model.Artifact, sum checksum) (string, error) {
	key := cacheKey(a)
	for {
		s.mu.Lock()
		f := s.flights[key]
		mine := f == nil
		if mine {
			f = &flight{done: make(chan struct{}), path: filepath.Join(s.dir, key)}
			s.flights[key] = f
		}
		s.mu.Unlock()
		if mine {
			if f.err = s.get(ctx, a, f.path); f.err == nil {
				f.err = sum.verify(f.path)
			}
			if f.err != nil {
				os.Remove(f.path)
				s.mu.Lock()
				delete(s.flights, key)
				s.mu.Unlock()
			}
			close(f.done)
			return f.path, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if f.err == nil {
			return f.path, nil
		}
		if !errors.Is(f.err, context.Canceled) {
			return "", f.err
		}
		// The task that was fetching it was stopped: take over.
	}
}

func cacheKey(a *model.Artifact) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q", a.Source, strings.ToLower(a.Checksum))
	for _, name := range sortedKeys(a.Headers) {
		fmt.Fprintf(h, " %q %q", name, a.Headers[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

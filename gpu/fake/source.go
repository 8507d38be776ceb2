package fake

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// lookEvery is how often a source's files are looked at.
const lookEvery = 100 * time.Millisecond

// Source is devices that are made up.
type Source struct {
	dir     string // of the files that say what happens; empty = none
	devices []model.GPU

	mu      sync.Mutex
	sick    map[string]string // by Break
	changed chan struct{}     // holds one if somebody should look again
}

// New returns a source of the devices that a notation describes (see Parse). Dir
// holds the files that say what happens to them, and is made if it is missing;
// empty = there are none.
func New(notation, node, dir string) (*Source, error) {
	all, err := Parse(notation, node)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the directory of fake GPUs: %w", err)
		}
	}
	return &Source{dir: dir, devices: all, sick: map[string]string{}, changed: make(chan struct{}, 1)}, nil
}

// Discover returns the devices.
func (s *Source) Discover() ([]model.GPU, error) {
	sick := s.unhealthy()
	out := append([]model.GPU(nil), s.devices...)
	for i := range out {
		out[i].Unhealthy = sick[out[i].UUID]
	}
	return out, nil
}

// Watch calls report with all devices that are unhealthy, and why, whenever that
// changes, until ctx ends.
func (s *Source) Watch(ctx context.Context, report func(unhealthy map[string]string)) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	told := map[string]string{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		case <-look.C:
			if s.dir == "" {
				look.Stop()
			}
		}
		if sick := s.unhealthy(); !maps.Equal(sick, told) {
			told = sick
			report(maps.Clone(sick))
		}
	}
}

// Break makes a device unhealthy; an empty reason heals it.
func (s *Source) Break(uuid, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reason == "" {
		delete(s.sick, uuid)
	} else {
		s.sick[uuid] = reason
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *Source) unhealthy() map[string]string {
	s.mu.Lock()
	sick := maps.Clone(s.sick)
	s.mu.Unlock()
	for uuid, words := range s.read("broken") {
		reason := strings.Join(words, " ")
		if n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(reason), "xid "), 10, 64); err == nil {
			reason = gpu.XID(n) // empty where NVIDIA's would pass over it too
		}
		if reason != "" {
			sick[uuid] = reason
		}
	}
	return sick
}

// read returns the words after each UUID in one of the source's files.
func (s *Source) read(file string) map[string][]string {
	if s.dir == "" {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		return nil
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		for i := range s.devices {
			if len(words) > 1 && strings.HasSuffix(s.devices[i].UUID, words[0]) {
				out[s.devices[i].UUID] = words[1:]
			}
		}
	}
	return out
}

// Usage returns what the file says, and that nothing happens where it says nothing.
// Heat and power follow from how busy a device is said to be.
func (s *Source) Usage() ([]gpu.Usage, error) {
	told := s.read("usage")
	var out []gpu.Usage
	for i := range s.devices {
		g := &s.devices[i]
		u := gpu.Usage{UUID: g.UUID, MemoryBytes: g.MemoryBytes}
		n := make([]int64, len(told[g.UUID]))
		for k, w := range told[g.UUID] {
			v, err := strconv.ParseInt(w, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read usage of fake GPU %s: %w", g.UUID, err)
			}
			n[k] = v
		}
		if len(n) > 0 {
			u.BusyPercent = int(n[0])
		}
		u.TemperatureC, u.PowerMilliwatts = 30+u.BusyPercent/2, 60_000+int64(u.BusyPercent)*6_000
		if len(n) > 1 {
			u.MemoryUsedBytes = n[1]
		}
		u.ProcessesUnknown = u.MemoryUsedBytes > 0 && len(n) < 4 // they must be somebody's
		for k := 2; k+1 < len(n); k += 2 {
			u.Processes = append(u.Processes, gpu.Process{PID: int(n[k]), MemoryUsedBytes: n[k+1], BusyPercent: -1})
		}
		out = append(out, u)
	}
	return out, nil
}

// Nodes returns the node that stands for a device.
func (s *Source) Nodes(g *model.GPU) []string {
	if s.dir == "" {
		return nil
	}
	return []string{filepath.Join(s.dir, "dev", g.UUID)}
}

// Driver is empty: there is none.
func (s *Source) Driver() string { return "" }

// Close does nothing.
func (s *Source) Close() error { return nil }

// Package facts finds out what an agent's machine has: how much of it tasks may
// use, and the attributes that job files refer to. It reads /proc and /sys once
// at the agent's start; nothing here is watched.
//
// Attribute names are Nomad's, so that constraints written for it go on working.
package facts

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// Memory that is kept back for the agent, its executors and the system: a
// sixteenth of it, but within these bounds.
const (
	minReserveBytes = 64 << 20
	maxReserveBytes = 1 << 30
)

// Source is where to look. The zero value is the machine itself; a test points
// Root at a directory with the files of another.
type Source struct {
	Root    string // prefix of /proc, /sys and /etc
	DataDir string // whose file system gives the disk; empty = none
}

// Facts are what was found.
type Facts struct {
	Capacity   model.Resources   // disk: what is free
	Attributes map[string]string // without the node.* ones, which are chosen
	HostName   string
}

// Detect looks at the machine. It fails only where a guess would be dangerous:
// if the memory or the disk cannot be told.
func Detect(s Source) (*Facts, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read the host's name: %w", err)
	}
	cpu := s.cpu()
	mem, err := s.memory()
	if err != nil {
		return nil, err
	}
	f := &Facts{
		HostName: host,
		Capacity: model.Resources{CPUMilli: cpu.usableMilli, MemoryBytes: mem.usableBytes},
	}
	f.Attributes = map[string]string{
		"attr.kernel.name":       runtime.GOOS,
		"attr.kernel.version":    s.firstLine("/proc/sys/kernel/osrelease"),
		"attr.cpu.arch":          runtime.GOARCH,
		"attr.cpu.numcores":      strconv.Itoa(cpu.online),
		"attr.cpu.modelname":     cpu.model,
		"attr.memory.totalbytes": strconv.FormatInt(mem.totalBytes, 10),
		"attr.unique.hostname":   host,

		"attr.unique.network.ip-address": s.address(),
	}
	maps.Copy(f.Attributes, s.osRelease())
	if s.DataDir != "" {
		var st unix.Statfs_t
		if err := unix.Statfs(s.DataDir, &st); err != nil {
			return nil, fmt.Errorf("measure the disk of %q: %w", s.DataDir, err)
		}
		f.Capacity.DiskBytes = int64(st.Bavail) * st.Bsize
		f.Attributes["attr.unique.storage.volume"] = s.DataDir
		f.Attributes["attr.unique.storage.bytestotal"] = strconv.FormatUint(st.Blocks*uint64(st.Bsize), 10)
	}
	for k, v := range f.Attributes {
		if v == "" {
			delete(f.Attributes, k)
		}
	}
	return f, nil
}

func (s Source) read(path string) string {
	b, err := os.ReadFile(filepath.Join(cmp.Or(s.Root, "/"), path))
	if err != nil {
		return ""
	}
	return string(b)
}

func (s Source) firstLine(path string) string {
	line, _, _ := strings.Cut(s.read(path), "\n")
	return strings.TrimSpace(line)
}

// osRelease reads os-release(5).
func (s Source) osRelease() map[string]string {
	text := cmp.Or(s.read("/etc/os-release"), s.read("/usr/lib/os-release"))
	out := map[string]string{}
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		if u, err := strconv.Unquote(v); err == nil {
			v = u
		}
		switch k {
		case "ID":
			out["attr.os.name"] = strings.Trim(v, "'")
		case "VERSION_ID":
			out["attr.os.version"] = strings.Trim(v, "'")
		}
	}
	return out
}

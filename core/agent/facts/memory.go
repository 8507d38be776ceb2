package facts

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

type memoryFacts struct {
	totalBytes  int64 // of the machine, or of the container if that has less
	usableBytes int64 // by tasks
}

func (s Source) memory() (f memoryFacts, err error) {
	f.totalBytes = s.memTotal()
	if f.totalBytes <= 0 {
		return f, fmt.Errorf("read MemTotal from /proc/meminfo: there is no such line; say how much memory tasks may use")
	}
	for dir := range s.cgroupDirs("") {
		f.limit(s.firstLine(path.Join(dir, "memory.max"))) // "max" is no number
	}
	for dir := range s.cgroupDirs("memory") {
		f.limit(s.firstLine(path.Join(dir, "memory.limit_in_bytes"))) // without one, huge
	}
	reserve := min(max(f.totalBytes/16, minReserveBytes), maxReserveBytes)
	f.usableBytes = max(f.totalBytes-reserve, 0)
	return f, nil
}

func (f *memoryFacts) limit(text string) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		f.totalBytes = min(f.totalBytes, n)
	}
}

func (s Source) memTotal() int64 {
	for line := range strings.Lines(s.read("/proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				return kib << 10
			}
		}
	}
	return 0
}

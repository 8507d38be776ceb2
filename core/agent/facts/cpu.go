package facts

import (
	"math"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

type cpuFacts struct {
	online      int   // processors of the machine
	usableMilli int64 // of those, what this process may use
	model       string
}

// cpu counts the processors that this process may run on, and no more than the
// CPU quota of any cgroup around it.
func (s Source) cpu() cpuFacts {
	f := cpuFacts{online: countList(s.firstLine("/sys/devices/system/cpu/online"))}
	if f.online == 0 {
		f.online = runtime.NumCPU()
	}
	usable := f.online
	var set unix.CPUSet
	if s.Root == "" && unix.SchedGetaffinity(0, &set) == nil {
		usable = min(usable, set.Count())
	}
	f.usableMilli = min(int64(usable)*1000, s.cpuQuotaMilli())
	for line := range strings.Lines(s.read("/proc/cpuinfo")) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			f.model = strings.TrimSpace(v)
			break
		}
	}
	return f
}

// countList counts a list of numbers in the kernel's form, such as "0-3,8".
func countList(list string) int {
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		if err != nil {
			return 0
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(last); err != nil || b < a {
				return 0
			}
		}
		n += b - a + 1
	}
	return n
}

// cpuQuotaMilli is the smallest CPU quota of this process' cgroup and those
// above it; without one, as good as infinite.
func (s Source) cpuQuotaMilli() int64 {
	least := int64(math.MaxInt64)
	take := func(quota, period int64, ok bool) {
		if ok && quota > 0 && period > 0 {
			least = min(least, quota*1000/period)
		}
	}
	for dir := range s.cgroupDirs("") {
		quota, period, _ := strings.Cut(s.firstLine(path.Join(dir, "cpu.max")), " ")
		q, err1 := strconv.ParseInt(quota, 10, 64) // "max" is no number
		p, err2 := strconv.ParseInt(period, 10, 64)
		take(q, p, err1 == nil && err2 == nil)
	}
	for dir := range s.cgroupDirs("cpu") {
		q, err1 := strconv.ParseInt(s.firstLine(path.Join(dir, "cpu.cfs_quota_us")), 10, 64) // -1 = none
		p, err2 := strconv.ParseInt(s.firstLine(path.Join(dir, "cpu.cfs_period_us")), 10, 64)
		take(q, p, err1 == nil && err2 == nil)
	}
	return least
}

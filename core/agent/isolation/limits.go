package isolation

import (
	"math"
	"strconv"

	"github.com/containerd/cgroups/v3/cgroup2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Limits bound a group. Zero means no limit, of each.
type Limits struct {
	// CPUMilli is both the weight against other groups and, with CPUQuota, the
	// ceiling, in thousandths of a core.
	CPUMilli int64
	CPUQuota bool
	// MemoryBytes is what the group is promised, MemoryMaxBytes where the OOM
	// killer steps in; zero MemoryMaxBytes means MemoryBytes.
	MemoryBytes    int64
	MemoryMaxBytes int64
	PidsMax        int64
}

const (
	// cpuPeriodMicros is the kernel's default period of CPU bandwidth control.
	cpuPeriodMicros = 100_000
	// minQuotaMicros is the least quota the kernel takes (sched/core.c).
	minQuotaMicros = 1000
	// minMemoryBytes is the least memory limit that is set: below it execve(2)
	// itself fails, with an error nobody understands.
	minMemoryBytes = 8 << 20
)

// hardMemoryBytes is where the OOM killer steps in, 0 for nowhere.
func (l Limits) hardMemoryBytes() int64 {
	hard := max(l.MemoryBytes, l.MemoryMaxBytes)
	if hard == 0 {
		return 0
	}
	return max(hard, minMemoryBytes)
}

func (l Limits) quotaMicros() int64 {
	if !l.CPUQuota || l.CPUMilli == 0 {
		return -1
	}
	return max(l.CPUMilli*cpuPeriodMicros/1000, minQuotaMicros)
}

// shares maps cores to cpu.shares as every container runtime does: one core is
// 1024. The kernel clamps to 2…262144.
func (l Limits) shares() uint64 {
	if l.CPUMilli == 0 {
		return 1024
	}
	return uint64(max(l.CPUMilli*1024/1000, 2))
}

// weight maps cores to cpu.weight with the same ratio, one core being the
// kernel's default of 100.
func (l Limits) weight() uint64 {
	if l.CPUMilli == 0 {
		return 100
	}
	return uint64(min(max(l.CPUMilli/10, 1), 10_000))
}

// v1 returns l for the v1 CPU and memory controllers. swap says whether the
// kernel accounts swap; then memory plus swap is bounded by the same number, so
// that a task cannot trade one for the other.
func (l Limits) v1(h *Host, swap bool) *specs.LinuxResources {
	r := &specs.LinuxResources{}
	if h.Has("cpu") {
		shares, quota, period := l.shares(), l.quotaMicros(), uint64(cpuPeriodMicros)
		r.CPU = &specs.LinuxCPU{Shares: &shares, Quota: &quota, Period: &period}
	}
	if h.Has("memory") {
		hard, soft := orUnlimited(l.hardMemoryBytes()), orUnlimited(l.MemoryBytes)
		r.Memory = &specs.LinuxMemory{Limit: &hard, Reservation: &soft}
		if swap {
			r.Memory.Swap = &hard
		}
	}
	return r
}

func orUnlimited(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// v2 returns l for the v2 controllers.
func (l Limits) v2(h *Host, swap bool) *cgroup2.Resources {
	r := &cgroup2.Resources{}
	if h.Has("cpu") {
		weight, quota, period := l.weight(), l.quotaMicros(), uint64(cpuPeriodMicros)
		ceiling := cgroup2.CPUMax("max " + strconv.FormatUint(period, 10))
		if quota > 0 {
			ceiling = cgroup2.NewCPUMax(&quota, &period)
		}
		r.CPU = &cgroup2.CPU{Weight: &weight, Max: ceiling}
	}
	if h.Has("memory") {
		// The library writes numbers only; the kernel takes any large one as "max".
		hard := l.hardMemoryBytes()
		if hard == 0 {
			hard = math.MaxInt64
		}
		low, whole := l.MemoryBytes, true
		r.Memory = &cgroup2.Memory{Max: &hard, Low: &low, OOMGroup: &whole}
		if none := int64(0); swap && l.hardMemoryBytes() != 0 {
			r.Memory.Swap = &none
		}
	}
	if h.Has("pids") {
		r.Pids = &cgroup2.Pids{Max: orUnlimited(l.PidsMax)}
	}
	return r
}

package isolation

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const mib = 1 << 20

func TestCPUQuotaThrottles(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	b.limit(c, Limits{CPUMilli: 20, CPUQuota: true})
	b.ok(c, "__spin", "12ms")
	stat := openCounter(b.cpuDir(c), "cpu.stat", unix.O_RDONLY)
	defer stat.close()
	if n := stat.field("nr_throttled"); n == 0 {
		t.Error("12 ms of CPU at a fiftieth of a core were never throttled")
	}
	if u := c.Group.Usage(); u.CPU < 12*time.Millisecond {
		t.Errorf("usage is %v of CPU, want at least 12 ms", u.CPU)
	}
}

// cpuDir is where the group's cpu.stat with throttling is.
func (b *bench) cpuDir(c *Cell) string {
	if b.host.Mode == ModeV2 {
		return c.Group.dir2
	}
	return b.host.dir1("cpu", c.Group.rel)
}

func TestWithoutQuotaNothingThrottles(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	b.limit(c, Limits{CPUMilli: 20})
	b.ok(c, "__spin", "12ms")
	stat := openCounter(b.cpuDir(c), "cpu.stat", unix.O_RDONLY)
	defer stat.close()
	if n := stat.field("nr_throttled"); n != 0 {
		t.Errorf("throttled %d times although only the weight was set", n)
	}
}

func TestMemoryLimitKills(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	b.limit(c, Limits{MemoryBytes: 32 * mib})
	e := b.run(c, "__hog", strconv.Itoa(64*mib))
	if !e.Status.Signaled() || e.Status.Signal() != unix.SIGKILL {
		t.Fatalf("ended with %v, want SIGKILL", e.Status)
	}
	b.kill(c)
	u := c.Group.Usage()
	if u.OOMKills == 0 {
		t.Error("no OOM kill was counted")
	}
	if u.PeakMemoryBytes < 30*mib || u.PeakMemoryBytes > 33*mib {
		t.Errorf("peak is %d, want about the limit of 32 MiB", u.PeakMemoryBytes)
	}
	// The next task in the cell must not inherit the verdict.
	b.clean(c)
	b.ok(c, "__hog", strconv.Itoa(mib))
	b.kill(c)
	if u := c.Group.Usage(); u.OOMKills != 0 || u.PeakMemoryBytes > 16*mib {
		t.Errorf("the second task has usage %+v of the first", u)
	}
}

// memory_max lets a task go beyond what it was promised.
func TestMemoryMaxIsTheHardLimit(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	b.limit(c, Limits{MemoryBytes: 16 * mib, MemoryMaxBytes: 96 * mib})
	b.ok(c, "__hog", strconv.Itoa(64*mib))
	b.clean(c)
	e := b.run(c, "__hog", strconv.Itoa(128*mib))
	if !e.Status.Signaled() {
		t.Errorf("128 MiB within a hard limit of 96 MiB ended with %v", e.Status)
	}
}

// Limits can be moved in both directions, also to none, in a used cell.
func TestLimitsOfAReusedCell(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	for _, l := range []Limits{
		{CPUMilli: 500, CPUQuota: true, MemoryBytes: 64 * mib, PidsMax: 10},
		{CPUMilli: 10, CPUQuota: true, MemoryBytes: 1},
		{},
		{CPUMilli: 64_000, CPUQuota: true, MemoryBytes: 1 << 40, MemoryMaxBytes: 1 << 41, PidsMax: 1 << 20},
		{MemoryBytes: 16 * mib},
		{MemoryBytes: 64 * mib}, // up, from a limit that memory plus swap has too
		{MemoryBytes: 24 * mib},
	} {
		b.limit(c, l)
		b.ok(c, "sh", "true")
		b.clean(c)
	}
}

// A task that needs more processes than it may have gets EAGAIN; the machine does not.
func TestPidsLimit(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	b.limit(c, Limits{PidsMax: 20})
	done := b.start(c, "sh", `i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done; wait`)
	// dash gives up at the first failed fork, so the shell ends by itself.
	<-done
	pids, err := c.Group.Tree().Pids()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pids); n < 10 || n > 21 {
		t.Errorf("%d processes run, want close to the limit of 20", n)
	}
	b.clean(c)
	if pids, _ := c.Group.Tree().Pids(); len(pids) > 1 { // our own thread counts on v1
		t.Errorf("processes %v are left", pids)
	}
}

func TestLimitNumbers(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		want   string // shares weight quota memory
	}{
		{Limits{}, "1024 100 -1 0"},
		{Limits{CPUMilli: 1000}, "1024 100 -1 0"},
		{Limits{CPUMilli: 1, CPUQuota: true}, "2 1 1000 0"},
		{Limits{CPUMilli: 2500, CPUQuota: true}, "2560 250 250000 0"},
		{Limits{CPUMilli: 256_000, CPUQuota: true}, "262144 10000 25600000 0"},
		{Limits{MemoryBytes: 1}, "1024 100 -1 8388608"},
		{Limits{MemoryBytes: 64 * mib}, "1024 100 -1 67108864"},
		{Limits{MemoryBytes: 64 * mib, MemoryMaxBytes: 32 * mib}, "1024 100 -1 67108864"},
		{Limits{MemoryBytes: 64 * mib, MemoryMaxBytes: 128 * mib}, "1024 100 -1 134217728"},
	} {
		got := strings.Join([]string{
			strconv.FormatUint(c.limits.shares(), 10), strconv.FormatUint(c.limits.weight(), 10),
			strconv.FormatInt(c.limits.quotaMicros(), 10), strconv.FormatInt(c.limits.hardMemoryBytes(), 10),
		}, " ")
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.limits, got, c.want)
		}
	}
}

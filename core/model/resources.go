package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Resources is a vector of amounts. GPUs and ports are named things: which ones
// travels separately (see Grant). Of GPUs the vector has the sum, which is what
// shares, quota and a v1 framework's scalar "gpus" go by.
type Resources struct {
	CPUMilli    int64 `json:"cpu_milli,omitempty"` // thousandths of a core
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	DiskBytes   int64 `json:"disk_bytes,omitempty"`
	GPUMilli    int64 `json:"gpu_milli,omitempty"` // thousandths of a device
}

// Add returns r + o.
func (r Resources) Add(o Resources) Resources {
	return Resources{r.CPUMilli + o.CPUMilli, r.MemoryBytes + o.MemoryBytes, r.DiskBytes + o.DiskBytes, r.GPUMilli + o.GPUMilli}
}

// Sub returns r - o; a component may become negative.
func (r Resources) Sub(o Resources) Resources {
	return Resources{r.CPUMilli - o.CPUMilli, r.MemoryBytes - o.MemoryBytes, r.DiskBytes - o.DiskBytes, r.GPUMilli - o.GPUMilli}
}

// Times returns r repeated n times.
func (r Resources) Times(n int64) Resources {
	return Resources{r.CPUMilli * n, r.MemoryBytes * n, r.DiskBytes * n, r.GPUMilli * n}
}

// Fits reports whether r is within o in every component.
func (r Resources) Fits(o Resources) bool {
	return r.CPUMilli <= o.CPUMilli && r.MemoryBytes <= o.MemoryBytes && r.DiskBytes <= o.DiskBytes && r.GPUMilli <= o.GPUMilli
}

// IsZero reports whether every component is zero.
func (r Resources) IsZero() bool { return r == Resources{} }

// TimesIn returns how many times r fits into free: at least 0, at most limit.
func (r Resources) TimesIn(free Resources, limit int64) int64 {
	n := limit
	for _, c := range [...]struct{ want, have int64 }{
		{r.CPUMilli, free.CPUMilli}, {r.MemoryBytes, free.MemoryBytes}, {r.DiskBytes, free.DiskBytes}, {r.GPUMilli, free.GPUMilli},
	} {
		switch {
		case c.want > 0 && c.have < c.want:
			return 0
		case c.want > 0:
			n = min(n, c.have/c.want)
		}
	}
	return max(n, 0)
}

// String prints the non-zero components, as "cpus=1.5 memory=2GiB".
func (r Resources) String() string {
	var p []string
	if r.CPUMilli != 0 {
		p = append(p, "cpus="+FormatCPU(r.CPUMilli))
	}
	if r.MemoryBytes != 0 {
		p = append(p, "memory="+FormatBytes(r.MemoryBytes))
	}
	if r.DiskBytes != 0 {
		p = append(p, "disk="+FormatBytes(r.DiskBytes))
	}
	if r.GPUMilli != 0 {
		p = append(p, "gpus="+FormatCPU(r.GPUMilli))
	}
	if p == nil {
		return "nothing"
	}
	return strings.Join(p, " ")
}

// FormatCPU prints thousandths of a core as cores: 1500 → "1.5".
func FormatCPU(milli int64) string {
	s := fmt.Sprintf("%.3f", float64(milli)/1000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// FormatBytes prints a size in the largest binary unit that leaves at least
// one, with at most one decimal: 1610612736 → "1.5GiB".
func FormatBytes(n int64) string {
	const units = "KMGTPE"
	if n > -1024 && n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	f, i := float64(n)/1024, 0
	for (f >= 1024 || f <= -1024) && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return strings.Replace(fmt.Sprintf("%.1f%ciB", f, units[i]), ".0", "", 1)
}

// GPURequest asks for GPU devices for one task of a job file.
type GPURequest struct {
	Count          int    `json:"count"`
	MemoryMinBytes int64  `json:"memory_min_bytes,omitempty"`
	Model          string `json:"model,omitempty"` // substring of the device's model, case-insensitive; "a|b" is either
	ShareMilli     int    `json:"share_milli,omitempty"`
	MIG            string `json:"mig,omitempty"` // a MIG profile such as "1g.10gb"
}

// Milli returns how much of devices one request takes in all, in thousandths;
// that of a MIG instance counts as far as its profile tells: "2g.20gb" is 2/7.
func (g *GPURequest) Milli() int64 {
	n := int64(max(g.Count, 1))
	switch {
	case g.ShareMilli > 0:
		return n * int64(g.ShareMilli)
	case g.MIG != "":
		return n * MIGMilli(g.MIG)
	}
	return n * 1000
}

// MIGMilli is the part of a device that a MIG profile takes, in thousandths: its
// compute slices of seven. An unknown notation counts as one slice.
func MIGMilli(profile string) int64 {
	compute := int64(1)
	if g, _, ok := strings.Cut(profile, "g."); ok {
		if n, err := strconv.ParseInt(g[strings.LastIndexByte(g, '.')+1:], 10, 64); err == nil && n > 0 {
			compute = n
		}
	}
	return compute * 1000 / 7
}

// PortRequest asks for one port of an agent, under the label of the job file's
// port block. Static 0 = any port of the agent's range.
type PortRequest struct {
	Label  string `json:"label"`
	Static uint16 `json:"static,omitempty"`
}

// Shape is what one task of a demand needs on one agent. Resources.GPUMilli is
// the sum over GPUs.
type Shape struct {
	Resources
	GPUs  []GPURequest  `json:"gpus,omitempty"`
	Ports []PortRequest `json:"ports,omitempty"`
}

// Equal reports whether two shapes ask for the same.
func (s *Shape) Equal(o *Shape) bool {
	return s.Resources == o.Resources && slices.Equal(s.GPUs, o.GPUs) && slices.Equal(s.Ports, o.Ports)
}

// Duration is a time.Duration that reads and writes JSON as Go's notation ("1h30m").
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes Go's duration notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads Go's duration notation.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("parse duration %q: want a number with a unit, such as 30s or 1h30m", b)
	}
	*d = Duration(v)
	return nil
}

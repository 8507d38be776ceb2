// Package fake makes up GPUs for agents on machines without any: to try job
// files, and to test. A Source is safe for use by several goroutines.
//
// What happens to the devices is told by files in the source's directory, which
// anybody may write at any time and replace at once by a rename. A line of each begins with a device's UUID, of
// which the end is enough:
//
//	broken   UUID REASON…    it must not be used; REASON may be "xid 79"
//	usage    UUID PERCENT BYTES [PID BYTES]…   how busy it is, and its memory
//
// and dev/UUID is the device node that a task of it may open, if there is one.
package fake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// MaxDevices bounds how many GPUs one agent may pretend to have.
const MaxDevices = 128

// known are models by the name that people use, with their memory.
var known = map[string]struct {
	model     string
	memoryGiB int64
	nvlink    bool
}{
	"T4":   {"Tesla T4", 16, false},
	"P100": {"Tesla P100-PCIE-16GB", 16, false},
	"V100": {"Tesla V100-SXM2-32GB", 32, true},
	"A10":  {"NVIDIA A10", 24, false},
	"L4":   {"NVIDIA L4", 24, false},
	"L40S": {"NVIDIA L40S", 48, false},
	"A100": {"NVIDIA A100-SXM4-80GB", 80, true},
	"H100": {"NVIDIA H100 80GB HBM3", 80, true},
	"H200": {"NVIDIA H200", 141, true},
	"B200": {"NVIDIA B200", 180, true},
}

var part = regexp.MustCompile(`^(\d+)x([A-Za-z0-9][A-Za-z0-9 ._-]*?)(?:@(\d+)GiB)?(?::([0-9a-z.+]+))?$`)

// Parse reads a notation of devices: "8xH100"; "4xT4+2xA100" for several kinds;
// "2xX1@24GiB" for a model that is not known; "7xH100:1g.10gb" for MIG instances,
// as many as fit to a device. UUIDs have the node's name in them and are the same
// each time.
func Parse(notation, node string) ([]model.GPU, error) {
	var out []model.GPU
	for i, text := range strings.Split(notation, "+") {
		m := part.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil {
			return nil, fmt.Errorf("fake GPUs %q: want a count and a model such as 8xH100, 2xNAME@24GiB or 7xH100:1g.10gb", text)
		}
		count, err := strconv.Atoi(m[1])
		if err != nil || count < 1 || len(out)+count > MaxDevices {
			return nil, fmt.Errorf("fake GPUs %q: want 1 to %d devices in all", text, MaxDevices)
		}
		one := model.GPU{Model: m[2], MemoryBytes: 16 << 30, Milli: gpu.Whole, Minor: -1}
		if k, ok := known[strings.ToUpper(m[2])]; ok {
			one.Model, one.MemoryBytes = k.model, k.memoryGiB<<30
			if k.nvlink && count > 1 && m[4] == "" {
				one.Island = fmt.Sprintf("nvlink%d", i)
			}
		}
		if m[3] != "" {
			gib, err := strconv.ParseInt(m[3], 10, 32)
			if err != nil || gib < 1 {
				return nil, fmt.Errorf("fake GPUs %q: want a memory of at least 1GiB", text)
			}
			one.MemoryBytes = gib << 30
		}
		out = append(out, devices(one, count, m[4], node, len(out))...)
	}
	return out, nil
}

// devices makes count devices like one, or instances of as few devices as can be.
func devices(one model.GPU, count int, profile, node string, from int) []model.GPU {
	perDevice := 1
	if profile != "" {
		one.MIG, one.Milli = profile, model.MIGMilli(profile)
		perDevice = max(gpu.Whole/int(max(one.Milli, 1)), 1)
		one.MemoryBytes = one.MemoryBytes * one.Milli / gpu.Whole
	}
	var out []model.GPU
	for i := range count {
		g := one
		g.Index = from + i/perDevice
		g.PCI = fmt.Sprintf("0000:%02x:00.0", g.Index+1)
		if half := (count/perDevice + 1) / 2; half > 0 {
			g.NUMA = i / perDevice / half
		}
		g.UUID = fmt.Sprintf("GPU-fake-%s-%d", node, g.Index)
		if profile != "" {
			g.Parent = g.UUID
			g.UUID = fmt.Sprintf("MIG-fake-%s-%d-%d", node, g.Index, i%perDevice)
		}
		out = append(out, g)
	}
	return out
}

package agent

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// GPUSource tells of a machine's GPUs: gpu/nvml, or gpu/fake.
type GPUSource interface {
	// Discover returns the devices there are.
	Discover() ([]model.GPU, error)
	// Watch calls report with all devices that are unhealthy, by UUID, and why,
	// whenever that changes, until ctx ends.
	Watch(ctx context.Context, report func(unhealthy map[string]string)) error
	Driver() string // its version; empty = unknown
	// Nodes returns the device nodes that a task needs to use a device that was
	// discovered: its own and those that are every user's. They need not be there.
	Nodes(g *model.GPU) []string
	// Usage returns what goes on on the devices at this moment.
	Usage() ([]gpu.Usage, error)
}

// addGPUs adds what the machine has of GPUs to what the agent says of itself.
// An agent that cannot ask for them is of use without.
func (c *Config) addGPUs(info *model.AgentInfo) error {
	if c.GPUs == nil {
		return nil
	}
	all, err := c.GPUs.Discover()
	if err != nil {
		c.Log.Warn("the machine's GPUs are not used", "error", err)
		return nil
	}
	info.GPUs = all
	info.Capacity.GPUMilli = model.GPUMilli(all)
	for i := range all {
		c.Log.Info("GPU", "uuid", all[i].UUID, "model", all[i].Model, "memory", model.FormatBytes(all[i].MemoryBytes),
			"mig", all[i].MIG, "unhealthy", all[i].Unhealthy)
	}
	a := map[string]string{"attr.gpu.count": strconv.Itoa(len(all)), "attr.gpu.driver": c.GPUs.Driver()}
	var models []string
	for i := range all {
		models = append(models, all[i].Model)
	}
	slices.Sort(models)
	a["attr.gpu.model"] = strings.Join(slices.Compact(models), ",")
	for name, v := range a {
		if _, told := c.Attributes[name]; !told && v != "" {
			info.Attributes[name] = v
		}
	}
	return nil
}

// boundDevices lets tasks of driver exec open their own GPUs only. On a machine
// without any there is nothing to keep apart, and tasks pay nothing for it.
func (c *Config) boundDevices(host *isolation.Host, info *model.AgentInfo) {
	if len(info.GPUs) == 0 {
		return
	}
	if err := host.FilterDevices(); err != nil {
		c.Log.Warn("tasks are kept to their GPUs by environment variables only", "because", err)
		return
	}
	c.ExecutorCommand = append(slices.Clip(c.ExecutorCommand), "--devices", strings.Join(c.TaskDevices, ","))
}

// gpuNodes returns what tasks have to open for each device, by UUID.
func (c *Config) gpuNodes(info *model.AgentInfo) map[string][]string {
	nodes := map[string][]string{}
	for i := range info.GPUs {
		nodes[info.GPUs[i].UUID] = c.GPUs.Nodes(&info.GPUs[i])
	}
	return nodes
}

func sampleOf(u *gpu.Usage, at time.Time) model.GPUSample {
	s := model.GPUSample{
		BusyPercent: u.BusyPercent, MemoryUsedBytes: u.MemoryUsedBytes, TemperatureC: u.TemperatureC,
		PowerMilliwatts: u.PowerMilliwatts, Processes: len(u.Processes), At: at,
	}
	if u.ProcessesUnknown {
		s.Processes = -1
	}
	return s
}

// watchGPUs feeds changes of health to the machine until ctx ends.
func (l *Loop) watchGPUs(ctx context.Context) {
	err := l.GPUs.Watch(ctx, func(unhealthy map[string]string) {
		for uuid, why := range unhealthy {
			l.Log.Warn("GPU must not be used", "uuid", uuid, "reason", why)
		}
		l.inbox.put(event{input: GPUHealth{unhealthy}})
	})
	if err != nil {
		l.Log.Warn("the health of GPUs is not watched", "error", fmt.Errorf("watch GPUs: %w", err))
	}
}

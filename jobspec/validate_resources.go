package jobspec

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/internal/pattern"
)

const (
	maxGPUs      = 1024
	maxModelText = 128
)

// migProfile is a MIG profile as nvidia-smi names it: 1g.10gb, 2g.20gb, 1g.5gb+me.
var migProfile = pattern.New(`^[1-9]g\.[1-9][0-9]*gb(\+me|\+me\.all|\+gfx)?$`)

func (c *checker) resources(path string, r *model.TaskResources) {
	switch {
	case r.CPUMilli < 0:
		c.fail(path+".cpu_milli", "cpus cannot be negative", "")
	case r.CPUMilli > maxCPUMilli:
		c.fail(path+".cpu_milli", fmt.Sprintf("%s cores are more than any machine has", model.FormatCPU(r.CPUMilli)), "")
	}
	if r.MemoryBytes != 0 {
		c.bytesBetween(path+".memory_bytes", "memory", r.MemoryBytes, minMemoryBytes, maxSizeBytes)
	}
	switch {
	case r.MemoryMaxBytes == 0:
	case r.MemoryMaxBytes <= r.MemoryBytes:
		c.fail(path+".memory_max_bytes", fmt.Sprintf("memory_max is %s; it must be more than memory, which is %s",
			model.FormatBytes(r.MemoryMaxBytes), model.FormatBytes(r.MemoryBytes)), "memory is what is set aside, memory_max where the task is stopped")
	default:
		c.bytesBetween(path+".memory_max_bytes", "memory_max", r.MemoryMaxBytes, minMemoryBytes, maxSizeBytes)
	}
	c.bytesBetween(path+".disk_bytes", "disk", r.DiskBytes, 0, maxSizeBytes)
	c.between(path+".pids_max", "pids_max", r.PidsMax, 0, maxPids)
	if r.GPU != nil {
		c.gpu(path+".gpu", r.GPU)
	}
}

func (c *checker) gpu(path string, g *model.GPURequest) {
	c.between(path+".count", "the count of GPUs", int64(g.Count), 1, maxGPUs)
	c.bytesBetween(path+".memory_min_bytes", "memory_min", g.MemoryMinBytes, 0, maxSizeBytes)
	if len(g.Model) > maxModelText {
		c.fail(path+".model", fmt.Sprintf("model has %d bytes; it may have %d", len(g.Model), maxModelText), "")
	}
	if g.ShareMilli < 0 || g.ShareMilli > 1000 {
		c.fail(path+".share_milli", "share must be more than 0 and at most 1", "it is a fraction of one device")
	}
	if g.ShareMilli > 0 && g.Count > 1 {
		c.fail(path+".share_milli", "a share is of one device", "remove count, or remove share")
	}
	if g.MIG != "" && !migProfile().MatchString(g.MIG) {
		c.fail(path+".mig", fmt.Sprintf("%q is not a MIG profile", g.MIG), `write one as nvidia-smi does: "1g.10gb"`)
	}
	if g.MIG != "" && g.ShareMilli > 0 {
		c.fail(path+".mig", "a task has either a share of a GPU or a MIG device", "remove one of them")
	}
}

package jobspec

import (
	"fmt"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// resources decodes the resources block of a task.
func (n *node) resources(r *model.TaskResources) {
	n.cores(r)
	n.size("memory", "memory_bytes", &r.MemoryBytes)
	if n.size("memory_max", "memory_max_bytes", &r.MemoryMaxBytes) && r.MemoryMaxBytes == r.MemoryBytes {
		r.MemoryMaxBytes = 0 // says nothing beyond memory
	}
	n.size("disk", "disk_bytes", &r.DiskBytes)
	var pids int
	if n.whole("pids_max", &pids) {
		r.PidsMax = int64(pids)
	}
	gpu := n.one("gpu", gpuShape, n.field("gpu"))
	if gpu != nil {
		r.GPU = gpu.gpu()
	}
	if len(n.blocks["device"]) == 0 {
		return
	}
	if gpu != nil {
		n.d.ds.at(n.blocks["device"][0].header, "a task has either gpu or device", "both ask for GPUs", "remove the device block")
		return
	}
	r.GPU = n.device()
}

// cores reads cpus, cores or Nomad's cpu, all into thousandths of a core.
func (n *node) cores(r *model.TaskResources) {
	var given []string
	for _, name := range []string{"cpus", "cores", "cpu"} {
		if n.has(name) {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		n.d.ds.at(n.block.body.Attributes[given[1]].NameRange, fmt.Sprintf("%s and %s both say how many cores", given[0], given[1]),
			"", "keep cpus and remove the other")
	}
	var count int
	switch {
	case n.has("cpus"):
		n.milli("cpus", "cpu_milli", &r.CPUMilli)
	case n.has("cores"):
		if n.whole("cores", &count) {
			r.CPUMilli = int64(count) * 1000
			n.mark("cpu_milli", n.d.at[n.field("cores")])
		}
	case n.has("cpu"):
		n.megahertz(r)
	}
}

// megahertz takes Nomad's cpu: 1000 MHz are taken as one core, with a warning.
func (n *node) megahertz(r *model.TaskResources) {
	var mhz int
	if !n.whole("cpu", &mhz) {
		return
	}
	at := n.d.at[n.field("cpu")]
	n.mark("cpu_milli", at)
	r.CPUMilli = int64(mhz)
	d := Diagnostic{
		Severity:   SeverityWarning,
		Summary:    fmt.Sprintf("cpu = %d is taken as %s cores", mhz, model.FormatCPU(r.CPUMilli)),
		Detail:     "Nomad's cpu is in MHz; agents differ in MHz, so tender counts cores, 1000 MHz each",
		Suggestion: "write cpus = " + model.FormatCPU(r.CPUMilli),
	}
	if mhz > 0 && mhz <= 64 {
		d.Detail = "cpu is Nomad's amount in MHz, 1000 MHz to a core"
		d.Suggestion = fmt.Sprintf("if %d cores are meant, write cpus = %d", mhz, mhz)
	}
	n.d.ds.add(locate(d, at))
}

func (n *node) gpu() *model.GPURequest {
	g := &model.GPURequest{Count: 1}
	n.whole("count", &g.Count)
	n.size("memory_min", "memory_min_bytes", &g.MemoryMinBytes)
	n.text("model", &g.Model)
	n.text("mig", &g.MIG)
	var share int64
	if n.milli("share", "share_milli", &share) {
		g.ShareMilli = int(share)
		if share == 0 {
			n.d.bad[n.field("share_milli")] = true
			n.d.ds.at(n.d.at[n.field("share_milli")], "share must be more than 0 and at most 1", "it is a fraction of one device", "")
		}
		if share == 1000 {
			g.ShareMilli = 0 // the whole device
		}
	}
	return g
}

// device reads Nomad's device block, of which only GPUs are known:
// "gpu", "nvidia/gpu" or "nvidia/gpu/MODEL".
func (n *node) device() *model.GPURequest {
	d := n.one("device", deviceShape, n.field("gpu"))
	g := &model.GPURequest{Count: 1}
	d.whole("count", &g.Count)
	parts := strings.SplitN(d.label(), "/", 3)
	switch {
	case len(d.block.labels) == 0:
	case len(parts) == 1 && parts[0] == "gpu":
	case len(parts) > 1 && parts[0] == "nvidia" && parts[1] == "gpu":
		if len(parts) == 3 {
			g.Model = parts[2]
		}
	default:
		n.d.ds.at(d.block.labels[0].at, fmt.Sprintf("there are no %q devices", d.label()), "agents offer GPUs of NVIDIA", `write device "nvidia/gpu", or gpu { … }`)
	}
	for i, b := range d.blocks["constraint"] {
		d.deviceConstraint(b, i, g)
	}
	return g
}

// deviceConstraint takes the constraints that a gpu block can express.
func (n *node) deviceConstraint(b block, i int, g *model.GPURequest) {
	c := n.d.open(b, constraintShape, fmt.Sprintf("%s.constraint[%d]", n.path, i))
	var attribute, value string
	operator := "="
	c.liveText("attribute", &attribute)
	c.text("operator", &operator)
	c.liveText("value", &value)
	at := b.header
	switch {
	case attribute == "${device.attr.memory}" && operator == ">=":
		bytes, err := parseSize(value)
		if err != nil {
			n.d.ds.at(n.d.at[c.field("value")], fmt.Sprintf("value: %v", err), "", "")
		}
		g.MemoryMinBytes = bytes
	case attribute == "${device.model}" && canonicalOperator(operator) == "=":
		g.Model = value
	default:
		n.d.ds.at(at, "this constraint on a device is not supported",
			`supported are ${device.attr.memory} with ">=" and ${device.model} with "="`, "use gpu { memory_min = …, model = … }")
	}
}

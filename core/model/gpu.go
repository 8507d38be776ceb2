package model

// GPU is one device of an agent, or one MIG instance of one, which counts as a
// device of its own.
type GPU struct {
	UUID        string `json:"uuid"`
	Model       string `json:"model"`
	MemoryBytes int64  `json:"memory_bytes"`
	Milli       int64  `json:"milli"` // 1000, or the part of its parent that a MIG instance is
	PCI         string `json:"pci,omitempty"`
	Index       int    `json:"index"`               // nvidia-smi's, for people; not stable
	Minor       int    `json:"minor"`               // of /dev/nvidiaN, for the device filter; -1 = none
	NUMA        int    `json:"numa"`                // -1 = unknown
	Island      string `json:"island,omitempty"`    // devices of one island reach each other over NVLink
	MIG         string `json:"mig,omitempty"`       // profile of a MIG instance
	Parent      string `json:"parent,omitempty"`    // its device's UUID
	Unhealthy   string `json:"unhealthy,omitempty"` // why it must not be used; empty = healthy
}

// GPUMilli returns what the healthy ones of these devices have in all, in
// thousandths of a device.
func GPUMilli(all []GPU) int64 {
	n := int64(0)
	for i := range all {
		if all[i].Unhealthy == "" {
			n += all[i].Milli
		}
	}
	return n
}

// GPUShare is a device, or a part of one, given to one task.
type GPUShare struct {
	UUID  string `json:"uuid"`
	Milli int64  `json:"milli"`
}

// Grant is the named things that one task gets beside its amounts: devices in
// the order of its shape's GPUs, ports in that of its Ports.
type Grant struct {
	GPUs  []GPUShare `json:"gpus,omitempty"`
	Ports []uint16   `json:"ports,omitempty"`
}

// PortRange is First to Last, both included.
type PortRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

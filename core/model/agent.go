package model

// AgentInfo is what an agent says of itself when it registers.
type AgentInfo struct {
	ID       AgentID   `json:"id"`
	Name     string    `json:"name"` // unique among agents; the host's name by default
	Capacity Resources `json:"capacity"`
	// Attributes are flat and keyed as job files name them without ${}:
	// "attr.kernel.name", "attr.cpu.arch", "node.unique.name", "meta.rack".
	Attributes map[string]string `json:"attributes,omitempty"`
	Version    string            `json:"version,omitempty"` // of tender
	// GPUs are its devices, ordered by PCI address and MIG instance; Capacity's
	// GPUMilli is the sum of the healthy ones.
	GPUs []GPU `json:"gpus,omitempty"`
	// Ports are those handed out to tasks that ask for any port; static ones
	// may lie outside.
	Ports []PortRange `json:"ports,omitempty"`
}

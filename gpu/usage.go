package gpu

// Usage is what goes on on one device at a moment. What the driver does not tell
// is -1.
type Usage struct {
	UUID             string    `json:"uuid"`
	BusyPercent      int       `json:"busy_percent"` // of the time something ran on it, lately
	MemoryUsedBytes  int64     `json:"memory_used_bytes"`
	MemoryBytes      int64     `json:"memory_bytes"`
	TemperatureC     int       `json:"temperature_c"`
	PowerMilliwatts  int64     `json:"power_milliwatts"`
	Processes        []Process `json:"processes,omitempty"`
	ProcessesUnknown bool      `json:"processes_unknown,omitempty"`
}

// Process is one that uses a device, by the pid of the host's namespace.
type Process struct {
	PID             int   `json:"pid"`
	MemoryUsedBytes int64 `json:"memory_used_bytes"`
	BusyPercent     int   `json:"busy_percent"`
}

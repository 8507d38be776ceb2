package model

import "time"

// NodeState is an agent's state as the master sees it.
type NodeState string

// The node states.
const (
	NodeReady       NodeState = "ready"
	NodeUnreachable NodeState = "unreachable" // out of contact; its tasks may still run
)

// NodeView is an agent as shown to people.
type NodeView struct {
	AgentInfo
	State      NodeState `json:"state"`
	Allocated  Resources `json:"allocated"`
	Offered    Resources `json:"offered"`
	Tasks      int       `json:"tasks"`            // live
	Since      time.Time `json:"since"`            // of State
	Registered time.Time `json:"registered"`       // first
	GoneAt     time.Time `json:"gone_at,omitzero"` // when an unreachable agent's tasks are declared gone
	// Ineligible says that nothing new is placed there; Message why, in the
	// operator's words. Drain is set while it is being drained, and after that
	// until it is eligible again.
	Ineligible bool   `json:"ineligible,omitempty"`
	Message    string `json:"message,omitempty"`
	Drain      *Drain `json:"drain,omitempty"`
	Leaving    int    `json:"leaving,omitempty"` // tasks that the drain still waits for
	// GPUUse is beside GPUs: how much of each is given out, and to whom. Devices
	// that the agent tells of no longer, and tasks still have, come after those.
	GPUUse []GPUUse `json:"gpu_use,omitempty"`
}

// GPUUse is how much of one device is given out, in thousandths of it.
type GPUUse struct {
	UUID           string    `json:"uuid"`
	AllocatedMilli int64     `json:"allocated_milli"`
	OfferedMilli   int64     `json:"offered_milli,omitempty"`
	Tasks          []GPUTask `json:"tasks,omitempty"` // in the order of their ids
	// Sample is what went on on it lately; nil where its agent has not said.
	Sample *GPUSample `json:"sample,omitempty"`
}

// GPUSample is what went on on one device at a moment. What its driver does not
// tell is -1.
type GPUSample struct {
	BusyPercent     int       `json:"busy_percent"` // of the time something ran on it
	MemoryUsedBytes int64     `json:"memory_used_bytes"`
	TemperatureC    int       `json:"temperature_c"`
	PowerMilliwatts int64     `json:"power_milliwatts"`
	Processes       int       `json:"processes"`
	At              time.Time `json:"at"`
}

// GPUTask is a task that has a device, or a part of one.
type GPUTask struct {
	ID    TaskID `json:"id"`
	Label string `json:"label"` // for people: "train.workers[3]"
	Milli int64  `json:"milli"`
}

// ListNodes is a query; the answer is a NodeList ordered by name.
type ListNodes struct{}

// NodeList answers ListNodes.
type NodeList struct {
	Nodes []NodeView `json:"nodes"`
}

// ListOffers is a query; the answer is an OfferList.
type ListOffers struct{}

// OfferList is the offers outstanding, the demands waiting for one, what is held
// for some of them, and what is asked back for them.
type OfferList struct {
	Offers  []Offer        `json:"offers"`
	Demands []Demand       `json:"demands"`
	Holds   []HoldView     `json:"holds,omitempty"`
	Inverse []InverseOffer `json:"inverse,omitempty"`
}

// MasterStatus answers the status query: who leads, since when.
type MasterStatus struct {
	Cluster string    `json:"cluster"`
	Version string    `json:"version"`
	Address string    `json:"address"` // of the master that answers
	Leader  string    `json:"leader"`  // of the one that leads, empty while there is none
	Leading bool      `json:"leading"`
	Epoch   int64     `json:"epoch,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Index   uint64    `json:"index"` // of the journal, as applied here
	Nodes   int       `json:"nodes"`
	Started time.Time `json:"started,omitzero"` // when the process of the master that answers began
	// Ready: it has the journal, so that Index means something.
	Ready bool `json:"ready"`
	// Etcd is the member that is embedded in the master that answers, if one is.
	Etcd *EtcdMember `json:"etcd,omitempty"`
}

// GetStatus is the query that MasterStatus answers; every master answers it itself.
type GetStatus struct{}

// ReadLog asks for a task's output, from the agent that has it. Attempt nil =
// the latest attempt at the slot.
type ReadLog struct {
	Selector string
	Group    string // empty = the first
	Index    uint32
	// Rank of a gang; it gives the Index. Nil = the task's first.
	Rank    *uint32
	Attempt *uint16
	Task    string // task block; empty = the group's first main task
	Stderr  bool
	Offset  int64 // bytes; negative = from the end
	Follow  bool
}

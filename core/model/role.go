package model

// Roles form a tree, named by their path: "research/nlp" is below "research".
// Who submits a job says which role pays for it. Every path exists as soon as it
// is used, with weight 1 and no quota.

// RoleConfig is what an operator sets about a role.
type RoleConfig struct {
	Role string `json:"role"`
	// Weight scales the role's fair share among its siblings; 0 = 1.
	Weight float64 `json:"weight,omitempty"`
	// Guarantee is what the role and those below it get before others get their
	// fair share; it is lent out while they do not want it.
	Guarantee Resources `json:"guarantee,omitzero"`
	// Limit is what the role and those below it may use at most.
	Limit Limits `json:"limit,omitzero"`
}

// Limits bounds amounts, each in the unit of Resources; nil = no limit.
type Limits struct {
	CPUMilli    *int64 `json:"cpu_milli,omitempty"`
	MemoryBytes *int64 `json:"memory_bytes,omitempty"`
	DiskBytes   *int64 `json:"disk_bytes,omitempty"`
	GPUMilli    *int64 `json:"gpu_milli,omitempty"`
}

// Reservation keeps an amount of a named agent for a role and those below it.
type Reservation struct {
	Role   string    `json:"role"`
	Agent  string    `json:"agent"` // name; it need not be registered yet
	Amount Resources `json:"amount"`
}

// ShareView is a role as it stands, shown to people.
type ShareView struct {
	RoleConfig
	// Used is allocated and on offer, those below included.
	Used       Resources `json:"used"`
	Reserved   Resources `json:"reserved,omitzero"`
	Share      float64   `json:"share"`              // dominant share of its cluster, 0..1, unweighted
	Dominant   string    `json:"dominant,omitempty"` // the resource it is of: cpus, memory, disk, gpus
	Fair       float64   `json:"fair"`               // the share its weight gives it among those with work, 0..1
	Below      bool      `json:"below_guarantee,omitempty"`
	AtLimit    []string  `json:"at_limit,omitempty"` // resources of which no more may be used
	Running    int       `json:"running"`            // tasks, those below included
	Waiting    int       `json:"waiting"`            // tasks, those below included
	Demands    int       `json:"demands"`            // that wait, those below included
	Configured bool      `json:"configured"`         // set by an operator, rather than only used
}

// SetRole is a request: it replaces a role's configuration. The answer is the
// RoleConfig as kept.
type SetRole struct{ RoleConfig }

// RemoveRole is a request: the role goes back to weight 1 and no quota. The
// answer is the RoleConfig as it was.
type RemoveRole struct{ Role string }

// SetReservation is a request: it replaces what is reserved for the role on the
// agent; a zero amount takes it away. The answer is the Reservation.
type SetReservation struct{ Reservation }

// ListShares is a query; the answer is a ShareList. Role restricts it to that
// role and those below.
type ListShares struct{ Role string }

// ShareList answers ListShares, in the order of a walk over the tree.
type ShareList struct {
	Total        Resources     `json:"total"` // the cluster's capacity
	Roles        []ShareView   `json:"roles"`
	Reservations []Reservation `json:"reservations,omitempty"`
}

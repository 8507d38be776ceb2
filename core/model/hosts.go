package model

import "slices"

// WatchHosts asks which agents match a demand's group, and to be told whenever that
// changes, until a WatchHosts without a Group: for work that is to run once on each
// of them. It outlives no term.
type WatchHosts struct {
	ID    string // for Hosts
	Group *DemandGroup
}

// Hosts answers WatchHosts. It is not a journal event.
type Hosts struct {
	ID string
	// Fit are the agents, sorted, that the group could run on if nothing else did.
	Fit []AgentID
	// Away are those, sorted, of which that is not known at this moment, or which are
	// out of contact: they may well match.
	Away []AgentID
}

// Has reports whether an agent matches, or may.
func (h *Hosts) Has(id AgentID) bool {
	_, away := slices.BinarySearch(h.Away, id)
	return away || h.Matches(id)
}

// Matches reports whether an agent does.
func (h *Hosts) Matches(id AgentID) bool {
	_, fit := slices.BinarySearch(h.Fit, id)
	return fit
}

func (WatchHosts) call() {}
func (Hosts) input()     {}

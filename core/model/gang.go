package model

import (
	"fmt"
	"strings"
)

// The launchers: how the ranks of a gang find each other.
const (
	LaunchNone     = "none"     // by what the environment says
	LaunchPMI      = "pmi"      // over PMI-1, as MPICH speaks it
	LaunchTorchrun = "torchrun" // at MASTER_ADDR and MASTER_PORT, as torch.distributed does
	LaunchMPIRun   = "mpirun"   // the first allocation's mpirun starts the others
)

// LeaderPortLabel names the port that a gang's ranks meet at. No job file can
// declare it.
const LeaderPortLabel = "gang.leader"

// GangGrace is how long a rank has between its kill signal and SIGKILL when
// another rank has failed: its result is of no use to anybody, and a second
// after the failure all of the gang are to be gone, twice this included.
const GangGrace = Duration(400_000_000)

// Ranks returns how many ranks each allocation has; 1 for a group that is no gang.
func (g *Group) Ranks() int {
	if g.Gang == nil {
		return 1
	}
	return max(g.Gang.Ranks, 1)
}

// Processes returns how many processes of its main task each allocation starts.
func (g *Group) Processes() int {
	if g.Gang == nil || g.Gang.Launch == LaunchMPIRun {
		return 1
	}
	return g.Ranks()
}

// WorldSize returns how many ranks the group has over all allocations.
func (g *Group) WorldSize() int { return g.Size() * g.Ranks() }

// meets reports whether the ranks need a port to meet at.
func (g *Group) meets() bool { return g.Gang != nil && g.Gang.Launch == LaunchTorchrun }

// LeaderPort returns the port in a grant that the ranks meet at; 0 if the group
// asks for none. It is the last one of a shape.
func (g *Group) LeaderPort(grant *Grant) uint16 {
	if !g.meets() || grant == nil || len(grant.Ports) == 0 {
		return 0
	}
	return grant.Ports[len(grant.Ports)-1]
}

// FindGang returns the gang group of that name, with "" the first there is; nil
// if there is none. One whose ranks an mpirun starts does not count: it alone
// knows them, and their output is its.
func (j *Job) FindGang(group string) *Group {
	for i := range j.Groups {
		if g := &j.Groups[i]; g.Gang != nil && g.Gang.Launch != LaunchMPIRun && (group == "" || g.Name == group) {
			return g
		}
	}
	return nil
}

// RankNamed reads which rank a status message of a gang is about: executors begin
// it with "rank N on node NAME", or "ranks N to M on node NAME". It is a whole
// sentence then.
func RankNamed(message string) (rank int, ok bool) {
	if !strings.Contains(message, " on node ") {
		return 0, false
	}
	for _, format := range []string{"rank %d on node", "ranks %d to"} {
		if n, _ := fmt.Sscanf(message, format, &rank); n == 1 {
			return rank, true
		}
	}
	return 0, false
}

// MainTask returns the position of the group's first task without a lifecycle
// block, -1 if all have one.
func (g *Group) MainTask() int {
	for i := range g.Tasks {
		if g.Tasks[i].Lifecycle == nil {
			return i
		}
	}
	return -1
}

// GangPlan is what the members of a gang are told of each other.
type GangPlan struct {
	Size  int      // allocations
	Nodes []string // names, numbered in the order of their first allocation
	Runs  []GangRun
	// LeaderAddress is of the node of allocation 0, as other nodes reach it.
	LeaderAddress string
	LeaderPort    uint16 // granted to allocation 0; 0 = none
}

// GangRun is Count allocations that follow each other on one node.
type GangRun struct{ Node, Count int }

// Validate reports a plan that cannot be: one that came over a wire.
func (p *GangPlan) Validate() error {
	n := 0
	for _, r := range p.Runs {
		if r.Node < 0 || r.Node >= len(p.Nodes) || r.Count < 1 || r.Count > MaxCount {
			return fmt.Errorf("check gang: %d allocations on node %d of %d", r.Count, r.Node, len(p.Nodes))
		}
		n += r.Count
	}
	if n != p.Size || n == 0 {
		return fmt.Errorf("check gang: it has %d allocations, %d of them on nodes", p.Size, n)
	}
	return nil
}

// NodeOf returns the number of an allocation's node.
func (p *GangPlan) NodeOf(alloc int) int {
	for _, r := range p.Runs {
		if alloc < r.Count {
			return r.Node
		}
		alloc -= r.Count
	}
	return -1
}

// Name returns the name of an allocation's node.
func (p *GangPlan) Name(alloc int) string {
	if n := p.NodeOf(alloc); n >= 0 && n < len(p.Nodes) {
		return p.Nodes[n]
	}
	return ""
}

// FirstOn returns the first allocation on a node, -1 if there is none.
func (p *GangPlan) FirstOn(node int) int {
	n := 0
	for _, r := range p.Runs {
		if r.Node == node {
			return n
		}
		n += r.Count
	}
	return -1
}

// Before returns how many allocations before this one are on the same node.
func (p *GangPlan) Before(alloc int) int {
	node, n, at := p.NodeOf(alloc), 0, 0
	for _, r := range p.Runs {
		if at >= alloc {
			break
		}
		if r.Node == node {
			n += min(r.Count, alloc-at)
		}
		at += r.Count
	}
	return n
}

// PerNode returns how many allocations each node has.
func (p *GangPlan) PerNode() []int {
	out := make([]int, len(p.Nodes))
	for _, r := range p.Runs {
		out[r.Node] += r.Count
	}
	return out
}

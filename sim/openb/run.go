package openb

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Options say how to replay.
type Options struct {
	Seed   uint64
	Policy string // one of Policies; empty = "fgd"
	// Load is how much the tasks ask for in all, in parts of the GPU capacity;
	// 0 = 1.3, the paper's.
	Load float64
	// Plain takes the few lines of this package for the policies that the real
	// allocator has, too: what that is held against.
	Plain bool
}

// Policies are the names of the ways to place.
var Policies = []string{"fgd", "pack", "bestfit", "dotprod", "spread", "random"}

// Validate reports the first fault in o.
func (o *Options) Validate() error {
	if !slices.Contains(Policies, o.Policy) {
		return fmt.Errorf("policy %q: want one of %s", o.Policy, strings.Join(Policies, ", "))
	}
	if o.Load < 0 || o.Load > 100 {
		return fmt.Errorf("load %v: want 0 to 100", o.Load)
	}
	return nil
}

// Result is how a replay ended. GPUs are counted in whole devices.
type Result struct {
	Policy            string  `json:"policy"`
	Seed              uint64  `json:"seed"`
	Nodes             int     `json:"nodes"`
	GPUs              float64 `json:"gpus"`
	Arrived           int     `json:"tasks_arrived"`
	Placed            int     `json:"tasks_placed"`
	GPUsAsked         float64 `json:"gpus_asked"`
	GPUsAllocated     float64 `json:"gpus_allocated"`
	GPUAllocatedRatio float64 `json:"gpu_allocated_ratio"`
	CPUAllocatedRatio float64 `json:"cpu_allocated_ratio"`
}

// Run replays w.
func Run(w *Workload, o Options) (Result, error) {
	if o.Policy == "" {
		o.Policy = Policies[0]
	}
	if err := o.Validate(); err != nil {
		return Result{}, err
	}
	if o.Load == 0 {
		o.Load = 1.3
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	var c machine = newCluster(w, o.Policy, rng)
	if p, ok := placements[o.Policy]; ok && !o.Plain {
		c = newAllocator(w, p)
	}
	capacity, _ := c.totals()
	if capacity.GPUMilli == 0 {
		return Result{}, fmt.Errorf("replay: no node has a GPU")
	}
	r := Result{Policy: o.Policy, Seed: o.Seed, Nodes: len(w.Nodes), GPUs: devices(capacity)}
	var asked model.Resources
	for _, t := range arrivals(w.Tasks, rng, int64(o.Load*float64(capacity.GPUMilli))) {
		r.Arrived++
		asked = asked.Add(w.Tasks[t].Resources)
		if c.place(t) {
			r.Placed++
		}
	}
	_, allocated := c.totals()
	r.GPUsAsked, r.GPUsAllocated = devices(asked), devices(allocated)
	r.GPUAllocatedRatio = float64(allocated.GPUMilli) / float64(capacity.GPUMilli)
	r.CPUAllocatedRatio = float64(allocated.CPUMilli) / float64(capacity.CPUMilli)
	return r, nil
}

// machine is what tasks are placed on.
type machine interface {
	place(task int) bool
	totals() (capacity, allocated model.Resources)
}

func devices(r model.Resources) float64 { return float64(r.GPUMilli) / 1000 }

// arrivals are all tasks in random order, and then random ones until what is
// asked for in all reaches gpuMilli.
func arrivals(tasks []model.Shape, rng *rand.Rand, gpuMilli int64) []int {
	order := rng.Perm(len(tasks))
	asked := int64(0)
	for i := range tasks {
		asked += tasks[i].GPUMilli
	}
	for asked > 0 && asked < gpuMilli {
		t := rng.IntN(len(tasks))
		order = append(order, t)
		asked += tasks[t].GPUMilli
	}
	return order
}

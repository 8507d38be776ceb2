package openb

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const nodesText = `sn,cpu_milli,memory_mib,gpu,model
n0,64000,262144,4,T4
n1,8000,262144,8,G2
n2,32000,131072,0,
`

const tasksText = `name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos
a,4000,1024,1,1000,,LS
b,2000,1024,1,460,T4|P100,LS
c,8000,1024,2,1000,G2,BE
d,12000,2048,0,0,,LS
`

func TestLoad(t *testing.T) {
	w, err := Load(strings.NewReader(nodesText), strings.NewReader(tasksText))
	if err != nil {
		t.Fatal(err)
	}
	if n := w.Nodes[1]; len(w.Nodes) != 3 || len(n.GPUs) != 8 || n.Capacity.GPUMilli != 8000 || n.Capacity.MemoryBytes != 256<<30 || n.GPUs[7].Model != "G2" {
		t.Errorf("node %+v", n)
	}
	if b := w.Tasks[1]; len(w.Tasks) != 4 || b.GPUs[0].ShareMilli != 460 || b.GPUs[0].Model != "T4|P100" || b.GPUMilli != 460 || b.CPUMilli != 2000 {
		t.Errorf("task %+v", b)
	}
	if c := w.Tasks[2]; c.GPUs[0].Count != 2 || c.GPUMilli != 2000 || len(w.Tasks[3].GPUs) != 0 {
		t.Errorf("task %+v", c)
	}
	for _, bad := range [][2]string{
		{"", tasksText}, {nodesText, "name,cpu_milli\n"}, {strings.Replace(nodesText, "64000", "x", 1), tasksText},
		{nodesText, strings.Replace(tasksText, "4000", "-4", 1)}, {nodesText, strings.Replace(tasksText, ",LS", ",LS,more", 1)},
		{"sn,cpu_milli,memory_mib,gpu,model\n", tasksText}, {strings.Replace(nodesText, ",4,", ",999999999,", 1), tasksText},
	} {
		if _, err := Load(strings.NewReader(bad[0]), strings.NewReader(bad[1])); err == nil {
			t.Errorf("no fault is found in %q, %q", bad[0], bad[1])
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	w, _ := Load(strings.NewReader(nodesText), strings.NewReader(tasksText))
	for _, o := range []Options{{Policy: "first"}, {Load: -1}, {Load: 1e9}} {
		if _, err := Run(w, o); err == nil {
			t.Errorf("%+v is fine", o)
		}
	}
}

// TestRunsAddUp: whatever the policy, no more is allocated than there is, all
// that is placed counts, and the same options give the same result.
func TestRunsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var nodes, tasks strings.Builder
		nodes.WriteString("sn,cpu_milli,memory_mib,gpu,model\n")
		for i := range rapid.IntRange(1, 4).Draw(t, "nodes") {
			fmt.Fprintf(&nodes, "n%d,%d,65536,%d,%s\n", i, rapid.IntRange(1, 64).Draw(t, "cpus")*1000,
				rapid.IntRange(1, 8).Draw(t, "gpus"), rapid.SampledFrom([]string{"T4", "G2"}).Draw(t, "model"))
		}
		tasks.WriteString("cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n")
		for range rapid.IntRange(1, 12).Draw(t, "tasks") {
			fmt.Fprintf(&tasks, "%d,1024,%s,%s\n", rapid.IntRange(0, 16).Draw(t, "cpu")*1000,
				rapid.SampledFrom([]string{"0,0", "1,1000", "1,300", "1,810", "2,1000"}).Draw(t, "gpu"), rapid.SampledFrom([]string{"", "", "T4", "T4|G2"}).Draw(t, "spec"))
		}
		w, err := Load(strings.NewReader(nodes.String()), strings.NewReader(tasks.String()))
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Seed: rapid.Uint64().Draw(t, "seed"), Policy: rapid.SampledFrom(Policies).Draw(t, "policy")}
		r, err := Run(w, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.GPUAllocatedRatio < 0 || r.GPUAllocatedRatio > 1 || r.CPUAllocatedRatio > 1 || r.Placed > r.Arrived || r.Arrived < len(w.Tasks) {
			t.Fatalf("%+v", r)
		}
		if again, _ := Run(w, o); again != r {
			t.Fatalf("%+v the first time, %+v the second", r, again)
		}
		c := newCluster(w, o.Policy, rand.New(rand.NewPCG(o.Seed, 0)))
		for i := range w.Tasks {
			c.place(i)
		}
		sum := c.capacity
		for i := range c.nodes {
			h := &c.nodes[i]
			if h.free.CPUMilli < 0 || h.free.MemoryBytes < 0 || h.free.GPUMilli < 0 || !h.gpus.Within() || h.gpus.FreeMilli() != h.free.GPUMilli {
				t.Fatalf("node %d has %v free, of devices %d", i, h.free, h.gpus.FreeMilli())
			}
			sum = sum.Sub(h.free)
		}
		if sum != c.allocated {
			t.Fatalf("nodes miss %v, %v is allocated", sum, c.allocated)
		}
	})
}

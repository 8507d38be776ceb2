package gpu

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

const gib = 1 << 30

// node makes devices named g0, g1, …: each of kind(i).
func node(n int, kind func(i int) model.GPU) *Devices {
	var all []model.GPU
	for i := range n {
		g := kind(i)
		g.UUID = fmt.Sprintf("g%d", i)
		all = append(all, g)
	}
	return NewDevices(all)
}

func h100(i int) model.GPU {
	return model.GPU{Model: "NVIDIA H100 80GB HBM3", MemoryBytes: 80 * gib, Milli: 1000, NUMA: i / 4, Island: "nvlink"}
}

func used(d *Devices, milli ...int64) *State {
	s := NewState(d)
	for i, n := range milli {
		s.Take([]model.GPUShare{{UUID: d.At(i).UUID, Milli: n}})
	}
	return &s
}

func uuids(shares []model.GPUShare) []string {
	var out []string
	for _, s := range shares {
		out = append(out, s.UUID)
	}
	return out
}

func TestPickPrefers(t *testing.T) {
	eight := node(8, h100)
	pairs := node(8, func(i int) model.GPU { // four islands of two
		g := h100(i)
		g.Island = fmt.Sprint(i / 2)
		return g
	})
	mixed := node(4, func(i int) model.GPU {
		g := h100(i)
		if i >= 2 {
			g.Model, g.MemoryBytes, g.Island = "Tesla T4", 16*gib, ""
		}
		return g
	})
	slices := node(3, func(i int) model.GPU {
		g := h100(i)
		g.MIG, g.Milli, g.Parent = []string{"1g.10gb", "3g.40gb", "3g.40gb"}[i], []int64{142, 428, 428}[i], "parent"
		return g
	})
	for _, c := range []struct {
		about string
		s     *State
		reqs  []model.GPURequest
		want  []string
	}{
		{"a share goes to the fullest device that has it", used(eight, 0, 300, 700, 500), []model.GPURequest{{ShareMilli: 400}}, []string{"g3"}},
		{"a share breaks the device of a broken NUMA node", used(eight, 0, 1000), []model.GPURequest{{ShareMilli: 400}}, []string{"g0"}},
		{"a whole device leaves the wider NUMA node whole", used(eight, 0, 0, 0, 0, 1000), []model.GPURequest{{Count: 1}}, []string{"g5"}},
		{"devices of one island", used(pairs, 1000), []model.GPURequest{{Count: 2}}, []string{"g2", "g3"}},
		{"one device from a broken island", used(pairs, 0, 0, 0, 1000), []model.GPURequest{{Count: 1}}, []string{"g2"}},
		{"few islands for many devices", used(pairs, 1000, 0, 0, 1000), []model.GPURequest{{Count: 4}}, []string{"g4", "g5", "g6", "g7"}},
		{"an odd device beside whole islands", used(pairs, 1000, 0, 0, 0), []model.GPURequest{{Count: 3}}, []string{"g2", "g3", "g1"}},
		{"one kind, the lesser", used(mixed), []model.GPURequest{{Count: 2}}, []string{"g2", "g3"}},
		{"one kind, the one that has them", used(mixed, 0, 0, 1000), []model.GPURequest{{Count: 2}}, []string{"g0", "g1"}},
		{"a model by part of its name", used(mixed), []model.GPURequest{{Count: 1, Model: "h100"}}, []string{"g0"}},
		{"memory", used(mixed), []model.GPURequest{{Count: 1, MemoryMinBytes: 40 * gib}}, []string{"g0"}},
		{"what only one can have is kept for it", used(mixed, 0, 1000), []model.GPURequest{{Count: 3}, {Count: 1, Model: "H100"}}, nil},
		{"requests beside each other", used(mixed, 0, 1000), []model.GPURequest{{Count: 2}, {Count: 1, Model: "H100"}}, []string{"g2", "g3", "g0"}},
		{"a MIG instance", used(slices, 0, 428), []model.GPURequest{{MIG: "3G.40GB"}}, []string{"g2"}},
		{"two instances", used(slices), []model.GPURequest{{MIG: "3g.40gb", Count: 2}}, []string{"g1", "g2"}},
		{"no instance for a device", used(slices), []model.GPURequest{{Count: 1}}, nil},
		{"shares of one task are of different devices", used(eight, 600), []model.GPURequest{{ShareMilli: 200, Count: 2}}, []string{"g0", "g1"}},
	} {
		got, ok := pick(c.s, c.reqs)
		if ok != (c.want != nil) || !reflect.DeepEqual(uuids(got), c.want) {
			t.Errorf("%s: picked %v, want %v", c.about, uuids(got), c.want)
		}
	}
}

func TestWhySays(t *testing.T) {
	sick := node(2, func(i int) model.GPU {
		g := h100(i)
		g.Unhealthy = []string{"XID 79", ""}[i]
		return g
	})
	four := node(4, h100)
	mig := node(1, func(i int) model.GPU { g := h100(i); g.MIG, g.Milli = "1g.10gb", 142; return g })
	for _, c := range []struct {
		s     *State
		req   model.GPURequest
		cause Cause
		text  string
	}{
		{&State{}, model.GPURequest{Count: 1}, NoDevice, "it has no GPU"},
		{used(four), model.GPURequest{Count: 1, Model: "A100"}, NoModel, `it has no GPU of model "A100"`},
		{used(four), model.GPURequest{Count: 1, MIG: "1g.10gb"}, NoProfile, `it has no MIG instance "1g.10gb"`},
		{used(mig), model.GPURequest{Count: 1}, NoProfile, "its GPUs are divided into MIG instances, and none is asked for"},
		{used(four), model.GPURequest{Count: 1, MemoryMinBytes: 90 * gib}, NoMemory, "no such GPU has 90GiB of memory"},
		{used(four), model.GPURequest{Count: 5}, TooFew, "it has 4 such GPUs, and a task asks for 5"},
		{used(sick), model.GPURequest{Count: 2}, Unhealthy, "1 of its 2 such GPUs are unhealthy"},
		{used(four, 500, 500, 500, 500), model.GPURequest{Count: 1}, Fractions, "2 of such GPUs are free, but in pieces smaller than 1"},
		{used(four, 500, 500, 500, 1000), model.GPURequest{ShareMilli: 700}, Fractions, "1.5 of such GPUs are free, but in pieces smaller than 0.7"},
		{used(four, 0, 500, 500, 500), model.GPURequest{Count: 2}, Fractions, "1 of its 4 such GPUs are wholly free, the others in part"},
		{used(four, 1000, 1000, 1000), model.GPURequest{Count: 2}, Taken, "1 of its 4 such GPUs are free"},
		{used(four), model.GPURequest{Count: 4}, Nothing, ""},
	} {
		w := NewWant([]model.GPURequest{c.req})
		v := w.Why(c.s)
		if v.Cause != c.cause || v.Text(&c.req) != c.text {
			t.Errorf("%+v: cause %d %q, want %d %q", c.req, v.Cause, v.Text(&c.req), c.cause, c.text)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for name, reqs := range map[string][]model.GPURequest{
		"whole": {{Count: 2}}, "share": {{ShareMilli: 300}}, "two": {{Count: 2}, {ShareMilli: 300}},
	} {
		s := used(node(8, h100), 1000, 500, 200)
		w := NewWant(reqs)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Pick(s)
			}
		})
		b.Run(name+"/fits", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Fits(s, 100)
			}
		})
	}
}

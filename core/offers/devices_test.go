package offers

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

func eightGPUs(n int) []model.GPU {
	var out []model.GPU
	for i := range n {
		out = append(out, model.GPU{UUID: fmt.Sprintf("g%d", i), Model: "H100", MemoryBytes: 80 << 30, Milli: 1000, Island: "a", NUMA: i / 4})
	}
	return out
}

func thingsOf(gpus int, ranges ...model.PortRange) *things {
	t := newThings(&model.AgentInfo{GPUs: eightGPUs(gpus), Ports: ranges})
	return &t
}

func TestGrantsNameDevicesAndPorts(t *testing.T) {
	th := thingsOf(2, model.PortRange{First: 100, Last: 104})
	s := &model.Shape{
		GPUs:  []model.GPURequest{{Count: 1, ShareMilli: 500}},
		Ports: []model.PortRequest{{Label: "a"}, {Label: "b"}},
	}
	n := newNamed(s)
	if got := n.fits(th, 10); got != 2 {
		t.Errorf("%d tasks fit, want 2: there are 5 ports", got)
	}
	got := n.grant(th, 10, nil)
	want := []model.Grant{
		{GPUs: []model.GPUShare{{UUID: "g0", Milli: 500}}, Ports: []uint16{100, 101}},
		{GPUs: []model.GPUShare{{UUID: "g0", Milli: 500}}, Ports: []uint16{102, 103}},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("granted %v, want %v", got, want)
	}
	if m := n.why(th); m.reason() != model.WaitPorts || m.static() || m.text(s) != "1 of its 5 ports are free, and a task asks for 2" {
		t.Errorf("why says %s %q", m.reason(), m.text(s))
	}
	th.release(&got[0])
	if g, ok := n.pick(th, nil); !ok || !slices.Equal(g.Ports, []uint16{104, 100}) {
		t.Errorf("%v is picked, %v: want the port that nobody had yet, then the lowest of those released", g, ok)
	}
}

func TestWhySaysWhichThing(t *testing.T) {
	for _, c := range []struct {
		t      *things
		s      model.Shape
		reason model.Reason
		static bool
		text   string
	}{
		{thingsOf(0), model.Shape{Ports: []model.PortRequest{{Label: "http"}}}, model.WaitPorts, true, "it hands out no ports"},
		{thingsOf(0, model.PortRange{First: 5, Last: 5}), model.Shape{Ports: []model.PortRequest{{Static: 5}, {}}}, model.WaitPorts, true,
			"it hands out no ports"},
		{thingsOf(0), model.Shape{GPUs: []model.GPURequest{{Count: 1}}}, model.WaitNoGPU, true, "it has no GPU"},
		{thingsOf(2), model.Shape{GPUs: []model.GPURequest{{Count: 2}}}, "", false, ""},
		{thingsOf(2), model.Shape{GPUs: []model.GPURequest{{Count: 3}}}, model.WaitNoGPU, true, "it has 2 such GPUs, and a task asks for 3"},
	} {
		n := newNamed(&c.s)
		m := n.why(c.t)
		if m.reason() != c.reason || m.static() != c.static || m.text(&c.s) != c.text {
			t.Errorf("%+v: %s %v %q, want %s %v %q", c.s, m.reason(), m.static(), m.text(&c.s), c.reason, c.static, c.text)
		}
	}
	th := thingsOf(1)
	th.take(&model.Grant{Ports: []uint16{80}, GPUs: []model.GPUShare{{UUID: "g0", Milli: 1000}}})
	s := model.Shape{Ports: []model.PortRequest{{Static: 80}}}
	n := newNamed(&s)
	if m := n.why(th); m.text(&s) != "port 80 is taken" || m.clears(&s) == "" {
		t.Errorf("why says %q", m.text(&s))
	}
	if th.holds(&model.Grant{Ports: []uint16{80}}) || th.holds(&model.Grant{GPUs: []model.GPUShare{{UUID: "g0", Milli: 1}}}) ||
		!th.holds(&model.Grant{Ports: []uint16{81}}) || th.holds(&model.Grant{Ports: []uint16{81, 81}}) {
		t.Error("holds is wrong about what is free")
	}
}

func drawNamedShape(t *rapid.T) *model.Shape {
	s := &model.Shape{}
	if rapid.Bool().Draw(t, "gpu") {
		r := model.GPURequest{Count: rapid.IntRange(1, 2).Draw(t, "count")}
		if rapid.Bool().Draw(t, "shared") {
			r.ShareMilli = rapid.SampledFrom([]int{300, 500}).Draw(t, "share")
		}
		s.GPUs = []model.GPURequest{r}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "ports") {
		p := model.PortRequest{Label: fmt.Sprint(i)}
		if rapid.IntRange(0, 3).Draw(t, "static") == 0 {
			p.Static = uint16(rapid.IntRange(8, 14).Draw(t, "port"))
		}
		s.Ports = append(s.Ports, p)
	}
	return s
}

// TestNothingIsGrantedTwice compares with a plain count of who has what.
func TestNothingIsGrantedTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ranges []model.PortRange
		offered := map[uint16]bool{}
		for range rapid.IntRange(0, 2).Draw(t, "ranges") {
			first := uint16(rapid.IntRange(0, 12).Draw(t, "first"))
			r := model.PortRange{First: first, Last: first + uint16(rapid.IntRange(0, 4).Draw(t, "length"))}
			ranges = append(ranges, r)
			for p := max(r.First, 1); p <= r.Last; p++ {
				offered[p] = true
			}
		}
		th := thingsOf(rapid.IntRange(0, 3).Draw(t, "gpus"), ranges...)
		var live []model.Grant
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if len(live) > 0 && rapid.IntRange(0, 2).Draw(t, "release") == 0 {
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				th.release(&live[i])
				live = slices.Delete(live, i, i+1)
				continue
			}
			n := newNamed(drawNamedShape(t))
			count := rapid.IntRange(1, 4).Draw(t, "count")
			if n.fault() != "" {
				continue
			}
			fits := n.fits(th, count)
			m := n.why(th)
			if (fits > 0) != m.none() {
				t.Fatalf("%d fit, and why says %+v", fits, m)
			}
			if e := n.whyEmpty(th); m.none() && !e.none() || m.static() && e.none() {
				t.Fatalf("why says %+v, whyEmpty %+v", m, e)
			}
			var before things
			before.copyFrom(th)
			if n.none() {
				continue
			}
			got := n.grant(th, count, nil)
			if len(got) != fits {
				t.Fatalf("%d fit, %d are granted", fits, len(got))
			}
			for i := range got {
				if len(got[i].Ports) != len(n.shape.Ports) || !before.holds(&got[i]) {
					t.Fatalf("grant %v is not there to be given", got[i])
				}
				before.take(&got[i])
			}
			live = append(live, got...)
		}
		checkThings(t, th, live, offered)
	})
}

func checkThings(t *rapid.T, th *things, live []model.Grant, offered map[uint16]bool) {
	ports, gpus := map[uint16]int{}, map[string]int64{}
	for _, g := range live {
		for _, p := range g.Ports {
			ports[p]++
		}
		for _, s := range g.GPUs {
			gpus[s.UUID] += s.Milli
		}
	}
	for p, n := range ports {
		if n > 1 {
			t.Fatalf("port %d is granted %d times", p, n)
		}
		delete(offered, p)
	}
	for uuid, milli := range gpus {
		if milli > 1000 {
			t.Fatalf("%d thousandths of %s are granted", milli, uuid)
		}
	}
	free := 0
	for _, r := range th.ports.freeRanges() {
		for p := int(r.First); p <= int(r.Last); p++ {
			if !offered[uint16(p)] {
				t.Fatalf("port %d is told free", p)
			}
			free++
		}
	}
	if free != len(offered) || th.ports.free != free || !th.within() {
		t.Fatalf("%d ports are free, freeRanges has %d and free says %d", len(offered), free, th.ports.free)
	}
}

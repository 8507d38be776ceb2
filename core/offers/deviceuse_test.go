package offers

import (
	"slices"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestDeviceUse: what runs and what is on offer count apart, and a device that
// an agent has lost is still its tasks'.
func TestDeviceUse(t *testing.T) {
	b := NewBook()
	if got := b.DeviceUse("a1"); got != nil {
		t.Errorf("an agent that is not there uses %v", got)
	}
	info := model.AgentInfo{ID: "a1", Capacity: model.Resources{CPUMilli: 8000, GPUMilli: 3000}, GPUs: eightGPUs(3)}
	b.SetAgent(info)
	shape := model.Shape{Resources: model.Resources{CPUMilli: 1000, GPUMilli: 500}, GPUs: []model.GPURequest{{Count: 1, ShareMilli: 500}}}
	half := func(uuid string) model.Grant {
		return model.Grant{GPUs: []model.GPUShare{{UUID: uuid, Milli: 500}}}
	}
	b.Use(&model.Launch{Agent: "a1", Job: "j1", Shape: shape,
		Tasks: []model.Attempt{{Index: 0}, {Index: 1}, {Index: 2}}, Grants: []model.Grant{half("g1"), half("g1"), half("g0")}}, Claim{}, epoch)
	whole := model.Shape{Resources: model.Resources{CPUMilli: 1000, GPUMilli: 1000}, GPUs: []model.GPURequest{{Count: 1}}}
	b.SetDemand(model.Demand{Framework: "batch", ID: "d1", Role: "default", Groups: []model.DemandGroup{{Count: 1, Shape: whole}}})
	b.Plan(epoch)
	want := []DeviceUse{{"g0", 500, 0}, {"g1", 1000, 0}, {"g2", 0, 1000}}
	if got := b.DeviceUse("a1"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	info.GPUs, info.Capacity.GPUMilli = info.GPUs[2:], 1000
	b.SetAgent(info)
	want = []DeviceUse{{"g2", 0, 0}, {"g0", 500, 0}, {"g1", 1000, 0}}
	if got := b.DeviceUse("a1"); len(got) != 3 || got[0].UUID != "g2" || !slices.Equal(got[1:], want[1:]) {
		t.Errorf("with two devices lost: %v, want %v", got, want)
	}
}

// TestOffersOfBrokenDevicesAreWithdrawn: though the agent has enough others, and
// so the sum still fits.
func TestOffersOfBrokenDevicesAreWithdrawn(t *testing.T) {
	for name, change := range map[string]func(gpus []model.GPU) []model.GPU{
		"unhealthy": func(gpus []model.GPU) []model.GPU { gpus[0].Unhealthy = "XID 79"; return gpus },
		"gone":      func(gpus []model.GPU) []model.GPU { return gpus[1:] },
	} {
		b := NewBook()
		info := model.AgentInfo{ID: "a1", Capacity: model.Resources{CPUMilli: 8000, GPUMilli: 3000}, GPUs: eightGPUs(3)}
		b.SetAgent(info)
		whole := model.Shape{Resources: model.Resources{CPUMilli: 1000, GPUMilli: 1000}, GPUs: []model.GPURequest{{Count: 1}}}
		b.SetDemand(model.Demand{Framework: "batch", ID: "d1", Role: "default", Groups: []model.DemandGroup{{Count: 1, Shape: whole}}})
		if o := b.Plan(epoch); len(o) != 1 || o[0].Parts[0].Grants[0].GPUs[0].UUID != "g0" {
			t.Fatalf("%s: offered %+v", name, o)
		}
		info.GPUs, info.Capacity.GPUMilli = change(eightGPUs(3)), 2000
		b.SetAgent(info)
		if w := b.Withdrawn(); len(w) != 1 {
			t.Errorf("%s: withdrawn %+v", name, w)
		}
		if o := b.Plan(epoch); len(o) != 1 || o[0].Parts[0].Grants[0].GPUs[0].UUID == "g0" {
			t.Errorf("%s: then offered %+v", name, o)
		}
		if err := b.Audit(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

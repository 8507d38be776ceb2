package taskenv

import (
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestNoGPUByAccident: where an agent has GPUs, a task that was given none sees
// none, unless its job file or the agent's operator says otherwise.
func TestNoGPUByAccident(t *testing.T) {
	const cuda, nvidia, unset = "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "unset"
	for _, c := range []struct {
		about, count string
		env, agent   map[string]string
		grant        *model.Grant
		cuda, nvidia string
	}{
		{about: "no GPUs here", cuda: unset, nvidia: unset},
		{about: "none found", count: "0", cuda: unset, nvidia: unset},
		{about: "GPUs of others", count: "8", cuda: "", nvidia: "void"},
		{about: "a port is no GPU", count: "8", grant: &model.Grant{Ports: []uint16{20000}}, cuda: "", nvidia: "void"},
		{about: "the job file knows better", count: "8", env: map[string]string{cuda: "0"}, cuda: "0", nvidia: "void"},
		{about: "the operator knows better", count: "8", agent: map[string]string{nvidia: "all"}, cuda: "", nvidia: "all"},
	} {
		f := testFacts()
		f.Task.Env, f.Agent, f.Grant = c.env, c.agent, c.grant
		if c.count != "" {
			f.Attributes["attr.gpu.count"] = c.count
		}
		e, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{cuda: c.cuda, nvidia: c.nvidia} {
			got, ok := e.Get(name)
			if !ok {
				got = unset
			}
			if got != want {
				t.Errorf("%s: %s is %q, want %q", c.about, name, got, want)
			}
		}
	}
}

// TestGranted: tasks of a group share its ports; each sees its own devices, in
// the order in which the group's tasks ask for them.
func TestGranted(t *testing.T) {
	g := &model.Group{
		Name:    "g",
		Network: &model.Network{Ports: []model.Port{{Label: "admin-x", To: 90}, {Label: "http", Static: 8080, To: 80}}},
		Tasks: []model.TaskSpec{
			{Name: "train", Resources: model.TaskResources{GPU: &model.GPURequest{Count: 2}}},
			{Name: "log"},
			{Name: "eval", Resources: model.TaskResources{GPU: &model.GPURequest{Count: 1, ShareMilli: 250}}},
		},
	}
	grant := &model.Grant{
		Ports: []uint16{20001, 8080},
		GPUs:  []model.GPUShare{{UUID: "GPU-1", Milli: 1000}, {UUID: "GPU-2", Milli: 1000}, {UUID: "GPU-3", Milli: 250}},
	}
	for task, want := range map[int]map[string]string{
		0: {
			"TENDER_PORT_http": "8080", "NOMAD_PORT_http": "8080", "NOMAD_HOST_PORT_http": "8080", "TENDER_PORT_admin_x": "20001",
			"CUDA_VISIBLE_DEVICES": "GPU-1,GPU-2", "NVIDIA_VISIBLE_DEVICES": "GPU-1,GPU-2", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "TENDER_GPU_SHARE": "",
		},
		1: {"TENDER_PORT_http": "8080", "CUDA_VISIBLE_DEVICES": "", "CUDA_DEVICE_ORDER": ""},
		2: {"CUDA_VISIBLE_DEVICES": "GPU-3", "TENDER_GPU_SHARE": "0.25"},
	} {
		f := testFacts()
		f.Group, f.Task, f.Grant = g, &g.Tasks[task], grant
		e, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range want {
			if got, _ := e.Get(name); got != v {
				t.Errorf("task %s: %s is %q, want %q", f.Task.Name, name, got, v)
			}
		}
	}
	// A grant that is shorter than what was asked for is no reason to panic.
	if d := Devices(g, &g.Tasks[2], &model.Grant{GPUs: grant.GPUs[:1]}); len(d) != 0 {
		t.Errorf("devices %v", d)
	}
}

package executor

import (
	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// bound sets what the task may use of the machine. The slot's last task may have
// had other bounds.
func (t *run) bound(g *isolation.Group) error {
	if err := g.SetLimits(t.plan.limits); err != nil {
		return err
	}
	if t.runner.devices == nil || t.plan.task.Driver != model.DriverExec {
		return nil
	}
	devices, err := t.devices()
	if err != nil {
		return err
	}
	return g.SetDevices(devices)
}

// devices is what the task may open: what all may, and what it needs for the
// devices it was given.
func (t *run) devices() (*isolation.Devices, error) {
	var nodes []string
	for _, d := range taskenv.Devices(t.plan.group, t.plan.task, t.given.grant) {
		nodes = append(nodes, t.given.nodes[d.UUID]...)
	}
	if len(nodes) == 0 {
		return t.runner.devices, nil
	}
	return t.runner.devices.With(nodes...)
}

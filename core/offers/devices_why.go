package offers

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// missing is which named thing is in the way of a task on an agent: a device, or
// a port. The zero missing is none.
type missing struct {
	gpu  gpu.Verdict
	port uint16 // a static one that is taken
	// wants is how many ports of any number are asked for where too few are
	// free, or where the agent hands out fewer in all.
	wants, free, all int
}

// why returns what is in the way of one task on t.
func (n *named) why(t *things) missing {
	if v := n.gpus.Why(&t.gpus); v.Cause != gpu.Nothing {
		return missing{gpu: v}
	}
	free, all := t.ports.free, handedOut(t.ports.ranges)
	for _, s := range n.statics {
		if t.ports.isTaken(s) {
			return missing{port: s}
		}
		if t.ports.handsOut(s) {
			free, all = free-1, all-1
		}
	}
	if free < n.dynamic {
		return missing{wants: n.dynamic, free: free, all: all}
	}
	return missing{}
}

// whyEmpty returns what would be in the way even if nothing ran on the agent.
// Of t only what the agent has counts, not what is taken.
func (n *named) whyEmpty(t *things) missing {
	if v := n.gpus.WhyEmpty(t.gpus.Devices()); v.Cause != gpu.Nothing {
		return missing{gpu: v}
	}
	if n.dynamic == 0 {
		return missing{}
	}
	bare := things{ports: newPorts(t.ports.ranges)}
	only := named{shape: n.shape, statics: n.statics, dynamic: n.dynamic}
	return only.why(&bare)
}

func handedOut(ranges []model.PortRange) int {
	all := 0
	for _, r := range ranges {
		all += int(r.Last) - int(r.First) + 1
	}
	return all
}

// none reports whether nothing is missing.
func (m *missing) none() bool { return m.gpu.Cause == gpu.Nothing && m.port == 0 && m.wants == 0 }

// static reports whether m does not change with what runs where.
func (m *missing) static() bool { return m.gpu.Cause.Static() || m.wants > 0 && m.all < m.wants }

// reason returns the code of m.
func (m *missing) reason() model.Reason {
	switch {
	case m.port > 0 || m.wants > 0:
		return model.WaitPorts
	case m.gpu.Cause == gpu.Nothing:
		return ""
	case m.gpu.Cause.Static():
		return model.WaitNoGPU
	}
	return model.WaitBusy
}

// text says m in words, of one agent. s is the shape that was asked about.
func (m *missing) text(s *model.Shape) string {
	switch {
	case m.gpu.Cause != gpu.Nothing:
		return m.gpu.Text(&s.GPUs[m.gpu.Request])
	case m.port > 0:
		return fmt.Sprintf("port %d is taken", m.port)
	case m.wants > 0 && m.all == 0:
		return "it hands out no ports"
	case m.wants > 0:
		return fmt.Sprintf("%d of its %d ports are free, and a task asks for %d", max(m.free, 0), m.all, m.wants)
	}
	return ""
}

// clears says what would clear m.
func (m *missing) clears(s *model.Shape) string {
	switch m.gpu.Cause {
	case gpu.Nothing:
		if m.static() {
			return "ask for fewer ports, or give the agents a wider port range"
		}
		return "when a task that has the port ends"
	case gpu.NoDevice:
		return "drop the gpu block, or add agents with GPUs"
	case gpu.NoModel, gpu.NoMemory, gpu.NoProfile:
		return "ask for another GPU, or add agents that have it"
	case gpu.TooFew:
		return fmt.Sprintf("ask for at most count=%d, or add larger agents", m.gpu.Have)
	case gpu.Unhealthy:
		return "when the devices are healthy again"
	}
	return "when a task that has them ends"
}

// asked says in words which request m is about, with a colon.
func (m *missing) asked(s *model.Shape) string {
	if m.gpu.Cause == gpu.Nothing {
		return ""
	}
	r := &s.GPUs[m.gpu.Request]
	n, what := max(r.Count, 1), "GPU"
	switch {
	case r.MIG != "":
		what = "MIG instance " + r.MIG
	case r.ShareMilli > 0:
		what = model.FormatCPU(int64(r.ShareMilli)) + " of a GPU"
	case r.Model != "":
		what = r.Model + " GPU"
	}
	if n > 1 {
		what = fmt.Sprintf("%d × %s", n, what)
	}
	return "asks for " + what + ": "
}

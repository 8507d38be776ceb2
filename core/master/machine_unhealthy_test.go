package master

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// gpus are the devices that an agent with gpus=N has: NAME-gpu0 and on. Those of
// broken=(I,…) have fallen off the bus.
func (s *script) gpus(d *datadriven.TestData) []*agentpb.Gpu {
	var broken []string
	for _, a := range d.CmdArgs {
		if a.Key == "broken" {
			broken = a.Vals
		}
	}
	all := make([]model.GPU, s.intArg(d, "gpus", 0))
	for i := range all {
		all[i] = model.GPU{UUID: fmt.Sprintf("%s-gpu%d", d.CmdArgs[0].Key, i), Model: "H100", MemoryBytes: 80 << 30, Milli: 1000, Index: i}
		if slices.Contains(broken, fmt.Sprint(i)) {
			all[i].Unhealthy = "XID 79: fallen off the bus"
		}
	}
	return agentpb.FromGPUs(all)
}

// devices NAME gpus=N broken=(I,…) is an agent telling that their health has changed.
func (s *script) devices(d *datadriven.TestData) string {
	return s.turn(AgentSaid{Session: s.sessions[strings.TrimSpace(d.CmdArgs[0].Key)], Message: &agentpb.AgentMessage{
		Kind: &agentpb.AgentMessage_Devices{Devices: &agentpb.Devices{Gpus: s.gpus(d)}}}})
}

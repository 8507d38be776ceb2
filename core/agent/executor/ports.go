package executor

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// checkPorts says which of the ports that were picked for an attempt somebody else
// on this machine listens at: the agent knows of its own tasks only. Otherwise the
// task would say so in its own words, and until it does, its health checks would
// reach that somebody. A static port was asked for by number: a task may well
// listen at one address of it while another program has another.
func checkPorts(spec *model.Network, ports []uint16) error {
	for i, port := range ports {
		label := ""
		if spec != nil && i < len(spec.Ports) {
			if spec.Ports[i].Static != 0 {
				continue
			}
			label = fmt.Sprintf(" for %q", spec.Ports[i].Label)
		}
		l, err := net.Listen("tcp", ":"+strconv.Itoa(int(port)))
		if err == nil {
			l.Close()
			continue
		}
		if errors.Is(err, unix.EADDRINUSE) {
			return fmt.Errorf("port %d, picked%s, is taken on this node by something that is no task of this agent: give the agent ports of its own (--ports)", port, label)
		}
	}
	return nil
}

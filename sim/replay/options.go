package replay

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/frameworks/batch"
)

// Options say how a log is replayed.
type Options struct {
	// Procs is how many processors the machine has; 0 = as many as the log says.
	Procs int
	// Nodes is over how many agents they are spread evenly; 0 = one agent, so that
	// any processors are as good as any others, as in the logs' simulations.
	Nodes  int
	Policy batch.Policy // empty = batch.PolicyDefault
	// Holds is how many demands have room held for them; nil = as suits the
	// policy, negative = all.
	Holds *int
	// OvertakeLimit is batch.Config's; 0 = as there.
	OvertakeLimit time.Duration
	// Windows are the parts of the log to replay, each on an empty machine; none =
	// all of it.
	Windows []Window
}

func (o *Options) holds() int {
	if o.Holds != nil {
		return *o.Holds
	}
	return o.Policy.Holds()
}

// complete fills in what was left out and checks the rest.
func (o *Options) complete(log *Log) error {
	if o.Procs == 0 {
		o.Procs = log.MaxProcs
	}
	if o.Nodes == 0 {
		o.Nodes = 1
	}
	if o.Policy == "" {
		o.Policy = batch.PolicyDefault
	}
	if len(o.Windows) == 0 {
		o.Windows = []Window{{0, len(log.Records)}}
	}
	switch {
	case o.Procs == 0:
		return fmt.Errorf("the log does not say how many processors its machine had")
	case o.Procs < 0 || o.Procs > maxProcs:
		return fmt.Errorf("%d processors: want 1 to %d", o.Procs, maxProcs)
	case o.Nodes < 0 || o.Nodes > o.Procs || o.Procs%o.Nodes != 0:
		return fmt.Errorf("%d processors cannot be spread evenly over %d nodes", o.Procs, o.Nodes)
	}
	return nil
}

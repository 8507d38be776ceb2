package agentsim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/model"
)

// Fleet is a number of simulated agents in this process, all on one connection
// per master.
type Fleet struct {
	Agents   int
	Masters  []string // host:port
	Prefix   string   // agents are PREFIX0001 and so on; default "sim-"
	Capacity model.Resources
	// Attributes are of every agent, with node.* and attr.unique.hostname added.
	Attributes map[string]string
	// Duration is how long a task runs; nil = it ends at once.
	Duration func(model.TaskID) time.Duration
	Conns    *agent.Conns // nil = its own, closed at the end
	// Ready is called once, when all have registered.
	Ready func()
	Log   *slog.Logger // nil = none
}

// Run runs the agents until ctx ends, and returns the errors of those that
// ended before.
func (f Fleet) Run(ctx context.Context) error {
	conns := f.Conns
	if conns == nil {
		conns = agent.NewConns(nil)
		defer conns.Close()
	}
	if f.Prefix == "" {
		f.Prefix = "sim-"
	}
	var (
		wg    sync.WaitGroup
		ready atomic.Int64
		mu    sync.Mutex
		errs  []error
	)
	for i := range f.Agents {
		l := f.loop(i, conns)
		l.Ready = func() {
			if ready.Add(1) == int64(f.Agents) && f.Ready != nil {
				f.Ready()
			}
		}
		wg.Go(func() {
			if err := l.Run(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f Fleet) loop(n int, conns *agent.Conns) *agent.Loop {
	name := fmt.Sprintf("%s%04d", f.Prefix, n+1)
	attributes := map[string]string{
		"attr.kernel.name": "linux", "attr.driver.exec": "1", "attr.driver.raw_exec": "1",
		"attr.unique.hostname": name, "node.unique.name": name, "node.unique.id": name,
		"node.datacenter": agent.DefaultDatacenter,
	}
	for k, v := range f.Attributes {
		attributes[k] = v
	}
	return &agent.Loop{
		Options: agent.Options{
			Meta: agent.Meta{AgentID: model.AgentID(name), Boot: 1},
			Info: model.AgentInfo{Name: name, Capacity: f.Capacity, Attributes: attributes},
		},
		Masters:   f.Masters,
		Conns:     conns,
		Executors: &Executors{Duration: f.Duration},
		Store:     forgetful{},
		Files:     forgetful{},
		Logs:      noLogs{},
		Log:       f.Log,
	}
}

// forgetful is the store of an agent that does not outlive its process.
type forgetful struct{}

var (
	_ agent.Store = forgetful{}
	_ agent.Files = forgetful{}
)

func (forgetful) Save(agent.Meta) error                          { return nil }
func (forgetful) Contact(time.Time) error                        { return nil }
func (forgetful) Settle(agent.ExecID) error                      { return nil }
func (forgetful) Discard(agent.ExecID) error                     { return nil }
func (forgetful) RemoveSandbox(agent.ExecID, *execpb.Task) error { return nil }
func (forgetful) Sweep() error                                   { return nil }
func (forgetful) Measure() (agent.Measured, error)               { return agent.Measured{}, nil }

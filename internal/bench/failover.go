package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/agent/agentsim"
	"github.com/tender-scheduler/tender/core/model"
)

// failoverWithin is how long a failover is waited for.
const failoverWithin = time.Minute

// failoverFigure is how soon, after the end of the leader of three masters that
// keep the journal together, a client sees another one lead, and sees that it has
// heard from all agents what they run. The masters are processes of the program; the
// agents are simulated in this one.
func failoverFigure(ctx context.Context, b *bench) ([]sample, error) {
	var all []sample
	for _, by := range []struct {
		name   string
		signal syscall.Signal
	}{{"SIGTERM", syscall.SIGTERM}, {"kill -9", syscall.SIGKILL}} {
		led, heard, err := b.failover(ctx, by.signal)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", by.name, err)
		}
		all = append(all, sample{by.name + ": another master leads", "ms", ms(led)},
			sample{by.name + ": it has heard from all agents", "ms", ms(heard)})
	}
	return all, nil
}

// failover starts everything anew and ends the leader by a signal.
func (b *bench) failover(ctx context.Context, signal syscall.Signal) (led, heard time.Duration, err error) {
	masters, err := b.trio()
	if err != nil {
		return 0, 0, err
	}
	defer masters.stop()
	ctx, cancel := context.WithCancel(ctx)
	registered, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- agentsim.Fleet{Agents: steadyAgents, Masters: masters.addrs, Ready: func() { close(registered) },
			Capacity: model.Resources{CPUMilli: 16_000, MemoryBytes: 64 << 30, DiskBytes: 1 << 40},
			Duration: func(model.TaskID) time.Duration { return 24 * time.Hour }}.Run(ctx)
	}()
	defer func() { cancel(); err = errors.Join(err, <-ended) }()
	select {
	case <-registered:
	case <-time.After(failoverWithin):
		return 0, 0, fmt.Errorf("the agents have not registered within %v", failoverWithin)
	}
	if err := submitSteady(ctx, strings.Join(masters.addrs, ",")); err != nil {
		return 0, 0, err
	}
	c, err := client.New(masters.addrs)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	before, err := c.Status(ctx)
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	if err := masters.signal(before.Leader, signal); err != nil {
		return 0, 0, err
	}
	return watchFailover(ctx, c, before.Epoch, begun)
}

// watchFailover asks as a client does, until a master of a later term than epoch
// has heard from all agents.
func watchFailover(ctx context.Context, c *client.Client, epoch int64, begun time.Time) (led, heard time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, failoverWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	agents := 0
	for {
		if led == 0 {
			if s, err := c.Status(ctx); err == nil && s.Leader != "" && s.Epoch > epoch {
				led = time.Since(begun)
			}
		}
		if led > 0 {
			if l, err := c.Nodes(ctx); err == nil {
				if agents = ready(l); agents == steadyAgents {
					return led, time.Since(begun), nil
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("within %v another master leads (after %v, 0s: none does) and has heard from %d agents", failoverWithin, led, agents)
		}
	}
}

func ready(l model.NodeList) (n int) {
	for i := range l.Nodes {
		if l.Nodes[i].State == model.NodeReady {
			n++
		}
	}
	return n
}

// trio is three running `tender master` that keep the journal together.
type trio struct {
	dir   string
	addrs []string
	procs map[string]*proc // by address
}

// trio starts three masters, and returns without waiting for them to lead.
func (b *bench) trio() (*trio, error) {
	dir, err := os.MkdirTemp(b.dir, "trio")
	if err != nil {
		return nil, err
	}
	t := &trio{dir: dir, procs: map[string]*proc{}}
	if t.addrs, err = freeAddresses(3); err != nil {
		return nil, err
	}
	for i, a := range t.addrs {
		p, err := startProc(b.tender, "master", "--listen", a, "--advertise", a, "--peers", strings.Join(t.addrs, ","),
			"--data-dir", filepath.Join(dir, fmt.Sprint(i)), "--log-level", "error")
		if err != nil {
			t.stop()
			return nil, err
		}
		t.procs[a] = p
	}
	return t, nil
}

func (t *trio) signal(addr string, s syscall.Signal) error {
	p := t.procs[addr]
	if p == nil {
		return fmt.Errorf("the leader %q is none of the masters %v", addr, t.addrs)
	}
	return p.cmd.Process.Signal(s)
}

// stop ends the masters at once: three that end in turn wait for each other.
func (t *trio) stop() {
	for _, p := range t.procs {
		p.kill()
	}
	os.RemoveAll(t.dir)
}

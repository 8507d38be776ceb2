package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/agent/agentsim"
	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
)

// failoverFigure is how soon, after the leader of three masters that keep the
// journal together has been told to end, another one leads, and has heard from all
// agents what they run. What a crash adds is the e2e tests' to say.
func failoverFigure(ctx context.Context, b *bench) (_ []sample, err error) {
	dir, err := os.MkdirTemp(b.dir, "trio")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	addrs, end, err := startTrio(ctx, dir, &all)
	if err != nil {
		return nil, err
	}
	registered := make(chan struct{})
	all.Go(func() {
		_ = agentsim.Fleet{Agents: steadyAgents, Masters: addrs, Ready: func() { close(registered) },
			Capacity: model.Resources{CPUMilli: 16_000, MemoryBytes: 64 << 30, DiskBytes: 1 << 40},
			Duration: func(model.TaskID) time.Duration { return 24 * time.Hour }}.Run(ctx)
	})
	select {
	case <-registered:
	case <-time.After(time.Minute):
		return nil, errors.New("the agents have not registered within a minute")
	}
	c, err := client.New(addrs)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := submitSteady(ctx, strings.Join(addrs, ",")); err != nil {
		return nil, err
	}
	before, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	end[before.Leader]()
	var led time.Duration
	var heard int
	for {
		s, serr := c.Status(ctx)
		if serr == nil && s.Leader != "" && s.Epoch > before.Epoch && led == 0 {
			led = time.Since(begun)
		}
		if l, lerr := c.Nodes(ctx); led > 0 && lerr == nil {
			if heard = ready(l); heard == steadyAgents {
				break
			}
		}
		if time.Since(begun) > 20*time.Second {
			return nil, fmt.Errorf("within a minute another master leads (after %v) and has heard from %d agents (status: %+v, %v)", led, heard, s, serr)
		}
	}
	return []sample{
		{"another master leads", "ms", float64(led.Milliseconds())},
		{"it has heard from all agents", "ms", float64(time.Since(begun).Milliseconds())},
	}, nil
}

// startTrio starts three masters; each address has a function that ends its master.
func startTrio(ctx context.Context, dir string, all *sync.WaitGroup) (addrs []string, end map[string]context.CancelFunc, err error) {
	var listeners []net.Listener
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		listeners, addrs = append(listeners, l), append(addrs, l.Addr().String())
	}
	end = map[string]context.CancelFunc{}
	for i, l := range listeners {
		own, cancel := context.WithCancel(ctx)
		end[addrs[i]] = cancel
		all.Go(func() {
			_ = master.Run(own, master.Config{
				Listener: l, Advertise: addrs[i], Peers: addrs, DataDir: filepath.Join(dir, fmt.Sprint(i)),
				Frameworks: frameworks, Check: func(*model.Job) []string { return nil },
			})
		})
	}
	return addrs, end, nil
}

func ready(l model.NodeList) (n int) {
	for i := range l.Nodes {
		if l.Nodes[i].State == model.NodeReady {
			n++
		}
	}
	return n
}

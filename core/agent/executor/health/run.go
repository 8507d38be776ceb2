package health

import (
	"context"
	"sync"
	"time"
)

// Prober asks one check, and returns within the context's deadline or soon after
// it; output says why it did not pass.
type Prober func(ctx context.Context, spec *Spec) (passed bool, output string)

// Listener is told what the machine says. Its methods must not block.
type Listener struct {
	Report func(Report)
	Fail   func(Fail)
}

// Run drives m until ctx ends, and returns when nothing is being asked any more.
func Run(ctx context.Context, m *Machine, ask Prober, tell Listener) {
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan Result, len(m.checks))
	timer := time.NewTimer(0)
	defer timer.Stop()
	var in Input
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			in = Tick{}
		case in = <-results:
		}
		now := time.Now()
		for _, e := range m.Step(now, in) {
			switch e := e.(type) {
			case Probe:
				spec := &m.checks[e.Check].spec
				asking.Go(func() { results <- probe(ctx, e.Check, spec, ask) })
			case Report:
				tell.Report(e)
			case Fail:
				tell.Fail(e)
				return
			case Wake:
				timer.Reset(e.At.Sub(now))
			}
		}
	}
}

// probe asks a check once, for as long as its timeout.
func probe(ctx context.Context, i int, spec *Spec, ask Prober) Result {
	ctx, cancel := context.WithTimeout(ctx, spec.Timeout.Std())
	defer cancel()
	passed, output := ask(ctx, spec)
	return Result{Check: i, Passed: passed, Output: output}
}

package executor

import (
	"runtime"
	"sync/atomic"
	"time"
)

// youth is how long a task counts as just started.
const youth = 10 * time.Millisecond

// gate bounds how many tasks are in their first moments at the same time. Short
// tasks in plenty then run a few after another in a few cells, which are warm,
// instead of all at once in as many; long ones are held up by moments only.
type gate struct{ tokens chan struct{} }

func newGate() *gate { return &gate{make(chan struct{}, max(4, 2*runtime.NumCPU()))} }

// enter waits for its turn. The pass is to be given back when the task has
// ended; it gives itself back after its youth.
func (g *gate) enter() *pass {
	g.tokens <- struct{}{}
	return &pass{gate: g}
}

type pass struct {
	gate  *gate
	given atomic.Bool
	timer *time.Timer
}

// begin starts the clock: the task's process runs.
func (p *pass) begin() {
	if p != nil {
		p.timer = time.AfterFunc(youth, p.giveBack)
	}
}

func (p *pass) end() {
	if p == nil {
		return // it had no need of one
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.giveBack()
}

func (p *pass) giveBack() {
	if p.given.CompareAndSwap(false, true) {
		<-p.gate.tokens
	}
}

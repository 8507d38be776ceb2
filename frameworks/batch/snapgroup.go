package batch

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// The fields of a slot that are written, as bits of its second byte. The first
// holds the state in its low and the flags in its high half.
const (
	hasStaged = 1 << iota
	hasStarted
	hasFinished
	hasCPU
	hasPeak
	hasAgent
	hasExit
	hasReason
)

const flagBits = 4

// reasonDefault is the cause that need not be written.
func reasonDefault(s slotState) causeCode {
	if s == taskSlot(model.TaskFinished) {
		return codeOfCause(model.CauseFinished)
	}
	return 0
}

func (w *writer) group(g *group) {
	w.byte(byte(g.abort))
	w.place(&g.place)
	var before sdk.Micros
	for _, p := range g.pages {
		if p == nil {
			w.byte(0)
			continue
		}
		w.byte(1)
		for i := range p {
			w.slot(&p[i], &before)
		}
	}
	w.tries(g)
	w.messages(g)
}

// slot writes one slot; times are differences, as slots staged together are
// next to each other.
func (w *writer) slot(s *slot, before *sdk.Micros) {
	var has byte
	mark := func(bit byte, on bool) {
		if on {
			has |= bit
		}
	}
	mark(hasStaged, s.staged != 0)
	mark(hasStarted, s.started != 0)
	mark(hasFinished, s.finished != 0)
	mark(hasCPU, s.cpu != 0)
	mark(hasPeak, s.peakBytes != 0)
	mark(hasAgent, s.agent != 0)
	mark(hasExit, s.exitCode != 0 || s.signal != 0)
	mark(hasReason, s.reason != 0 || s.task != 0 || s.cause != reasonDefault(s.state))
	w.b = append(w.b, byte(s.state)|byte(s.flags)<<flagBits, has)
	w.uint(uint64(s.attempts))
	if has&hasStaged != 0 {
		w.int(int64(s.staged - *before))
		*before = s.staged
	}
	if has&hasStarted != 0 {
		w.int(int64(s.started - s.staged))
	}
	if has&hasFinished != 0 {
		w.int(int64(s.finished - s.started))
	}
	if has&hasCPU != 0 {
		w.int(int64(s.cpu))
	}
	if has&hasPeak != 0 {
		w.int(s.peakBytes)
	}
	if has&hasAgent != 0 {
		w.uint(uint64(s.agent))
	}
	if has&hasExit != 0 {
		w.int(int64(s.exitCode))
		w.byte(s.signal)
	}
	if has&hasReason != 0 {
		w.b = append(w.b, byte(s.reason), byte(s.cause), s.task)
	}
}

func (w *writer) tries(g *group) {
	w.uint(uint64(len(g.tries)))
	for _, n := range slices.Sorted(maps.Keys(g.tries)) {
		t := g.tries[n]
		w.uint(uint64(n))
		w.uint(uint64(t.retries.Retries))
		w.int(int64(sdk.MicrosOf(t.retries.Window)))
		w.byte(t.free)
		w.int(int64(t.since))
		w.int(int64(t.wait))
	}
}

// messages writes each different text once.
func (w *writer) messages(g *group) {
	w.uint(uint64(len(g.messages)))
	seen := map[string]uint64{}
	for _, n := range slices.Sorted(maps.Keys(g.messages)) {
		m := g.messages[n]
		w.uint(uint64(n))
		at, ok := seen[m]
		if !ok {
			at = uint64(len(seen))
			seen[m] = at
		}
		w.uint(at)
		if !ok {
			w.bytes([]byte(m))
		}
	}
}

func (r *reader) group(g *group) {
	g.abort = abort(r.below(uint64(abortPreempt)+1, "abort"))
	r.place(&g.place)
	var before sdk.Micros
	for i := range g.pages {
		if r.below(2, "page mark") == 0 {
			continue
		}
		for n := i * pageSlots; n < min((i+1)*pageSlots, g.size) && r.err == nil; n++ {
			s := g.at(n)
			to := r.slot(s, &before, len(g.job.agents))
			if to != slotWaiting {
				g.set(n, s, to)
			}
			if s.flags&flagKill != 0 {
				g.killing++
			}
		}
	}
	r.tries(g)
	r.messages(g)
}

// slot reads what writer.slot wrote, but for the state, which it returns.
func (r *reader) slot(s *slot, before *sdk.Micros, agents int) slotState {
	first, has := r.byte(), r.byte()
	s.flags = slotFlags(first >> flagBits)
	state := slotState(first & (1<<flagBits - 1))
	s.attempts = uint16(r.below(maxAttemptNumber+1, "attempt"))
	if has&hasStaged != 0 {
		s.staged = *before + sdk.Micros(r.int())
		*before = s.staged
	}
	if has&hasStarted != 0 {
		s.started = s.staged + sdk.Micros(r.int())
	}
	if has&hasFinished != 0 {
		s.finished = s.started + sdk.Micros(r.int())
	}
	if has&hasCPU != 0 {
		s.cpu = time.Duration(r.int())
	}
	if has&hasPeak != 0 {
		s.peakBytes = r.int()
	}
	if has&hasAgent != 0 {
		s.agent = uint32(r.uint())
	}
	if has&hasExit != 0 {
		s.exitCode, s.signal = int32(r.int()), r.byte()
	}
	s.cause = reasonDefault(state)
	if has&hasReason != 0 {
		s.reason, s.cause, s.task = model.TaskReason(r.byte()), causeCode(r.byte()), r.byte()
	}
	switch {
	case int(s.cause) >= len(causes):
		r.fail(fmt.Errorf("no such cause %d", s.cause))
	case s.attempts > 0 && int(s.agent) >= agents:
		r.fail(fmt.Errorf("agent %d of %d", s.agent, agents))
	}
	return state
}

func (r *reader) tries(g *group) {
	n := r.below(uint64(g.size)+1, "count of tries")
	if n > 0 {
		g.tries = map[uint32]tries{}
	}
	for i := uint64(0); i < n && r.err == nil; i++ {
		k := uint32(r.below(uint64(g.size), "slot"))
		var t tries
		t.retries.Retries = int(r.uint())
		t.retries.Window = sdk.Micros(r.int()).Time()
		t.free = r.byte()
		t.since, t.wait = sdk.Micros(r.int()), time.Duration(r.int())
		g.tries[k] = t
	}
}

func (r *reader) messages(g *group) {
	n := r.below(uint64(g.size)+1, "count of messages")
	if n > 0 {
		g.messages = map[uint32]string{}
	}
	var seen []string
	for i := uint64(0); i < n && r.err == nil; i++ {
		k := uint32(r.below(uint64(g.size), "slot"))
		at := r.below(uint64(len(seen))+1, "message")
		if at == uint64(len(seen)) {
			seen = append(seen, string(r.bytes()))
		}
		if r.err == nil {
			g.messages[k] = seen[at]
		}
	}
}

package mpi

// ownerState is what the owner of a job's key-value space keeps of the barrier.
type ownerState struct {
	arrived map[int][]pair // by Machine: those whose ranks are all in the present one
	last    []byte         // the answer to the one before, for whom it has not reached
}

func (m *Machine) enterBarrier(n int, r *rank) {
	r.waits = true
	for _, other := range m.ranks {
		if !other.waits {
			return
		}
	}
	rep := report{kind: kindIn, barrier: m.done + 1, pairs: m.fresh}
	m.fresh = nil
	if m.owner != nil {
		m.arrive(0, rep)
		return
	}
	m.sent, m.pause, m.heard = &rep, resendAfter, m.now
	m.sendReport()
}

// sendReport tells the owner that all ranks here are in the barrier, and is
// repeated until the owner says that all of the job are.
func (m *Machine) sendReport() {
	m.do(Send{0, m.sent.encode()})
	m.resend = m.now.Add(m.pause)
	m.pause = min(2*m.pause, maxResendAfter)
	m.do(Wake{m.resend})
}

func (m *Machine) timeUp() {
	switch {
	case m.sent == nil || m.now.Before(m.resend) || m.open == 0:
	case m.now.Sub(m.heard) >= silence:
		m.sent = nil
		for _, n := range m.opt.Ranks {
			m.fault(n, m.ranks[n], Fault{Message: "waits in a barrier, and nothing is heard of rank 0's node", Now: true})
		}
	default:
		m.sendReport()
	}
}

// message takes in what another Machine says. What cannot be read is dropped, as
// if it had been lost.
func (m *Machine) message(in Message) {
	rep, ok := decode(in.Data)
	if !ok || in.Node < 0 || in.Node >= m.opt.Nodes || in.Node == m.opt.Node {
		return
	}
	switch {
	case rep.kind == kindIn && m.owner != nil:
		m.arrive(in.Node, rep)
	case rep.kind == kindOut && m.owner == nil && in.Node == 0 && m.sent != nil && rep.barrier == m.sent.barrier:
		m.sent = nil
		m.leaveBarrier(rep.pairs)
	case rep.kind == kindWait && in.Node == 0:
		m.heard = m.now
	}
}

// arrive notes, as the owner, that all ranks of a Machine are in a barrier.
func (m *Machine) arrive(node int, rep report) {
	switch {
	case rep.barrier == m.done && m.owner.last != nil && node != 0:
		m.do(Send{node, m.owner.last}) // it has missed the answer
		return
	case rep.barrier != m.done+1:
		return
	}
	_, again := m.owner.arrived[node]
	m.owner.arrived[node] = rep.pairs
	if len(m.owner.arrived) < m.opt.Nodes {
		if again && node != 0 {
			wait := report{kind: kindWait, barrier: rep.barrier}
			m.do(Send{node, wait.encode()})
		}
		return
	}
	out := report{kind: kindOut, barrier: rep.barrier}
	for n := range m.opt.Nodes {
		out.pairs = append(out.pairs, m.owner.arrived[n]...)
	}
	clear(m.owner.arrived)
	m.owner.last = out.encode()
	for n := 1; n < m.opt.Nodes; n++ {
		m.do(Send{n, m.owner.last})
	}
	m.leaveBarrier(out.pairs)
}

// leaveBarrier lets the ranks here go on, with what all have put.
func (m *Machine) leaveBarrier(pairs []pair) {
	m.done++
	full := false
	for _, p := range pairs {
		full = !m.store(p) || full
	}
	for _, n := range m.opt.Ranks {
		r := m.ranks[n]
		if !r.waits {
			continue // it has ended meanwhile
		}
		r.waits = false
		if full {
			m.fault(n, r, Fault{Message: "and the others have put more than PMI's key-value space can hold", Now: true})
		}
		m.reply(n, "cmd=barrier_out rc=0")
	}
}

package agent

import (
	"cmp"
	"slices"
)

// recover takes over what an earlier run left: living executors are waited for,
// dead ones have their trees killed and their logs reported.
func (m *Machine) recover(in Recovered) {
	if m.recovered {
		return
	}
	m.recovered = true
	m.contact = in.LastContact
	if m.contact.IsZero() || m.contact.After(m.now) {
		m.contact = m.now
	}
	found := slices.SortedFunc(slices.Values(in.Executors), func(a, b RecoveredExecutor) int {
		return cmp.Or(cmp.Compare(a.Exec.Job, b.Exec.Job), cmp.Compare(a.Exec.Gen, b.Exec.Gen))
	})
	var kept []sandbox
	for _, f := range found {
		x := m.recoverExecutor(f)
		for _, s := range f.Sandboxes {
			x.job.ran.add(keyOf(s.Task))
			kept = append(kept, sandbox{x, keyOf(s.Task), s.Ended})
		}
	}
	slices.SortStableFunc(kept, func(a, b sandbox) int { return a.ended.Compare(b.ended) })
	for _, s := range kept {
		m.keepSandbox(s.exec, s.key, s.ended)
	}
	if m.stream == streamUp {
		m.register()
	}
}

func (m *Machine) recoverExecutor(f RecoveredExecutor) *process {
	j := m.job(f.Exec.Job)
	x := m.addExecutor(j, f.Exec.Gen, execFound)
	switch {
	case f.Settled:
		x.state, x.settled = execOver, true
		for _, t := range f.Log.Ended {
			j.ran.add(keyOf(t))
		}
	case f.Alive:
		m.readLog(x, f.Log)
	default:
		m.readLog(x, f.Log)
		m.killTree(x)
	}
	return x
}

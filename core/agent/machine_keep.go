package agent

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Keep says how long the directories of ended tasks stay for people to look
// into. Whatever bound is met first, the oldest go first.
type Keep struct {
	For                time.Duration // 0 = until the job is done
	MaxTasks           int           // 0 = no bound
	MaxBytes           int64         // under the data directory; 0 = no bound
	MaxDiskUsedPercent float64       // of the file system; 0 = no bound
}

const (
	measureEvery = time.Minute
	measureAgain = time.Second // after something was removed for want of room
)

// sandboxes are the ended tasks whose directories are kept, oldest first.
type sandboxes struct {
	items []sandbox
	head  int
}

type sandbox struct {
	exec  *process
	key   taskKey
	ended time.Time
}

func (s *sandboxes) len() int { return len(s.items) - s.head }

func (s *sandboxes) push(b sandbox) { s.items = append(s.items, b) }

func (s *sandboxes) oldest() sandbox { return s.items[s.head] }

func (s *sandboxes) pop() sandbox {
	b := s.items[s.head]
	s.items[s.head] = sandbox{}
	s.head++
	if s.head > 64 && s.head > len(s.items)/2 {
		n := copy(s.items, s.items[s.head:])
		clear(s.items[n:])
		s.items = s.items[:n]
		s.head = 0
	}
	return b
}

func (m *Machine) keepSandbox(x *process, k taskKey, ended time.Time) {
	if m.keep.For <= 0 {
		return
	}
	x.kept++
	m.ended.push(sandbox{x, k, ended})
}

func (m *Machine) dropOldest() {
	b := m.ended.pop()
	m.do(RemoveSandbox{b.exec.id, b.key.exec(model.TaskUnknown)})
	b.exec.kept--
	if b.exec.kept == 0 {
		m.touch(b.exec)
	}
}

// keepCheck removes what is too old or too much, and asks for a measurement
// when one is due.
func (m *Machine) keepCheck() {
	for m.keep.MaxTasks > 0 && m.ended.len() > m.keep.MaxTasks {
		m.dropOldest()
	}
	for m.ended.len() > 0 && !m.now.Before(m.ended.oldest().ended.Add(m.keep.For)) {
		m.dropOldest()
	}
	if !m.keepMeasures() {
		return
	}
	if m.measureAt.IsZero() {
		m.measureAt = m.now.Add(measureEvery)
	}
	if !m.now.Before(m.measureAt) {
		m.measureAt = m.now.Add(measureEvery)
		m.do(Measure{})
	}
}

func (m *Machine) keepMeasures() bool {
	return m.ended.len() > 0 && (m.keep.MaxBytes > 0 || m.keep.MaxDiskUsedPercent > 0)
}

func (m *Machine) keepAt() time.Time {
	if m.ended.len() == 0 {
		return time.Time{}
	}
	next := m.ended.oldest().ended.Add(m.keep.For)
	if m.keepMeasures() && m.measureAt.Before(next) {
		next = m.measureAt
	}
	return next
}

// measured makes room if there is too little: a tenth of what is kept goes, and
// the next measurement says whether that was enough. Sizes of single sandboxes
// are not known, and need not be.
func (m *Machine) measured(in Measured) {
	var sum int64
	for _, n := range in.Bytes {
		sum += n
	}
	tooMuch := m.keep.MaxBytes > 0 && sum > m.keep.MaxBytes
	tooFull := m.keep.MaxDiskUsedPercent > 0 && in.DiskUsedPercent > m.keep.MaxDiskUsedPercent
	if m.ended.len() == 0 || !tooMuch && !tooFull {
		return
	}
	for range max(m.ended.len()/10, 1) {
		m.dropOldest()
	}
	m.measureAt = m.now.Add(measureAgain)
}

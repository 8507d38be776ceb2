package mpi

import (
	"fmt"
	"time"
)

// Options are what a Machine is made of.
type Options struct {
	Name  string // of the key-value space
	World int    // ranks of the job
	Ranks []int  // those here
	Node  int    // number of this Machine; 0 owns the key-value space
	Nodes int    // how many there are
	// Mapping says which rank is on which node, see Mapping; empty = not told.
	Mapping string
}

const (
	// resendAfter is how long the answer to a message may take before it is sent
	// again, at first: it went by way of two agents and a master, any of which may
	// have been away.
	resendAfter    = time.Second
	maxResendAfter = 10 * time.Second
	// silence is how long the owner may say nothing at all before it counts as
	// lost: longer than agents may be out of contact. It has ended, most likely,
	// and its last answer was lost.
	silence = 5 * time.Minute
)

// maxSpaceBytes bounds the keys and values of a job together.
const maxSpaceBytes = 32 << 20

// Input is what happened: a Line, Closed, Foreign, Message or TimeUp.
type Input interface{ input() }

// Line is one command of a rank, without its newline.
type Line struct {
	Rank int
	Text string
}

// Closed says that a rank's connection has ended, and with it the rank.
type Closed struct{ Rank int }

// Foreign says that a rank has loaded a library of an MPI that does not speak
// PMI-1.
type Foreign struct {
	Rank    int
	Library string
}

// Message came from another Machine of the job.
type Message struct {
	Node int
	Data []byte
}

// TimeUp says that the time asked for by Wake has come.
type TimeUp struct{}

func (Line) input()    {}
func (Closed) input()  {}
func (Foreign) input() {}
func (Message) input() {}
func (TimeUp) input()  {}

// Effect is what to do: a Reply, Send, Fault or Wake.
type Effect interface{ effect() }

// Reply is a line for a rank, with its newline.
type Reply struct {
	Rank int
	Text string
}

// Send is a message for another Machine. It may be lost.
type Send struct {
	Node int
	Data []byte
}

// Fault says that a rank has failed, whatever its exit code will be. Now means
// that it must not go on.
type Fault struct {
	Rank    int
	Message string // follows the rank's name
	Code    int    // that it asked to exit with; 0 = it did not
	Now     bool
}

// Wake asks for a TimeUp. The latest one counts.
type Wake struct{ At time.Time }

func (Reply) effect() {}
func (Send) effect()  {}
func (Fault) effect() {}
func (Wake) effect()  {}

// phase is how far a rank has come.
type phase uint8

const (
	phaseSilent phase = iota // has not said a word
	phaseIn                  // between init and finalize
	phaseOut                 // has finalized
	phaseOver                // its connection has ended
)

type rank struct {
	phase   phase
	waits   bool // in the barrier
	several bool // in the middle of a command of several lines
	faulty  bool // a Fault was made of it
}

// Machine serves the ranks of one executor. The zero value is not usable, see New.
type Machine struct {
	opt   Options
	ranks map[int]*rank
	open  int // ranks whose connection has not ended

	space map[string]string
	bytes int
	fresh []pair // put by ranks here since the last barrier
	done  uint64 // barriers that are over

	sent   *report       // of the owner's answer to which we wait; nil = of none
	pause  time.Duration // until it is sent again
	resend time.Time     // when that is
	heard  time.Time     // of the owner
	owner  *ownerState   // nil if another Machine owns the space

	now     time.Time
	effects []Effect
}

// New returns a Machine none of whose ranks has spoken.
func New(o Options) *Machine {
	m := &Machine{opt: o, ranks: map[int]*rank{}, space: map[string]string{}, open: len(o.Ranks)}
	for _, r := range o.Ranks {
		m.ranks[r] = &rank{}
	}
	if o.Mapping != "" {
		m.space["PMI_process_mapping"] = o.Mapping
	}
	if o.Node == 0 {
		m.owner = &ownerState{arrived: map[int][]pair{}}
	}
	return m
}

// Step takes one input. The effects are to be carried out in order.
func (m *Machine) Step(now time.Time, in Input) []Effect {
	m.now, m.effects = now, nil
	switch in := in.(type) {
	case Line:
		if r := m.ranks[in.Rank]; r != nil && r.phase != phaseOver {
			m.line(in.Rank, r, in.Text)
		}
	case Closed:
		if r := m.ranks[in.Rank]; r != nil {
			m.closed(in.Rank, r)
		}
	case Foreign:
		if r := m.ranks[in.Rank]; r != nil && r.phase == phaseSilent {
			m.foreign(in, r)
		}
	case Message:
		m.message(in)
	case TimeUp:
		m.timeUp()
	}
	return m.effects
}

func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

func (m *Machine) reply(rank int, format string, args ...any) {
	m.do(Reply{rank, fmt.Sprintf(format, args...) + "\n"})
}

func (m *Machine) fault(n int, r *rank, f Fault) {
	if !r.faulty {
		r.faulty = true
		f.Rank = n
		m.do(f)
	}
}

const advice = `Build it with MPICH, or use launch = "mpirun"; for a program without MPI there is launch = "none"`

// Silent reports whether a rank here runs and has not said a word yet.
func (m *Machine) Silent(rank int) bool {
	r := m.ranks[rank]
	return r != nil && r.phase == phaseSilent
}

// foreign ends a rank that will never say a word, before it does harm.
func (m *Machine) foreign(in Foreign, r *rank) {
	if m.opt.World > 1 {
		m.fault(in.Rank, r, Fault{Now: true, Message: fmt.Sprintf("runs Open MPI (it has loaded %s), which does not know PMI-1: "+
			"the %d ranks are so many programs of size 1. "+advice, in.Library, m.opt.World)})
	}
}

// closed looks at what a rank has left undone.
func (m *Machine) closed(n int, r *rank) {
	was := r.phase
	if was == phaseOver {
		return
	}
	r.phase, r.waits = phaseOver, false
	m.open--
	switch {
	case was == phaseSilent && m.opt.World > 1:
		m.fault(n, r, Fault{Message: fmt.Sprintf("ended without having spoken PMI: its MPI library does not know PMI-1 "+
			"(Debian's Open MPI does not), and the %d ranks may have run as so many programs of size 1. "+advice, m.opt.World)})
	case was == phaseIn:
		m.fault(n, r, Fault{Message: "ended without MPI_Finalize"})
	}
}

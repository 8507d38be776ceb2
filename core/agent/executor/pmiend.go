package executor

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/mpi"
)

// pmiDescriptor is what a rank has its end of the connection as. It is passed
// rather than a port: it works in whatever namespaces, and it ends with the rank.
const pmiDescriptor = 3

// maxReplies bounds the answers that a rank has not read. It asks one thing at a
// time, so more than a few mean that it does not read at all.
const maxReplies = 64

// pmiEnd is our end of the connection to a rank.
type pmiEnd struct {
	ours    *os.File
	theirs  int // -1 once it is the rank's alone
	replies chan string
	done    chan struct{} // closed when all that the rank had to say is in the inbox
	once    sync.Once
}

// openPMI connects a rank and sees to it that what it says gets to the loop.
func openPMI(in *inbox, at attemptID, rank int) (*pmiEnd, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("connect to rank %d: %w", rank, err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, fmt.Errorf("connect to rank %d: %w", rank, err)
	}
	e := &pmiEnd{
		ours: os.NewFile(uintptr(fds[0]), "pmi"), theirs: fds[1],
		replies: make(chan string, maxReplies), done: make(chan struct{}),
	}
	in.put(pmiOpened{at, rank, e})
	go e.read(in, at, rank)
	go e.write()
	return e, nil
}

// give puts the rank's end among its descriptors, and says so in its environment.
func (e *pmiEnd) give(cmd *isolation.Command, rank, size int) {
	cmd.Files = append(cmd.Files[:pmiDescriptor:pmiDescriptor], uintptr(e.theirs))
	cmd.Env = append(cmd.Env,
		"PMI_FD="+strconv.Itoa(pmiDescriptor), "PMI_RANK="+strconv.Itoa(rank), "PMI_SIZE="+strconv.Itoa(size), "PMI_SPAWNED=0")
}

// given closes the rank's end here, where it is of no more use: the connection
// then ends with the rank.
func (e *pmiEnd) given() {
	if e.theirs >= 0 {
		unix.Close(e.theirs)
		e.theirs = -1
	}
}

func (e *pmiEnd) read(in *inbox, at attemptID, rank int) {
	defer close(e.done)
	lines := bufio.NewScanner(e.ours)
	lines.Buffer(make([]byte, 0, 512), mpi.MaxLineBytes+1)
	for lines.Scan() {
		in.put(pmiLine{at, rank, lines.Text()})
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		in.put(pmiLine{at, rank, strings.Repeat("?", mpi.MaxLineBytes+1)})
	}
	in.put(pmiClosed{at, rank})
}

// reply queues an answer; a rank that does not read is cut off.
func (e *pmiEnd) reply(text string) {
	select {
	case e.replies <- text:
	default:
		e.close()
	}
}

func (e *pmiEnd) write() {
	for {
		select {
		case text := <-e.replies:
			if _, err := e.ours.WriteString(text); err != nil {
				return
			}
		case <-e.done:
			return
		}
	}
}

// close ends the connection, whoever still has the other end.
func (e *pmiEnd) close() { e.once.Do(func() { e.ours.Close() }) }

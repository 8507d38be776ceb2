package attach

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/session"
)

// maxLeftBytes bounds what is read after a command's end: more than any pipe
// holds by default, and an end to what a process that it left running writes.
const maxLeftBytes = 1 << 20

// outputs are the streams that a command writes to.
type outputs struct {
	wg   sync.WaitGroup
	from []*os.File
}

// copy sends what comes from f (nil = there is no such stream) until its end, or
// until finish, and then what is there already.
func (o *outputs) copy(f *os.File, send func([]byte) error) {
	if f == nil {
		return
	}
	o.from = append(o.from, f)
	o.wg.Go(func() {
		buf, gone := make([]byte, session.ChunkBytes), false // the caller
		for {
			n, err := f.Read(buf)
			if n > 0 && !gone {
				gone = send(buf[:n]) != nil
			}
			if err != nil {
				break
			}
		}
		for left := maxLeftBytes; left > 0 && !gone; {
			n := readNow(f, buf)
			if n <= 0 || send(buf[:n]) != nil {
				return
			}
			left -= n
		}
	})
}

// finish returns when everything that the command itself has written is sent.
// What it left running may go on writing; that has no reader any more. With
// drop nobody wants to have it.
func (o *outputs) finish(drop bool) {
	for _, f := range o.from {
		if drop {
			f.Close()
			continue
		}
		expire(f)
	}
	o.wg.Wait()
}

// expire makes a Read or Write that waits return.
func expire(f *os.File) { _ = f.SetDeadline(time.Unix(1, 0)) }

// readNow reads what is there without waiting, deadline or not.
func readNow(f *os.File, buf []byte) (n int) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		for {
			n, err = unix.Read(int(fd), buf)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	return n
}

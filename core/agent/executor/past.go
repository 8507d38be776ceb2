package executor

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"google.golang.org/protobuf/encoding/protodelim"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// Past is what an executor has written down about itself.
type Past struct {
	Job     string
	Pid     int            // of the last executor process
	Cgroups isolation.Tree // where leftovers of it are found

	Live    []*execpb.Task   // launched, without a terminal update; with their last state
	Unacked []*execpb.Update // in order
	Ended   []*execpb.Task   // with a terminal update that was acknowledged
	LastSeq uint64

	bytes int64 // of whole records
}

// ReadStateLog reads a state.log, also while its executor writes it. A record
// that is cut off at the end was never acted upon, and is left out. The error
// is fs.ErrNotExist for a missing file.
func ReadStateLog(path string) (*Past, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read state log: %w", err)
	}
	defer f.Close()
	r := &reading{past: &Past{}, tasks: map[lifecycle.Key]*execpb.Task{}, unacked: map[uint64]*execpb.Update{}}
	in := &countingReader{r: bufio.NewReaderSize(f, 256<<10)}
	for {
		rec := &execpb.LogRecord{}
		err := protodelim.UnmarshalOptions{MaxSize: maxMessageBytes}.UnmarshalFrom(in, rec)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return r.finish(), nil
		}
		if err != nil {
			return nil, fmt.Errorf("read state log %q at byte %d: %w", path, r.past.bytes, err)
		}
		r.record(rec)
		r.past.bytes = in.n
	}
}

// reading folds records into a Past.
type reading struct {
	past    *Past
	tasks   map[lifecycle.Key]*execpb.Task // every one, with its last state
	unacked map[uint64]*execpb.Update
}

func (r *reading) record(rec *execpb.LogRecord) {
	switch k := rec.Kind.(type) {
	case *execpb.LogRecord_Begin:
		r.past.Job = k.Begin.Job
		r.past.Pid = int(k.Begin.Pid)
		r.past.Cgroups = k.Begin.Cgroups
		r.past.LastSeq = max(r.past.LastSeq, k.Begin.LastSeq)
		for _, t := range k.Begin.Live {
			r.tasks[taskKey(t)] = t
		}
	case *execpb.LogRecord_Launch:
		for key := range launched(k.Launch) {
			r.tasks[key] = wireTask(key, model.TaskStaging)
		}
	case *execpb.LogRecord_Updates:
		for _, u := range k.Updates.Updates {
			r.past.LastSeq = max(r.past.LastSeq, u.Seq)
			r.tasks[taskKey(u.Task)] = u.Task
			r.unacked[u.Seq] = u
		}
	case *execpb.LogRecord_Ended:
		e := k.Ended
		for i := 0; i+1 < len(e.Ranges); i += 2 {
			for index := uint64(e.Ranges[i]); index <= uint64(e.Ranges[i+1]); index++ {
				key := lifecycle.Key{Group: uint16(e.Group), Index: uint32(index), Attempt: uint16(e.Attempt)}
				r.tasks[key] = wireTask(key, model.TaskFinished)
			}
		}
	case *execpb.LogRecord_Acknowledge:
		for _, seq := range k.Acknowledge.Seqs {
			delete(r.unacked, seq)
		}
	}
}

func (r *reading) finish() *Past {
	p := r.past
	for _, u := range r.unacked {
		p.Unacked = append(p.Unacked, u)
	}
	slices.SortFunc(p.Unacked, func(a, b *execpb.Update) int { return cmp.Compare(a.Seq, b.Seq) })
	waits := map[lifecycle.Key]bool{}
	for _, u := range p.Unacked {
		waits[taskKey(u.Task)] = true
	}
	for k, t := range r.tasks {
		switch {
		case !model.TaskState(t.State).Terminal():
			p.Live = append(p.Live, t)
		case !waits[k]:
			p.Ended = append(p.Ended, t)
		}
	}
	byKey := func(a, b *execpb.Task) int { return taskKey(a).Compare(taskKey(b)) }
	slices.SortFunc(p.Live, byKey)
	slices.SortFunc(p.Ended, byKey)
	return p
}

// countingReader counts what was consumed.
type countingReader struct {
	r *bufio.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

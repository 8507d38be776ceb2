package replay

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Record is one job of a log. Times are seconds; -1 = not known.
type Record struct {
	ID         int64
	Submit     int64
	Wait       int64 // where it was first run
	Run        int64
	Procs      int // the larger of those allocated and those asked for
	Limit      int64
	User       int64
	Executable int64
}

// Log is a log as read.
type Log struct {
	MaxProcs int // by the header; 0 = it does not say
	Records  []Record
	Faults   []Fault // lines that could not be read
}

// Fault is a line that could not be read. The others were.
type Fault struct {
	Line int
	Text string
}

func (f Fault) String() string { return fmt.Sprintf("line %d: %s", f.Line, f.Text) }

// Bounds on what is read.
const (
	maxLineBytes = 1 << 16
	maxRecords   = 10_000_000
	maxFaults    = 100
	maxProcs     = 10_000_000
)

// swfFields is how many fields a line has. They are: 1 job, 2 submit, 3 wait,
// 4 run, 5 processors allocated, 6 CPU time, 7 memory, 8 processors asked for,
// 9 time limit, 10 memory asked for, 11 status, 12 user, 13 group, 14 executable,
// 15 queue, 16 partition, 17 preceding job, 18 think time.
const swfFields = 18

// ReadSWF reads a log in the Standard Workload Format. Lines that cannot be read
// are left out and told of in Log.Faults; an error means that the whole could not
// be, or that too much of it could not.
func ReadSWF(r io.Reader) (*Log, error) {
	log := &Log{}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 4096), maxLineBytes)
	n := 0
	for s.Scan() {
		n++
		line := strings.TrimSpace(s.Text())
		switch {
		case line == "":
		case line[0] == ';':
			log.header(line[1:])
		default:
			rec, err := record(line)
			if err != nil {
				log.Faults = append(log.Faults, Fault{n, err.Error()})
				if len(log.Faults) > maxFaults {
					return nil, fmt.Errorf("read job log: more than %d lines are wrong; is it in the Standard Workload Format? the first is %s",
						maxFaults, log.Faults[0])
				}
				continue
			}
			if len(log.Records) == maxRecords {
				return nil, fmt.Errorf("read job log: line %d: more than %d jobs", n, maxRecords)
			}
			log.Records = append(log.Records, rec)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read job log: line %d: %w", n+1, err)
	}
	if len(log.Records) == 0 {
		if len(log.Faults) > 0 {
			return nil, fmt.Errorf("read job log: no line of it is a job; %s", log.Faults[0])
		}
		return nil, fmt.Errorf("read job log: there is no job in it")
	}
	return log, nil
}

// header reads "Name: value". Of nodes and processors the latter count.
func (l *Log) header(text string) {
	name, value, ok := strings.Cut(text, ":")
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if !ok || err != nil || n < 1 || n > maxProcs {
		return
	}
	switch strings.TrimSpace(name) {
	case "MaxProcs":
		l.MaxProcs = n
	case "MaxNodes":
		if l.MaxProcs == 0 {
			l.MaxProcs = n
		}
	}
}

func record(line string) (Record, error) {
	fields := strings.Fields(line)
	if len(fields) != swfFields {
		return Record{}, fmt.Errorf("%d fields, a job has %d", len(fields), swfFields)
	}
	var v [swfFields]int64
	for i, f := range fields {
		x, err := strconv.ParseFloat(f, 64)
		if err != nil || math.IsNaN(x) || math.Abs(x) > 1e12 {
			return Record{}, fmt.Errorf("field %d: %.40q is no number that a job can have there", i+1, f)
		}
		v[i] = int64(x)
	}
	switch {
	case v[1] < 0:
		return Record{}, fmt.Errorf("field 2: job %d was submitted at %d s, want 0 or later", v[0], v[1])
	case max(v[4], v[7]) > maxProcs:
		return Record{}, fmt.Errorf("fields 5 and 8: job %d has %d processors, the limit is %d", v[0], max(v[4], v[7]), maxProcs)
	}
	return Record{
		ID: v[0], Submit: v[1], Wait: v[2], Run: v[3], Procs: int(max(v[4], v[7])), Limit: v[8], User: v[11], Executable: v[13],
	}, nil
}

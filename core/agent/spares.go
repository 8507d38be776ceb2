package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// startWithin bounds an executor's start and each of its first answers.
	startWithin = 10 * time.Second
	// spareCount is how many wait for a job. With one, jobs that come at short
	// intervals would find none every other time. Each takes about 4 MiB.
	spareCount = 2
	// refillAfter lets the job that took the spare start its first tasks before
	// the next spare competes with them for the CPUs.
	refillAfter = 20 * time.Millisecond
	// startAtOnce bounds how many executors start at the same time: more would
	// only slow each other, and what runs, down.
	startAtOnce = 4
	// maxLogBytes is how large the executors' own log may grow before it is turned.
	maxLogBytes = 4 << 20
)

// spares keeps executor processes running ahead of need: a job that finds one
// waits for a message instead of for the start of a program.
type spares struct {
	dir      *dataDir
	command  []string
	cgroup   string // of this agent; each executor has one below it
	host     *isolation.Host
	recovery time.Duration
	warn     func(string, error)

	ctx    context.Context // of the agent
	cancel context.CancelFunc
	wg     sync.WaitGroup

	starting chan struct{} // holds a token per start at the same time

	mu      sync.Mutex
	n       uint64
	ready   []*spare
	filling bool // a refill is on its way
}

// spare is an executor without a job. It ends by itself when its agent does.
type spare struct {
	proc   proc
	conn   *executor.Conn
	cgroup isolation.Tree
	dir    string // its own, which becomes the job's
}

// take returns a spare, or starts an executor if there is none.
func (s *spares) take() (*spare, error) {
	for {
		s.mu.Lock()
		if len(s.ready) == 0 {
			s.mu.Unlock()
			return s.start()
		}
		x := s.ready[0]
		s.ready = s.ready[1:]
		s.mu.Unlock()
		if x.proc.alive() {
			return x, nil
		}
		if err := x.end(); err != nil {
			return nil, err
		}
	}
}

// refill starts spares in the background, one after another, until there are
// enough.
func (s *spares) refill(after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filling {
		return
	}
	s.filling = true
	s.wg.Go(func() {
		pause(s.ctx, after)
		for s.wanting() {
			next, err := s.start()
			if err != nil {
				if s.ctx.Err() == nil {
					s.warn("cannot start a spare executor", err)
				}
				break
			}
			s.mu.Lock()
			s.ready = append(s.ready, next)
			s.mu.Unlock()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.filling = false
	})
}

func (s *spares) wanting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ready) < spareCount && s.ctx.Err() == nil
}

// start starts an executor process and says hello to it.
func (s *spares) start() (*spare, error) {
	select {
	case s.starting <- struct{}{}:
		defer func() { <-s.starting }()
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
	s.mu.Lock()
	s.n++
	name := strconv.FormatUint(s.dir.meta.Boot, 10) + "-" + strconv.FormatUint(s.n, 10)
	s.mu.Unlock()
	rel := s.cgroup + "/" + name
	x := &spare{dir: filepath.Join(s.dir.file(sparesName), name), cgroup: s.host.Tree(rel)}
	if err := os.Mkdir(x.dir, 0o755); err != nil {
		return nil, fmt.Errorf("start executor: %w", err)
	}
	listens, err := s.spawn(x, rel)
	if err != nil {
		return nil, fmt.Errorf("start executor: %w", errors.Join(err, os.RemoveAll(x.dir)))
	}
	defer listens.Close()
	err = x.proc.save(filepath.Join(x.dir, procName))
	if err == nil {
		// Made now, for nothing but its content to come when there is a job.
		err = os.WriteFile(filepath.Join(x.dir, specName), nil, 0o600)
	}
	if err == nil {
		err = x.connect(listens, s.dir.meta.AgentID, s.recovery)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start executor: %w", err), x.end())
	}
	return x, nil
}

// spawn runs the program in a session of its own: signals that a terminal sends
// to the agent are not meant for it. It is reaped if this agent is still there.
// A byte can be read from listens once the executor does.
func (s *spares) spawn(x *spare, cgroup string) (listens *os.File, err error) {
	log, err := s.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	listens, ready, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	args := append(s.command[1:len(s.command):len(s.command)], "--dir", x.dir, "--cgroup", cgroup, "--ready", "3")
	cmd := exec.Command(s.command[0], args...)
	cmd.Args[0] = "tender"
	cmd.Dir = "/"
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{ready} // descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, listens.Close())
	}
	x.proc, err = procOf(cmd.Process.Pid)
	go func() { _ = cmd.Wait() }() // ends with the process, which may outlive the agent
	if err != nil {
		return nil, errors.Join(err, listens.Close())
	}
	return listens, nil
}

func (s *spares) openLog() (*os.File, error) {
	path := s.dir.file(logName)
	if st, err := os.Stat(path); err == nil && st.Size() > maxLogBytes {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// close ends the spares. Executors that have a job are none of its business.
func (s *spares) close() {
	s.cancel()
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.ready {
		if err := x.end(); err != nil {
			s.warn("cannot end a spare executor", err)
		}
	}
	s.ready = nil
}

// end kills an executor that has no job, and removes the cgroups it has made
// ahead of need.
func (x *spare) end() error {
	if x.conn != nil {
		x.conn.Close()
	}
	return errors.Join(x.proc.kill(context.Background()), os.RemoveAll(x.dir), x.cgroup.Destroy(destroyWithin))
}

// connect waits for the executor to listen, and for its answer to Hello.
func (x *spare) connect(listens *os.File, id model.AgentID, recovery time.Duration) error {
	if err := listens.SetReadDeadline(time.Now().Add(startWithin)); err != nil {
		return err
	}
	switch _, err := listens.Read(make([]byte, 1)); {
	case errors.Is(err, io.EOF):
		return errors.New("it ended at once; the executors' log in the data directory says why")
	case err != nil:
		return fmt.Errorf("wait until it listens: %w", err)
	}
	c, err := executor.Dial(filepath.Join(x.dir, executor.SocketName))
	if err != nil {
		return err
	}
	x.conn = c
	st, err := hello(x.conn, id, recovery)
	if err == nil && st.Job != "" {
		err = fmt.Errorf("it says it belongs to job %s", st.Job)
	}
	return err
}

// hello begins a conversation; the answer says what the executor is.
func hello(c *executor.Conn, id model.AgentID, recovery time.Duration) (*execpb.State, error) {
	return ask(c, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Hello{Hello: &execpb.Hello{
		AgentId: string(id), RecoveryTimeoutNs: int64(recovery),
	}}})
}

// ask sends a message that is answered by State. An executor that does not
// answer in time loses its connection.
func ask(c *executor.Conn, msg *execpb.ToExecutor) (*execpb.State, error) {
	limit := time.AfterFunc(startWithin, func() { c.Close() })
	defer limit.Stop()
	if err := c.Send(msg); err != nil {
		return nil, err
	}
	answer, err := c.Recv()
	if err != nil {
		return nil, fmt.Errorf("wait for its answer: %w", err)
	}
	if answer.GetState() == nil {
		return nil, fmt.Errorf("it answered %T", answer.Kind)
	}
	return answer.GetState(), nil
}

// clearSpares ends what spares an earlier run of the agent left.
func clearSpares(ctx context.Context, d *dataDir) error {
	left, err := os.ReadDir(d.file(sparesName))
	for _, e := range left {
		dir := filepath.Join(d.file(sparesName), e.Name())
		if p, err := loadProc(filepath.Join(dir, procName)); err == nil {
			if err := p.kill(ctx); err != nil {
				return err
			}
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/model"
)

// exitRemote is what ssh exits with when it is itself in trouble.
const exitRemote = 255

// reachPatience is how long a host may take to be there: others of a gang start
// at the same moment, and a failover passes.
const reachPatience = 30 * time.Second

// RemoteMain is `tender __remote`: what mpirun calls in place of ssh. It is a
// process of a gang's task and speaks to that task's executor.
func RemoteMain(args []string) int {
	r, err := parseRemote(args)
	if err == nil {
		err = r.run(&app{Env: Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Now: time.Now}})
	}
	if e, ok := errors.AsType[*exitError](err); ok && e.err == nil {
		return e.code
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "tender: %v\n", err)
		return exitRemote
	}
	return 0
}

// remote is a command line as ssh(1) takes it.
type remote struct {
	host    string
	command string // for a shell
	noInput bool
}

// sshValued are ssh's options that take a value; like the others they mean
// nothing here.
const sshValued = "BbcDEeFIiJLlmOoPpRSWw"

func parseRemote(args []string) (*remote, error) {
	r := &remote{}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		option := args[0]
		args = args[1:]
		if option == "--" {
			break
		}
		for i := 1; i < len(option); i++ {
			if option[i] == 'n' {
				r.noInput = true
			}
			if strings.IndexByte(sshValued, option[i]) < 0 {
				continue
			}
			if i == len(option)-1 && len(args) > 0 {
				args = args[1:] // the value is a word of its own
			}
			break
		}
	}
	if len(args) < 2 {
		return nil, errors.New("this stands in for ssh where mpirun starts a gang's ranks: it takes [options] HOST COMMAND")
	}
	r.host = args[0]
	if i := strings.LastIndexByte(r.host, '@'); i >= 0 {
		r.host = r.host[i+1:]
	}
	r.command = strings.Join(args[1:], " ") // as ssh does
	return r, nil
}

func (r *remote) run(a *app) error {
	c := &caller{app: a}
	if !r.noInput {
		c.stdin = a.Stdin
	}
	if err := c.begin(context.Background(), r.through(a), reachPatience); err != nil {
		return err
	}
	return c.run(&sessionpb.Open{Args: []string{"/bin/sh", "-c", r.command}, Stdin: !r.noInput})
}

// through makes connections by way of this task's executor.
func (r *remote) through(a *app) roads {
	return func(_ context.Context, id string, resume bool) (session.Stream, *sessionpb.Claim, error) {
		sock, token := a.Getenv(executor.RemoteSocketVar), a.Getenv(executor.RemoteTokenVar)
		if sock == "" || token == "" {
			return nil, nil, model.Refuse(model.ReasonBadRequest, `reach host %q: this is no task of a gang with launch = "mpirun": %s is not set`, r.host, executor.RemoteSocketVar)
		}
		return executor.DialRemote(sock, &sessionpb.Reach{Host: r.host, Token: token, Session: id, Resume: resume})
	}
}

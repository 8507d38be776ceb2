package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// Exit codes besides those of core/model and a job's own.
const (
	exitTrouble     = 1   // something went wrong on this machine
	exitUsage       = 2   // the command line was not understood
	exitInterrupted = 130 // 128 + SIGINT, as a shell has it
)

// exitError ends a command with a code. A nil err has been told to the user already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is a command line that was not understood.
type usageError struct {
	cmd *cobra.Command
	err error
}

func (e *usageError) Error() string { return e.err.Error() }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd: cmd, err: fmt.Errorf(format, args...)}
}

// rejected is a job file that was not taken; what is wrong has been printed.
func rejected() error { return &exitError{code: model.ExitRejected} }

// exitCode is the code that a command which returned err exits with.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if r, ok := errors.AsType[*model.Refusal](err); ok {
		switch r.Reason {
		case model.ReasonUnavailable, model.ReasonNotLeader:
			return model.ExitUnreachable
		}
		return model.ExitRejected
	}
	if unreachable(err) {
		return model.ExitUnreachable
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	return exitTrouble
}

func unreachable(err error) bool {
	_, silent := errors.AsType[*client.UnreachableError](err)
	_, broken := errors.AsType[*client.BrokenError](err)
	_, strange := errors.AsType[*client.ProtocolError](err)
	return silent || broken || strange
}

// failure is an error as -o json prints it.
type failure struct {
	Error    model.Refusal `json:"error"`
	ExitCode int           `json:"exit_code"`
}

// describe turns err into a refusal, with a reason of this side's where no
// master was involved.
func describe(err error) model.Refusal {
	if r, ok := errors.AsType[*model.Refusal](err); ok {
		return *r
	}
	reason := model.Reason("failed")
	switch code := exitCode(err); code {
	case model.ExitUnreachable:
		reason = "unreachable"
	case model.ExitRejected:
		reason = model.ReasonInvalidJob
	case model.ExitPending:
		reason = "pending"
	case exitUsage:
		reason = "usage"
	case exitInterrupted:
		reason = "interrupted"
	}
	return model.Refusal{Reason: reason, Message: err.Error()}
}

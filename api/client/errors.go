package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// UnreachableError says that no master answered.
type UnreachableError struct {
	Addresses []string      // where it was tried, host:port
	Errs      []error       // the last failure at each, in the same order
	For       time.Duration // how long it was tried; 0 = once
}

func (e *UnreachableError) Error() string {
	var b strings.Builder
	if len(e.Addresses) == 1 {
		fmt.Fprintf(&b, "no master answers at %s: %s", e.Addresses[0], dialText(e.Errs[0]))
	} else {
		b.WriteString("no master answers:")
		for i, a := range e.Addresses {
			fmt.Fprintf(&b, " %s (%s)", a, dialText(e.Errs[i]))
		}
	}
	if e.For >= time.Second {
		fmt.Fprintf(&b, "; tried for %v", e.For.Round(time.Second))
	}
	return b.String()
}

// Why says what was the matter at the nth of Addresses.
func (e *UnreachableError) Why(n int) string { return dialText(e.Errs[n]) }

// Unwrap returns the failures behind e.
func (e *UnreachableError) Unwrap() []error { return e.Errs }

// dialText drops what net repeats: the operation and the address.
func dialText(err error) string {
	if refusal, ok := errors.AsType[*model.Refusal](err); ok {
		return refusal.Message
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "look up " + dns.Name + ": " + dns.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Timeout() {
		return op.Op + " timed out"
	}
	return err.Error()
}

// BrokenError says that the connection broke while a request that must not be
// repeated blindly was under way: it may or may not have been carried out.
type BrokenError struct {
	Address string
	Err     error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("the connection to %s broke before the answer came, so it is not known whether the request was carried out: %s",
		e.Address, dialText(e.Err))
}

// Unwrap returns the cause.
func (e *BrokenError) Unwrap() error { return e.Err }

// ProtocolError says that something answered that is not a tender master, or one
// of a version this client does not understand.
type ProtocolError struct {
	Address string
	Status  string // HTTP status line
	Text    string // what was wrong with the answer
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("what answers at %s is not a tender master this client understands (HTTP %s: %s)", e.Address, e.Status, e.Text)
}

// temporary reports whether the cluster may carry the request out in a moment.
func temporary(r *model.Refusal) bool {
	return r.Reason == model.ReasonUnavailable || r.Reason == model.ReasonNotLeader
}

// neverSent reports whether err came before a byte of the request left.
func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Package health watches over an allocation that runs: it asks its checks, and
// says when what they say has changed.
//
// A Machine decides, and is pure: when to ask which check, what a result means,
// what to report, and when a task whose check fails too often must end. Run is
// the loop around one; it owns its Machine, and its goroutine ends with the
// allocation's context. What is asked, and how, is a Prober's: Ask knows http
// and tcp, a script is the executor's to run.
//
// Invariants:
//
//   - A check is asked once at a time, and at most every interval, but for the
//     time before it has passed first: then every second if that is more often.
//   - Something is reported only if a check began to pass or to fail, or, at most
//     once a minute, if one that fails has another reason.
//   - At most one Fail, and nothing after it.
package health

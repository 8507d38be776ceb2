// Package client is the Go client of tender's JSON API, the one the command
// line uses.
//
// A Client is given the addresses of some masters, any of which serves every
// request (a standby passes it on). It stays with the one that last answered
// and, while a failover is on, repeats what is safe to repeat: queries, and
// submissions, which carry an idempotency key. Log and event streams go on
// where they broke off.
//
// A refusal by the master is returned as a *model.Refusal, so errors.As and its
// Reason say what happened; a cluster that does not answer is an
// *UnreachableError; an answer that is not tender's is a *ProtocolError.
//
// A Client may be used by several goroutines at once. It owns no goroutine of
// its own between calls, but for net/http's idle connections (see Close).
package client

// Package sdk is what framework policies share: a set of slot numbers, timers,
// the book of demands sent and of launches refused, what a job asks of agents,
// retry bookkeeping, the assignment of slots to offers, the outbox of a step, lists
// of jobs, and the encoding of a framework's own events.
//
// A framework is a pure machine (model.Framework): its host owns it and calls
// it from one goroutine, and so do the values here belong to one machine. They
// read no clock and do no IO.
//
// What a policy keeps falls in two parts that must not mix. The folded part
// follows from journaled events alone and is what Snapshot writes. The
// transient part (demands sent, timers, offers being answered) belongs to one
// leader's term and is rebuilt when the host says model.Leading.
package sdk

// Package batch is the framework for jobs that end: a queue ordered by priority
// and age, arrays, gangs, dependencies, retries and the history of what ended.
//
// It is a pure machine (model.Framework and model.Querier). The master owns it
// and calls it from one goroutine; it reads no clock and does no IO. A Step
// whose turn could not be committed must be followed by Restore: Step changes
// the machine at once.
//
// Invariants:
//
//   - The folded state follows from journaled events alone: Step folds exactly
//     the events it is given or returns, through the same code as Apply, so
//     equal journals give equal Snapshot bytes. The host journals the Staged or
//     Statuses given to a Step before the events which that Step returns.
//   - A slot has at most one live attempt. The next is launched only after the
//     last one is terminal, and attempt numbers only rise, so a task id is
//     never used twice.
//   - A waiting slot of a job that is not blocked is covered by a demand, or
//     Why says what holds it back (array limit, retry delay, refused launches).
//   - At most Array.Limit slots of a group are live or being launched at once.
//   - A gang is launched whole, and goes back to the queue whole.
//
// Transient state (demands sent, timers, offers being answered) belongs to one
// leader's term: it is not in the snapshot and is rebuilt at model.Leading.
package batch

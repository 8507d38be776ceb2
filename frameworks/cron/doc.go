// Package cron is the framework for scheduled jobs: when each is due, what becomes
// of a run that is due while the one before goes on or that was missed, and the
// DAG of jobs whose runs follow others'. A run itself is an ordinary batch job.
//
// It is a pure machine (model.Framework and model.Querier). The master owns it and
// calls it from one goroutine; it reads no clock and does no IO. A Step whose turn
// could not be committed must be followed by Restore.
//
// Invariants:
//
//   - The folded state follows from this framework's own events alone, through the
//     same code in Step and Apply, so equal journals give equal Snapshot bytes.
//   - Each due time of a schedule is decided once: the event that makes a run of
//     it, has it wait or skips it also moves the schedule's decided time, which only
//     rises. The run's job is submitted (model.Spawn) in the same turn, so both
//     are committed or neither; its id is the schedule's and the run's number.
//   - Unless overlap is allowed, at most one run of a schedule has not ended.
//   - What is kept is bounded: schedules, runs of each, those waiting, those made up for.
//
// A schedule that is not due costs one entry in a heap of timers.
package cron

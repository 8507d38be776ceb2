// Package lifecycle decides what an executor does with its job's allocations:
// which task of a group starts when, what the end of one means for the others,
// and what is reported about the whole attempt.
//
// It is pure: Machine.Step takes the time and an input and returns effects, and
// does no IO. One goroutine, the executor's loop, owns a Machine.
//
// The order within an allocation: prestart sidecars at once, other prestart
// tasks one after another, then all main tasks, then poststart tasks. The
// attempt is RUNNING from when its last main task has started. When every main
// task has ended, or a leader has, or anything failed, the rest is stopped;
// poststop tasks run last.
//
// Invariants:
//
//   - An attempt is started at most once, however often it is launched.
//   - Exactly one terminal report is made about each attempt, as its last one,
//     after every task of it has ended.
//   - The states reported about an attempt follow model's task state table.
package lifecycle

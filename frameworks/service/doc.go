// Package service is the framework for work that does not end: services, of which
// a number of equal tasks is kept running, and system jobs, of which every agent
// that fits runs one.
//
// It is a pure machine (model.Framework and model.Querier). The master owns it
// and calls it from one goroutine; it reads no clock and does no IO. A Step
// whose turn could not be committed must be followed by Restore.
//
// # Words
//
// A job is known by its name: submitting the name again makes a new version of
// the same job. A group of it has slots, numbered from 0; a system job's group has
// one for each agent. A slot has an allocation, and while that is being replaced a
// second one, its successor. An allocation is one task after another: it goes on
// when a task of it has failed.
//
// An allocation's tasks are launched as a job of their own, ID.BASE or
// ID.BASE.LANE: BASE is the version whose description they run, which stays the
// same over versions that change nothing about the tasks; LANE tells a successor
// of the same version from what it replaces. So a task id is one attempt, and a
// slot has at most one live attempt in each base and lane.
//
// # How it decides
//
// What follows from an event without a clock is done where it is folded
// (fold*.go). What depends on time or is a choice (whom to replace next, who counts
// as healthy, that a deployment has failed) is decided by the leader in plan*.go
// and journaled as an event of its own. The planner looks at a job when something
// about it changed or when the time has come that it asked for: a job at rest
// costs nothing.
//
// # Invariants
//
//   - The folded state follows from journaled events alone: Step folds exactly
//     the events it is given or returns, through the same code as Apply.
//   - An allocation has at most one live task, and attempt numbers only rise.
//   - A slot's successor is launched beside the allocation it replaces only in
//     another base or lane; what is to start in its place starts after its end.
//   - A deployment stops an allocation that works only when its successor has been
//     healthy for min_healthy_time, or if fewer than max_parallel slots of the
//     group are without a healthy one.
//   - A waiting allocation is covered by a demand, or Why says what holds it back.
//
// Transient state (demands sent, timers, offers being answered) belongs to one
// leader's term: it is not in the snapshot and is rebuilt at model.Leading.
package service

// Package sim runs the real master, agent and framework machines on a virtual
// clock, network, journal and set of hosts, breaks what can break, and checks
// after every step that what must hold does.
//
// One run is one goroutine and one seed: Run with equal Options is the same run,
// event for event, which Result.Hash shows. Nothing here reads a clock, does IO
// or starts a goroutine.
//
// # What is real and what is simulated
//
// Real: core/master.Machine with core/offers inside, frameworks/batch, frameworks/service, and
// core/agent.Machine. Simulated, with the semantics of the real thing: etcd and
// core/journal (etcd.go, append.go, lease.go, follow.go), the master's and the
// agent's loops (master.go, agent.go: persist, then send), gRPC streams
// (stream.go: in order while they live, half open when they break), hosts, their
// disks, executors and processes (host.go, executor.go, process.go), and people
// with an API client (people.go, roles.go, drains.go).
//
// # What is checked
//
//   - truth.go, at every process that starts or ends, by what runs rather than by
//     what anybody believes: at most one live attempt of a slot on all hosts; no
//     start before its launch is committed or after its end is; no agent with
//     more than it has; exclusive, distinct_hosts, array limits.
//   - auditor.go, at every commit: the state table, an end reported once and as
//     it was, an exit code that was really given, gangs staged whole, and no
//     commit by a deposed leader.
//   - checks.go, at every turn: Machine.Audit; at random turns: the same state
//     byte for byte from a snapshot and the log behind it; now and then: an
//     explanation for every slot that waits, and no half gang.
//   - roles.go: no launch takes a role above a limit that its operator was told is
//     in force; only what said so is preempted, and only for what may; what was
//     preempted is tried again.
//   - dues.go, dueoracle.go, at every commit: each due time of a schedule is decided
//     once and in turn, by a run that its policy allows or left out for a reason that
//     overlap, catch_up, a pause or the DAG gives; now and then: whoever leads decides
//     what is due.
//   - everywhere.go, at every commit: of a job that runs on every agent one run on each
//     that matches, tried again where it was; and it ends when all of them have.
//   - drains.go: nothing is launched on a node whose drain was acknowledged.
//   - people.go: an acknowledged submission stays known, one key is one job.
//   - settle.go, after a quiet period: every job has ended unless it cannot,
//     nothing runs, nothing is left on any agent.
//
// # What it has been shown to catch
//
// MUTATIONS.md lists faults planted in the machines and the seeds that found
// them.
package sim

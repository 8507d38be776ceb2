// Package agent is the part of tender that runs on every node: it registers
// with the leading master, starts one executor per job, hands it that job's
// tasks, and reports what becomes of them until the master has acknowledged it.
//
// All decisions are made by Machine, which is pure: the files machine*.go do no
// IO, read no clock and start no goroutine, and a test holds them to that. The
// loop owns a Machine, feeds it from one goroutine and carries out its effects in
// order, so that what must be durable is written before anything is sent.
//
// Invariants:
//
//   - A task id is started at most once on an agent.
//   - A job has at most one living executor here; the next one starts only when
//     the tree of the one before is known to be dead.
//   - An update is sent again after every registration until it is acknowledged;
//     update sequence numbers are never used twice in a data directory.
//   - A task is reported as ended only when nothing of it runs any more.
//   - Out of contact with a leading master for the agreed time, an agent kills
//     its tasks: after that time another agent may run them.
//   - A master whose epoch is lower than the highest one seen is not obeyed.
package agent

// Package executor is the process that runs one job's tasks on one agent. It is
// started by the agent as "__executor --sock PATH", in a session of its own, and
// outlives it: tasks go on while the agent is away, even after kill -9, and what
// happened meanwhile is reported when an agent connects again.
//
// One goroutine, the loop, owns the job's state: a lifecycle.Machine, the
// updates that are not acknowledged, and state.log. Launches and updates are
// written there before they are sent, so that an agent that finds its executor
// dead can read what had happened (ReadStateLog). Tasks are started by a few
// workers in cells taken from a pool; each running task costs no goroutine but
// those that wait for its output.
//
// Invariants:
//
//   - An update is in state.log before any agent sees it, and is sent again on
//     every connection until it is acknowledged.
//   - When the executor dies, its tasks die: namespaces end with their init,
//     which has PR_SET_PDEATHSIG, as raw_exec's main processes have. What those
//     left behind is in the cgroups that state.log names.
//   - A task's terminal update comes after everything it started is gone and its
//     output is in its log files.
package executor

// Package isolation gives a task its bounds on Linux: cgroups (v1, hybrid and
// v2) for CPU, memory and process count, for accounting and for killing a whole
// tree, and a pid and mount namespace of its own.
//
// The unit is a Cell: a cgroup, and for the exec driver a namespace pair with an
// init, made once and used for one task after another. Between two tasks
// everything in it is killed and its counters are reset; a cell that cannot be
// brought back to a clean state says so and is thrown away.
//
// Groups lie below the cgroup that the calling process is in, in a directory
// named "tender", so that whatever bounds the machine's operator put around the
// agent stay in force for its tasks.
//
// A Cell and a Group belong to one goroutine at a time. Host, Tree and Reaper
// may be used from any goroutine.
package isolation

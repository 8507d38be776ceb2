// Package apitest is a small, complete master in memory for the tests of what
// sits on its API: the HTTP handler, the Go client, the command line. It keeps
// jobs, tasks, logs and events, and does with them what the real master does;
// only nothing runs: the test says when a task starts, prints and ends.
//
// A Master may be used from many goroutines; its lock covers everything.
package apitest

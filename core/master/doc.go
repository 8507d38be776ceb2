// Package master is the master: it knows the agents and the live tasks, turns
// free room into offers for the frameworks it hosts, checks what they accept,
// and carries launches and status updates between them and the agents.
//
// The Machine (machine*.go, state.go, records.go) is pure and decides
// everything. It is owned by one goroutine at a time: the follower's while this
// master stands by, the leader loop's (loop.go) while it leads. The loop feeds
// it one turn of inputs at a time and carries out the effects in order: commit
// the turn's records to the journal as one group, then send.
//
// Invariants: allocated + offered ≤ capacity on every agent (core/offers); a
// task is launched only after its Staged record is durable; an update is
// acknowledged only after its record is durable; replaying the records gives
// the state the leader had.
package master

// Package offers is the allocator: from what agents have, what runs, what is
// offered and what is wanted it makes offers, checks acceptances and explains
// why a demand waits.
//
// It is pure: no clock, no IO, no goroutines, no randomness. A Book is plain
// data owned by the master's machine and used from its goroutine only. The same
// calls in the same order give the same offers.
//
// # How a pass works
//
// Demands that ask the same of an agent share a room (shape, constraints,
// exclusive), and those that also have the same groups share a class. A pass
// takes the classes by their first demand in plan order (rank, then Seq) and
// serves them until nothing more fits; a class whose first demand does not fit
// is set aside whole, for none behind it fits either. So a pass costs what it
// places plus a little for each class, however many demands wait.
//
// Placement is first fit in the order in which agents came. Agents stand in a
// tournament tree over what they have free, and every room remembers when it
// last found no agent: only agents that gained something since are looked at
// again. A pass after a small change is a small pass, and a pass after no
// change is none.
//
// This first allocator holds nothing back: where a demand does not fit, those
// behind it are served. Roles are recorded and not yet shared between.
//
// What agents have left after all demands is offered to subscribers: frameworks
// that send no demands (classic.go, planClassic). What those declined is
// filtered for a time (filters.go).
//
// # Invariants
//
//   - For every agent and resource, allocated + offered ≤ capacity. What agents
//     report (Use, SetAgent) is fact and may exceed it; then nothing is offered
//     there until it does not.
//   - A gang's offer holds all groups' full counts.
//   - An agent with an exclusive task on it, or on offer, has no other.
//   - No agent has more of a group's tasks, offered ones included, than the
//     group's MaxPerAgent.
//   - After a pass no waiting demand could be served with what is left, and
//     no subscriber offered any of it.
//   - Nothing declined is offered to the same subscriber before its time is up,
//     unless its agent has more than was declined or it is revived.
//
// Audit checks those that are about what is promised; the tests, all of them.
package offers

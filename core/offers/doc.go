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
// exclusive), and those that also have the same role, groups and time limit share
// a class. The classes of a role stand in a line by their first demands in plan
// order (rank, then Seq). A pass, Book.Plan,
//
//  1. serves those for which tasks were recalled before (serveFavoured): the room
//     is theirs;
//  2. chooses the classes that may get something, and the first of those that
//     cannot (queueUp, line.go): where nothing was freed only new ones can;
//  3. takes the line whose role goes first, by unmet guarantees and then by
//     dominant shares (package shares), and serves its first class for as many
//     tasks as the role's share allows before another is due. A class whose first
//     demand does not fit is set aside whole, for none behind it fits either;
//  4. before it serves anybody, gives holds to those that went unserved before
//     (holdPending): a hold is made when somebody could be in its way, and a pass
//     that serves nobody makes none;
//  5. recalls preemptible tasks for the first of those that went unserved, where
//     that helps them to start sooner (preempt.go, inverse.go);
//  6. offers what agents have left to subscribers, frameworks that send no
//     demands (classic.go, planClassic). What those declined is filtered for a
//     time (filters.go).
//
// So a pass costs what it places plus a little for each class, however many
// demands wait.
//
// # Holds
//
// A hold (hold.go, holding.go) is room kept for a demand from a time on, its
// shadow time, found by letting what runs end by its time limit (forecast.go;
// beside other holds, around.go). Holds are worked out anew in each pass. One
// that follows from time limits moves to earlier times only, unless what it
// stands on is gone. Where tasks have no limit it is an estimate (guessEnd): it
// stays on its agents (stay.go), is soft at first, keeping off only demands of
// lower priority in its role, and firm after Settings.Patience. No hold counts on
// the end of a lasting task: what can only start then has none (lasting.go).
//
// Others may use held room until then, for what ends in time: window.go clips what
// an agent has for a demand by the holds that its tasks would run into, and the
// offer says until when (UnavailableFrom). What ends before the first hold begins is
// served as if there were none, from the index of what is free (near); what runs
// past the last one, from an index of what is free beside all of them, once enough
// searches need it (far); others look at what is free and ask the filter (mixed).
//
// # What is remembered
//
// Agents stand in a tournament tree over what they have free, and every room
// remembers when it last found no agent: only agents that gained something since
// are looked at again. Shapes that nothing was found for rule out larger ones
// (dominance.go). What a search learns among holds is kept for the pass at most,
// or not at all, as sight says. Across passes each line remembers who went
// unserved first (kept), so that a new demand need not meet all that wait; each
// demand its hold, or that none was found. A pass after a small change is a small
// pass, and a pass after no change is none.
//
// Explanations are computed when somebody asks, on copies (whatif.go), with the
// filter that the pass uses, beside the holds of those that go first (ahead.go).
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
//   - No role uses more than its limit by what is offered, nor those above it.
//   - A hold that follows from time limits never moves later because of a demand
//     behind it, and who has one starts by then.
//   - After a pass no waiting demand could be served with what is left beside the
//     holds, and no subscriber offered any of it.
//   - Nothing declined is offered to the same subscriber before its time is up,
//     unless its agent has more than was declined or it is revived.
//
// Audit checks those that are about what is promised; the tests, all of them.
package offers

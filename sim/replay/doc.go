// Package replay runs the job logs of real machines through the real allocator
// (core/offers) and the real batch policy (frameworks/batch) on virtual time, and
// measures what came of it: how well a policy does can be told before it is used.
//
// Logs are in the Standard Workload Format of the Parallel Workloads Archive
// (Chapin et al., 1999), which ReadSWF reads.
//
// The protocol is that of published simulations (Gaussier et al., "Improving
// backfilling by using machine learning to predict running times", SC'15), so that
// figures can be compared: events come one at a time, submissions before
// terminations in the same second, and a pass follows each; after a submission
// only if the free processors would hold that job. Processors count as free once a
// job's limit is up. Which jobs are replayed is said at Log.choose.
//
// It is pure: a reader and options in, results out. A Run owns all it makes and
// uses one goroutine; the same log and options give the same results.
package replay

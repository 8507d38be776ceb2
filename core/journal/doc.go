// Package journal keeps a durable, totally ordered log of record groups on etcd
// and says who may write to it.
//
// Its duty: elect one leader, commit each of the leader's groups as one fenced
// unit, replay groups to whoever folds them (a standby that tails, a leader that
// starts), keep the log short with chunked snapshots, and run an etcd inside the
// process when nobody provides one. It is the only package that imports etcd.
//
// # Layout
//
// Everything lives below /tender/<cluster>/:
//
//	leader                    who leads; held by a lease; its create revision is the epoch
//	head                      index of the last committed group, and the epoch that wrote it
//	log/<index>.<part>        the parts of a group (one, for most)
//	snap/<id>/<chunk>         the chunks of a snapshot
//	masters/<identity>        a master that is there, leading or not; held by a lease
//	snapshot                  the manifest of the current snapshot
//
// # Invariants
//
//   - Every write is one etcd transaction that compares the leader key's create
//     revision with the writer's epoch: a deposed leader writes nothing.
//   - A group is committed by the transaction that moves head to its index.
//     That transaction also compares head with the previous index, so a group is
//     committed once however often the request is repeated, and a group whose
//     earlier parts were written by a leader that died is not there at all.
//   - Indexes are consecutive from 1. A Folder sees each committed group whole,
//     once, in order.
//   - A snapshot becomes current only after all of its chunks are written; log
//     entries it covers are deleted only after that.
//   - After an Append whose outcome the term cannot determine, the term is over:
//     only a replay says what the log holds.
//
// # Who runs what
//
// A Journal is safe for concurrent use. Lead and Follow call the Folder from the
// goroutine that called them and from no other. A Term's Append is called by one
// goroutine at a time; Snapshot may run beside it.
package journal

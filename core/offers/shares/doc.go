// Package shares is the tree of roles: what each may use, is guaranteed and
// uses, and which of those with work goes first.
//
// It is pure, single-threaded data owned by whoever made the Tree; nothing here
// reads a clock. Amounts are model.Resources; a node's sums include the nodes
// below it. Charge, Headroom, Below, First, Slack and Drop allocate nothing.
//
// # The order
//
// Dominant resource fairness (Ghodsi et al., NSDI 2011): a role's share is the
// largest of its used / total over the resources, and the role with the smallest
// share by weight goes first. Over the tree it is done as in Apache Mesos, which
// Bhattacharya et al. (SoCC 2013) call naive hierarchical DRF: from the root
// down, at each node the child with the smallest share of the whole cluster's
// resources; a node's own demands compete with its children as one more child
// of weight 1 (Mesos' "."). The known trade-off: a subtree is judged by the sum
// of what is below it, so one whose roles use complementary resources (one only
// CPU, one only GPU) has a smaller dominant share than its parts together, and a
// role blocked on an exhausted resource can leave its siblings with less than
// H-DRF would give them. H-DRF proper rescales every subtree at every change; it
// costs a pass over the tree for a task, and its shares cannot be explained by
// two numbers.
//
// Guarantees come before shares: a child with an unmet guarantee, its own or one
// below it, goes before its siblings that have none.
//
// # When a guarantee counts
//
// A task counts as guaranteed to a role as long as the role uses less than its
// guarantee in every resource that is guaranteed and that the task asks for, of
// which there must be one. Not "in some": a role with cpus=10 memory=1TiB
// guaranteed and tasks of little memory would never reach the memory, and so
// take all CPUs of the cluster before anybody else.
//
// # Invariants
//
//   - A node's used is the sum of what was charged to it and below it.
//   - A ranking's first node is the one that a comparison of all siblings on the
//     way down would find.
//   - A node is in the tree while it is configured, retained, used or wanted, or
//     has a child that is.
package shares

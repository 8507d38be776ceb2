// Package openb replays the GPU workload of Alibaba's cluster-trace-gpu-v2023
// ("openb") as the FGD paper does: tasks come in an order shuffled by a seed,
// with repeats until they ask for more GPUs than there are, each is placed or
// dropped at once, and none leaves. What counts is how much of the GPU capacity
// is allocated in the end.
//
// It is pure: one goroutine, and the same options give the same result.
//
// Source: Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads
// with Fragmentation Gradient Descent", USENIX ATC 2023, section 6.
package openb

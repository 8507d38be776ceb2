// Package gpu knows the devices of an agent: which fit a request, which of
// those to take, and how much of what is then left somebody could still use.
//
// It is pure and plain data: no clock, no IO, no locks. Devices never change and
// may be shared; a State belongs to whoever made it and is cheap to copy, for a
// planner tries many. The rooms below talk to hardware: gpu/nvml reads NVIDIA's
// library, gpu/fake stands in where there is none.
//
// # Rules
//
//   - A task's shares are all of different devices: nothing that reads
//     CUDA_VISIBLE_DEVICES wants one twice.
//   - A whole device is one of which nothing is taken. A MIG instance is taken
//     whole, and only by those who ask for its profile.
//   - Of an unhealthy device nothing is ever given; what was is still its tasks'.
//   - Fits is how often Pick would succeed in a row, and Why says what was in the
//     way where that is never.
package gpu

// Package mpi brings the ranks of an MPI job together.
//
// Machine is the server side of PMI-1, the process management interface that
// MPICH and what descends from it speak to whatever started them (Flux RFC 13
// has the grammar). Each executor of a gang has one for the ranks that it runs.
// The one of the first node owns the job's key-value space: the others send it
// what their ranks have put, once per barrier, and get back what all have put.
//
// A Machine is pure: Step takes the time and an input and returns effects. One
// goroutine owns it, the executor's loop.
//
// Invariants:
//
//   - No rank leaves a barrier before all ranks of the job have entered it, and
//     then each can get what any rank put before it.
//   - Messages between Machines may be lost, repeated and delayed.
//   - Whatever a rank or another Machine says, memory is bounded and no line
//     that belongs to one rank is answered to another.
package mpi

// Package jobspec turns an HCL 2 job file into a model.Job, with diagnostics
// that point at the file; and it holds the job's canonical form, the diff of
// two versions, the file formatter and the checks every job must pass.
//
// It is pure: it reads no clock, no environment and no file but what its caller
// passes in Options, and it may be called from any number of goroutines.
//
// Invariants:
//   - Nothing in a file is silently ignored: a name is understood, refused with
//     what to use instead, or unknown with a near-miss suggestion.
//   - One run reports all mistakes, in the order of the file.
//   - Equal files, variables and environment give equal jobs, byte for byte.
//   - No input exhausts the stack or the memory: nesting is bounded before the
//     parser sees a file, and evaluation spends a fixed budget (see meter).
//   - Parse, and Validate for jobs that came without a file, hold a job to the
//     same rules: Parse runs Validate and looks up where each value was written.
//
// A file passes through these stages: lex and bound (limits.go), parse
// (syntax.go), prepare every expression (prepare.go), variables and locals, open
// each block against its table (schema.go, block.go), decode (decode_*.go),
// check (validate_*.go).
package jobspec

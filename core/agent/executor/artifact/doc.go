// Package artifact brings files into a task's sandbox before the task starts:
// from the agent's own file system or over http and https, checked against a
// checksum, and unpacked if they are archives.
//
// What comes over the network is kept in the job's directory for as long as the
// executor lives, so that an array of a thousand fetches an artifact once.
//
// Everything is written through os.Root: neither a destination nor an archive's
// entry nor a link inside one can lead out of the sandbox. Sizes, counts and
// times are bounded by Limits.
//
// A Store may be used from any goroutine.
package artifact

// Package tasklog keeps what tasks print: one stream per task and descriptor,
// in files of a fixed size of which the oldest are removed.
//
// File N of a stream holds its bytes from N×MaxFileBytes on, exactly that many
// unless it is the newest. So the place of a byte follows from its offset alone,
// and readers need nothing but the directory.
//
// A Writer belongs to one goroutine at a time; so does a Reader. Writer and
// Readers may be in different processes.
package tasklog

// Package cli is the tender command: its commands, what they print, and their
// exit codes. It talks to a cluster through api/client alone, reads job files
// with jobspec, and starts the daemons.
//
// Data goes to standard output and everything else (progress, warnings, hints,
// errors) to standard error, so that output can be piped. All of the outside
// world that a command touches comes in an Env, so that tests see what a
// terminal of a given width would.
//
// One goroutine runs a command; those it starts (log streams) have ended when
// it returns.
package cli

package journal

import "errors"

// Errors a caller acts on; test with errors.Is.
var (
	// ErrDeposed: this process no longer leads, and the group is not in the log
	// and never will be. The term is over; call Lead with a fresh Folder.
	ErrDeposed = errors.New("leadership was lost")
	// ErrOutcomeUnknown: etcd could not be asked, until leadership or the context
	// ended, whether the group is in the log. It may be. The term is over: call
	// Lead with a fresh Folder, which replays what the log really holds.
	ErrOutcomeUnknown = errors.New("the outcome of the commit is unknown")
	// ErrTooLarge: the group or snapshot is beyond its limit. Nothing was
	// written and the term goes on.
	ErrTooLarge = errors.New("too large")
	// ErrCorrupt: the log holds something no leader can have written.
	ErrCorrupt = errors.New("the journal is damaged")
	// ErrClosed: the Journal was closed.
	ErrClosed = errors.New("the journal is closed")
)

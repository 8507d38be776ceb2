// Package archtest holds the house rules that a compiler does not: which room
// may import which, where no clock is read and no IO done, and how large a file
// may grow. Its tests parse the sources of the whole module; they need no
// network and no build. It owns no goroutine and no state.
//
// The rules are tables in rules_test.go. A room that is new, or that rightly
// needs another, changes its line there, in the same commit and with a reason.
package archtest

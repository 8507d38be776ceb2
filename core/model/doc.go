// Package model is the vocabulary every room shares: identifiers, the job as
// declared, tasks and their state table, resources, offers and demands, reasons
// and explanations.
//
// It is a leaf: it imports nothing but the standard library, does no IO and
// reads no clock. Values are plain data; who owns a value is said by the room
// that holds it. JSON tags are the wire and journal form, so a renamed tag is a
// format change.
package model

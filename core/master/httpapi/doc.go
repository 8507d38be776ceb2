// Package httpapi serves a master's JSON API, the one that people's tools use,
// over HTTP/1.1: jobs, tasks, reasons, logs, the event stream, agents and offers.
//
// It decides nothing. A request is checked for form, handed to a Backend and
// its answer written down; a master that does not lead passes the request on to
// the one that does. Handlers run on net/http's goroutines and share only what
// New was given, so a Backend must be safe for concurrent use.
//
// Invariants:
//   - Every error is a model.Refusal in JSON with a status chosen from its
//     Reason (see statusOf), also for paths and methods that do not exist.
//   - A JSON field or query parameter that is not known is refused by name.
//   - No job reaches the Backend that Config.Check finds fault with.
//   - A forwarded request is never forwarded again.
package httpapi

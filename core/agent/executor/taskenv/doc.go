// Package taskenv works out what a task sees: its environment, and what the
// runtime references in its description (${attr.…}, ${node.…}, ${meta.…},
// ${env["…"]}, ${TENDER_…}, ${NOMAD_…}) stand for.
//
// It is pure and has no goroutines. An Env belongs to one task attempt.
package taskenv

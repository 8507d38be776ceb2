package model

import (
	"fmt"
	"strings"
)

//go:generate go run ../../internal/statedoc -o ../../docs/task-states.md

// TaskStateDoc returns the task state machine as a Markdown page: a Mermaid
// diagram and a table, both from the transition table.
func TaskStateDoc() string {
	var b strings.Builder
	b.WriteString("# Task states\n\n" +
		"Generated from the table in core/model/taskstate.go by `make generate`. Names and meanings are those of\n" +
		"Mesos v1. A task starts as STAGING; a terminal state is final.\n\n```mermaid\nstateDiagram-v2\n    [*] --> STAGING\n")
	all := func(yield func(from, to TaskState)) {
		for from := range TaskState(len(taskStateNames)) {
			for to := range TaskState(len(taskStateNames)) {
				if taskTransitions[from]&(1<<to) != 0 {
					yield(from, to)
				}
			}
		}
	}
	all(func(from, to TaskState) { fmt.Fprintf(&b, "    %s --> %s\n", from, to) })
	for s := range TaskState(len(taskStateNames)) {
		if s.Terminal() {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	b.WriteString("```\n\n| from | to |\n|---|---|\n")
	var last TaskState
	row := []string{}
	flush := func() {
		if len(row) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", last, strings.Join(row, ", "))
		}
		row = row[:0]
	}
	all(func(from, to TaskState) {
		if from != last {
			flush()
		}
		last, row = from, append(row, to.String())
	})
	flush()
	return b.String()
}

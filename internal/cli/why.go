package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) whyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why [flags] JOB",
		Short: "Say why a job does not run yet, and what would start it",
		Long: `Why says what a job waits for: for each part of it how many tasks want to start
and how many could right now, the reasons in the order of their weight, the
agents behind each, what would clear it, the smallest change that would start the
job now, and when it is expected to start where that can be told.

A reason belongs to one of four tiers: never (impossible as written, on the agents
there are), blocked (by another job or a limit), waiting (for resources in use),
held (resources are set aside for it).`,
		Example: `  tender why last
  tender why train -o json | jq '.explanations[].why[].reason'`,
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			view, err := c.Why(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch a.output {
			case formatJSON:
				return a.printJSON(view)
			case formatName:
				return a.printNames([]string{string(view.Job.ID)})
			}
			return a.print(a.renderWhy(view))
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) renderWhy(v model.WhyView) []byte {
	p, now := a.stdoutPaint(), a.Now()
	var b bytes.Buffer
	j := v.Job
	fmt.Fprintf(&b, "job %s (%s) %s", oneLine(j.Name), j.ID, p.paint(jobStyle(j.State), stateText(j.State)))
	switch {
	case j.State.Ended():
		fmt.Fprintf(&b, "%s: nothing of it waits\n", endText(j))
		return b.Bytes()
	case j.Started.IsZero():
		fmt.Fprintf(&b, ", submitted %s ago\n", ago(now, j.Submitted))
	default:
		text := slotsText(j.Slots)
		if j.Service != nil {
			text = fmt.Sprintf("%d of %s healthy", j.Service.Healthy, plural(j.Service.Desired, "task"))
		}
		fmt.Fprintf(&b, ": %s\n", text)
	}
	if len(v.Explanations) == 0 {
		if j.Slots.Waiting == 0 {
			b.WriteString("nothing of it waits: all its tasks have been started\n")
		} else {
			b.WriteString("it is about to start\n")
		}
	}
	for _, e := range v.Explanations {
		b.WriteByte('\n')
		a.renderExplanation(&b, e)
	}
	if v.Turn != nil && len(v.Explanations) > 0 {
		fmt.Fprintf(&b, "\n%s\n", turnText(v.Turn))
	}
	return b.Bytes()
}

// turnText says when a job's turn is.
func turnText(t *model.TurnView) string {
	s := fmt.Sprintf("turn: %s of %s waiting in role %s (priority %d, policy %s)", number(t.Place), number(t.Of), oneLine(t.Role), t.Priority, t.Policy)
	switch {
	case t.Promoted:
		s += fmt.Sprintf("; before all of its priority: it was overtaken for %s", span(t.Overtaken.Std()))
	case t.Overtaken > 0:
		s += fmt.Sprintf("; overtaken for %s, from %s on it goes first", span(t.Overtaken.Std()), span(t.OvertakeLimit.Std()))
	}
	return s
}

func tierStyle(t model.Tier) style {
	switch t {
	case model.TierNever:
		return red
	case model.TierHeld:
		return green
	}
	return yellow
}

// renderExplanation lays out why one demand waits.
func (a *app) renderExplanation(b *bytes.Buffer, e model.Explanation) {
	p, now := a.stdoutPaint(), a.Now()
	head := cmp.Or(e.Label, e.Demand)
	if head != "" {
		head = p.paint(bold, oneLine(head)) + ": "
	}
	if e.Asked > 0 || e.Fits > 0 {
		fmt.Fprintf(b, "%s%s, %s (%s could start now)\n", head, p.paint(tierStyle(e.Tier), string(e.Tier)), plural(e.Asked, "task"), number(e.Fits))
	} else { // a schedule, of which no run wants to start
		fmt.Fprintf(b, "%s%s\n", head, p.paint(tierStyle(e.Tier), string(e.Tier)))
	}
	a.wrapped(b, "  ", e.Summary)
	for _, w := range e.Why {
		line := fmt.Sprintf("[%s] %s", w.Reason, w.Text)
		if agents := agentsText(w); agents != "" {
			line += " (" + agents + ")"
		}
		a.wrapped(b, "  - ", line)
		if w.Clears != "" {
			a.wrapped(b, "    clears: ", w.Clears)
		}
	}
	if e.Fix != "" {
		a.wrapped(b, "  what would start it now: ", strings.TrimPrefix(e.Fix, "would start now with "))
	}
	if line := changeLine(e.Change); line != "" {
		a.wrapped(b, "  in the job file: ", line)
	}
	if e.Hold != nil {
		a.wrapped(b, "  held for it: ", a.holdText(e.Hold))
	}
	if !e.Expected.IsZero() {
		expected := clock(now, e.Expected)
		if !e.Estimated.IsZero() {
			expected += ", estimated " + ago(now, e.Estimated) + " ago"
		}
		a.wrapped(b, "  expected start: ", expected)
	}
}

// changeLine is a change as a line of the job file; empty where it is none.
func changeLine(c *model.Change) string {
	switch {
	case c == nil:
		return ""
	case c.Kind == model.ChangeConstraint && c.Value == "":
		return "without the constraint on " + c.Old
	case c.Kind == model.ChangeConstraint:
		return c.Value + " for " + c.Old
	case c.Kind == model.ChangeExclusive:
		return "without exclusive = true"
	case c.Kind == model.ChangePerAgent:
		return "without distinct_hosts"
	case c.Kind == model.ChangeTimeLimit, c.Kind == model.ChangeMemory, c.Kind == model.ChangeDisk:
		return fmt.Sprintf("%s = %q", c.Kind, c.Value)
	case c.Kind == model.ChangeGPUs:
		return "gpu { count = " + c.Value + " }"
	}
	return fmt.Sprintf("%s = %s", c.Kind, c.Value)
}

// holdText says what is held, on which nodes, and from when.
func (a *app) holdText(h *model.HoldView) string {
	out := plural(h.Tasks, "task") + " on " + holdNodes(h)
	if h.From.IsZero() {
		out += " as it becomes free"
	} else {
		out += " from " + clock(a.Now(), h.From)
	}
	if h.Preempting {
		out += "; tasks are being stopped to make the room"
	}
	return out
}

// agentsText names the agents behind a reason.
func agentsText(w model.WhyReason) string {
	w.Agents = slices.Sorted(slices.Values(w.Agents))
	switch {
	case w.Count == 0:
		return ""
	case len(w.Agents) == 0:
		return plural(w.Count, "agent")
	case w.Count > len(w.Agents):
		return fmt.Sprintf("%s: %s, …", plural(w.Count, "agent"), strings.Join(w.Agents, ", "))
	}
	return fmt.Sprintf("%s: %s", plural(w.Count, "agent"), strings.Join(w.Agents, ", "))
}

// wrapped writes text behind lead, broken at spaces to the terminal's width;
// further lines are indented as far as lead.
func (a *app) wrapped(b *bytes.Buffer, lead, text string) {
	if text == "" {
		return
	}
	room := a.StdoutColumns - cells(lead)
	indent := strings.Repeat(" ", cells(lead))
	line := ""
	for _, word := range strings.Fields(printable(text)) {
		if a.StdoutColumns > 0 && line != "" && cells(line)+1+cells(word) > max(room, 20) {
			b.WriteString(lead + line + "\n")
			lead, line = indent, ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	b.WriteString(lead + line + "\n")
}

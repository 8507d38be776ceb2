package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) eventsCmd() *cobra.Command {
	var follow bool
	var since uint64
	cmd := &cobra.Command{
		Use:   "events [flags] [JOB]",
		Short: "Print what has happened, or follow what happens",
		Long: `Events prints the cluster's events, of all jobs or of one, a line each: the latest
that the leading master still keeps, or with -f from now on until interrupted.
--since N begins after event N, the number that -o wide and -o json show; should
the master have dropped some of them by then, the output says so.

With -o json every event is one line of JSON.`,
		Example: `  tender events -f
  tender events last
  tender events -f --since 4711 -o json train | jq -r .notice.kind`,
		Args:              wants(0, 1, "at most one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			selector := ""
			if len(args) > 0 {
				selector = args[0]
			}
			if !follow && !cmd.Flags().Changed("since") {
				since = 1 // as far back as there is
			}
			return a.events(cmd.Context(), selector, since, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new events until interrupted")
	cmd.Flags().Uint64Var(&since, "since", 0, "begin after event `N` (default: all that are kept; with -f, from now on)")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) events(ctx context.Context, selector string, since uint64, follow bool) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if selector != "" { // "last" must not become another job at a reconnect
		view, err := jobNow(ctx, c, selector)
		if err != nil {
			return err
		}
		selector = string(view.ID)
	}
	names := &agentNames{client: c}
	asked := since > 1
	for e, err := range c.Events(ctx, since, selector) {
		switch {
		case err != nil && follow && errors.Is(err, context.Canceled):
			return nil // being interrupted is how following ends
		case err != nil:
			return err
		case e.Live && !follow:
			return nil
		case e.Live:
		case e.Gap && !asked:
			asked = true // from now on a gap is news
		default:
			if err := a.printEvent(e, names.of(ctx, e.Notice.Agent)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) printEvent(e client.Event, agent string) error {
	switch a.output {
	case formatJSON:
		b, err := json.Marshal(e)
		if err != nil {
			return err
		}
		return a.print(append(b, '\n'))
	case formatName:
		if e.Notice.Job == "" {
			return nil
		}
		return a.printNames([]string{string(e.Notice.Job)})
	}
	p := a.stdoutPaint()
	if e.Gap {
		return a.print([]byte(p.paint(yellow, fmt.Sprintf("… events up to %d are no longer kept by the master", e.ID)) + "\n"))
	}
	var b bytes.Buffer
	if a.output == formatWide {
		fmt.Fprintf(&b, "%d  ", e.ID)
	}
	n := e.Notice
	room := a.StdoutColumns - 14 - 18
	line := eventText(n, agent)
	if a.StdoutColumns > 0 && a.output != formatWide {
		line = cut(line, max(room, 20))
	}
	fmt.Fprintf(&b, "%s  %s  %s\n", p.paint(dim, n.At.In(a.Now().Location()).Format("15:04:05.000")),
		p.paint(noticeStyle(n), fmt.Sprintf("%-16s", oneLine(n.Kind))), line)
	return a.print(b.Bytes())
}

func noticeStyle(n model.Notice) style {
	switch {
	case n.Status != nil && n.Status.State.Terminal() && n.Status.State != model.TaskFinished && n.Status.State != model.TaskKilled:
		return red
	case n.State != "":
		return jobStyle(model.JobState(n.State))
	}
	return plain
}

// eventText is an event in a line: which job and task, where, what.
func eventText(n model.Notice, agent string) string {
	s := n.Service
	if n.Job != "" {
		s = cmp.Or(n.JobName, string(n.Job))
		if n.JobName != "" {
			s += " (" + string(n.Job) + ")"
		}
	}
	if n.Task != nil {
		s += fmt.Sprintf(" %s[%d]", n.Group, n.Task.Index)
		if n.Task.Attempt > 0 {
			s += fmt.Sprintf(" attempt %d", n.Task.Attempt+1)
		}
	}
	if agent != "" {
		s += " on " + agent
	}
	if n.Status != nil && n.Status.Result != nil {
		if how := resultText(*n.Status.Result); !saysAll(n.Status.Result.Cause) || n.Status.Message == "" {
			s += ": " + how
		} else {
			s += ": " + n.Status.Message
		}
		if ran := n.Status.Finished.Sub(n.Status.Started); !n.Status.Started.IsZero() && ran > 0 {
			s += " after " + span(ran.Round(time.Millisecond))
		}
	}
	if n.Message != "" && !strings.Contains(s, n.Message) {
		s += ": " + n.Message
	}
	return oneLine(strings.TrimPrefix(s, ": "))
}

// agentNames turns agents' ids, which notices carry, into their names.
type agentNames struct {
	client *client.Client
	known  map[model.AgentID]string
}

// of returns an agent's name, or its id if it has none that is known.
func (n *agentNames) of(ctx context.Context, id model.AgentID) string {
	if id == "" {
		return ""
	}
	if _, ok := n.known[id]; !ok {
		if n.known == nil {
			n.known = map[model.AgentID]string{}
		}
		n.known[id] = string(id) // asked for once, also if it has gone
		if list, err := n.client.Nodes(ctx); err == nil {
			for _, node := range list.Nodes {
				n.known[node.ID] = node.Name
			}
		}
	}
	return n.known[id]
}

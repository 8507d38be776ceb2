package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// words are what a shell may complete a word to.
type words = []cobra.Completion

// complete asks the cluster for words. A shell is offered none rather than told of
// an error.
func (a *app) complete(cmd *cobra.Command, ask func(context.Context, *client.Client) (words, error)) (words, cobra.ShellCompDirective) {
	c, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	out, err := ask(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeJobs offers the latest jobs' ids and names where a JOB is wanted.
func (a *app) completeJobs(cmd *cobra.Command, _ []string, _ string) (words, cobra.ShellCompDirective) {
	return a.complete(cmd, func(ctx context.Context, c *client.Client) (words, error) {
		list, err := c.Jobs(ctx, model.ListJobs{Limit: 100})
		out := words{cobra.CompletionWithDesc("last", "the latest job")}
		for _, j := range list.Jobs {
			out = append(out, cobra.CompletionWithDesc(string(j.ID), j.Name+" "+string(j.State)))
		}
		return out, err
	})
}

// completeNodes offers the nodes' names for the first argument.
func (a *app) completeNodes(cmd *cobra.Command, args []string, _ string) (words, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, func(ctx context.Context, c *client.Client) (out words, err error) {
		list, err := c.Nodes(ctx)
		for i := range list.Nodes {
			out = append(out, cobra.CompletionWithDesc(list.Nodes[i].Name, string(list.Nodes[i].State)))
		}
		return out, err
	})
}

// completeServices offers the services' names for the first argument.
func (a *app) completeServices(cmd *cobra.Command, args []string, _ string) (words, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, func(ctx context.Context, c *client.Client) (out words, err error) {
		list, err := c.Services(ctx)
		for i := range list.Services {
			out = append(out, list.Services[i].Name)
		}
		return out, err
	})
}

// completeRoles offers the roles there are for the first argument.
func (a *app) completeRoles(cmd *cobra.Command, args []string, _ string) (words, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, func(ctx context.Context, c *client.Client) (out words, err error) {
		list, err := c.Shares(ctx, "")
		for i := range list.Roles {
			v := &list.Roles[i]
			out = append(out, cobra.CompletionWithDesc(v.Role, percent(v.Share)+orEmpty(" of ", v.Dominant)))
		}
		return out, err
	})
}

// completeRoleThenNode offers roles, then nodes.
func (a *app) completeRoleThenNode(cmd *cobra.Command, args []string, word string) (words, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return a.completeNodes(cmd, nil, word)
	}
	return a.completeRoles(cmd, args, word)
}

package client

import (
	"context"
	"net/url"

	"github.com/tender-scheduler/tender/core/model"
)

// Pause keeps a schedule from coming due.
func (c *Client) Pause(ctx context.Context, selector string) (model.JobView, error) {
	var view model.JobView
	err := c.post(ctx, jobPath(selector, "/pause"), struct{}{}, true, &view)
	return view, err
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context, selector string) (model.JobView, error) {
	var view model.JobView
	err := c.post(ctx, jobPath(selector, "/resume"), struct{}{}, true, &view)
	return view, err
}

// Trigger makes a run of a schedule now. It is not repeated blindly: that would be
// another run.
func (c *Client) Trigger(ctx context.Context, selector string) (model.RunView, error) {
	var view model.RunView
	err := c.post(ctx, jobPath(selector, "/trigger"), struct{}{}, false, &view)
	return view, err
}

// Runs lists a schedule's runs, newest first.
func (c *Client) Runs(ctx context.Context, l model.ListRuns) (model.RunList, error) {
	q := url.Values{}
	setInt(q, "limit", int64(l.Limit))
	var list model.RunList
	err := c.get(ctx, jobPath(l.Selector, "/runs"), q, &list)
	return list, err
}

// NextRuns lists when a schedule is due next.
func (c *Client) NextRuns(ctx context.Context, q model.NextRuns) (model.DueList, error) {
	v := url.Values{}
	setInt(v, "n", int64(q.Count))
	var list model.DueList
	err := c.get(ctx, jobPath(q.Selector, "/next"), v, &list)
	return list, err
}

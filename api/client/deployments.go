package client

import (
	"context"
	"net/url"

	"github.com/tender-scheduler/tender/core/model"
)

// Scale sets the count of a service's group.
func (c *Client) Scale(ctx context.Context, r model.ScaleJob) (model.JobView, error) {
	var view model.JobView
	err := c.post(ctx, jobPath(r.Selector, "/scale"), r, true, &view)
	return view, err
}

// Restart replaces a service's tasks one after the other. It is not repeated
// blindly: a second one would replace them twice.
func (c *Client) Restart(ctx context.Context, r model.RestartJob) (model.JobView, error) {
	var view model.JobView
	err := c.post(ctx, jobPath(r.Selector, "/restart"), r, false, &view)
	return view, err
}

// Rollback makes an earlier version of a service its newest. It is not repeated
// blindly: a second one might go back further.
func (c *Client) Rollback(ctx context.Context, r model.RollbackJob) (model.JobView, error) {
	var view model.JobView
	err := c.post(ctx, jobPath(r.Selector, "/rollback"), r, false, &view)
	return view, err
}

// ChangeDeployment promotes, pauses, resumes or fails the deployment of a service
// that is under way.
func (c *Client) ChangeDeployment(ctx context.Context, r model.ChangeDeployment) (model.DeploymentView, error) {
	var view model.DeploymentView
	err := c.post(ctx, jobPath(r.Selector, "/deployment"), r, false, &view)
	return view, err
}

// Deployments lists a service's deployments, the newest first; without a selector
// the latest of each service.
func (c *Client) Deployments(ctx context.Context, l model.ListDeployments) (model.DeploymentList, error) {
	q := url.Values{}
	setInt(q, "limit", int64(l.Limit))
	path := "/v1/deployments"
	if l.Selector != "" {
		path = jobPath(l.Selector, "/deployments")
	}
	var list model.DeploymentList
	err := c.get(ctx, path, q, &list)
	return list, err
}

// Versions lists the versions of a service that are remembered, the newest first.
func (c *Client) Versions(ctx context.Context, selector string) (model.VersionList, error) {
	var list model.VersionList
	err := c.get(ctx, jobPath(selector, "/versions"), nil, &list)
	return list, err
}

package client

import (
	"context"
	"net/url"

	"github.com/tender-scheduler/tender/core/model"
)

// Status says who leads, as the master that answers sees it.
func (c *Client) Status(ctx context.Context) (model.MasterStatus, error) {
	var s model.MasterStatus
	err := c.get(ctx, "/v1/status", nil, &s)
	return s, err
}

// Masters lists the masters, as one of them sees them. here asks the one that
// answers what it knows itself; without it the leader is asked, if there is one.
func (c *Client) Masters(ctx context.Context, here bool) (model.MasterList, error) {
	q := url.Values{}
	if here {
		q.Set("here", "1")
	}
	var l model.MasterList
	err := c.get(ctx, "/v1/masters", q, &l)
	return l, err
}

// StepDown asks the leader to let another master lead.
func (c *Client) StepDown(ctx context.Context, by string) (model.StepDownReply, error) {
	var r model.StepDownReply
	err := c.post(ctx, "/v1/masters/step-down", model.StepDown{By: by}, false, &r)
	return r, err
}

// JoinMasters asks to admit the master at an address as one that keeps the journal.
func (c *Client) JoinMasters(ctx context.Context, address string) (model.JoinReply, error) {
	var r model.JoinReply
	err := c.post(ctx, "/v1/masters/join", model.JoinMasters{Address: address}, true, &r)
	return r, err
}

// Nodes lists the agents by name.
func (c *Client) Nodes(ctx context.Context) (model.NodeList, error) {
	var l model.NodeList
	err := c.get(ctx, "/v1/nodes", nil, &l)
	return l, err
}

// Offers lists the offers outstanding and the demands that wait for one.
func (c *Client) Offers(ctx context.Context) (model.OfferList, error) {
	var l model.OfferList
	err := c.get(ctx, "/v1/offers", nil, &l)
	return l, err
}

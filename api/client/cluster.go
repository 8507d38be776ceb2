package client

import (
	"context"

	"github.com/tender-scheduler/tender/core/model"
)

// Status says who leads, as the master that answers sees it.
func (c *Client) Status(ctx context.Context) (model.MasterStatus, error) {
	var s model.MasterStatus
	err := c.get(ctx, "/v1/status", nil, &s)
	return s, err
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

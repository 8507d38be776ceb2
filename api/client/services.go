package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Services lists the services that something offers.
func (c *Client) Services(ctx context.Context) (model.ServiceList, error) {
	var l model.ServiceList
	err := c.get(ctx, "/v1/services", nil, &l)
	return l, err
}

// serviceWait is how long a master is to wait for a change before it answers.
const serviceWait = 25 * time.Second

// Service returns a service's endpoints; with an index other than 0, once they
// are others than at that index, or after a while.
func (c *Client) Service(ctx context.Context, q model.GetService, index uint64) (model.ServiceView, error) {
	v := url.Values{}
	if q.All {
		v.Set("all", "1")
	}
	if index != 0 {
		v.Set("index", strconv.FormatUint(index, 10))
		v.Set("wait", serviceWait.String())
	}
	var out model.ServiceView
	err := c.get(ctx, "/v1/services/"+url.PathEscape(q.Name), v, &out)
	return out, err
}

// DrainNode begins to drain a node, or changes the terms of its drain.
func (c *Client) DrainNode(ctx context.Context, r model.DrainNode) (model.NodeView, error) {
	var v model.NodeView
	// A repetition would count the deadline from a later time, by as much as it took.
	err := c.put(ctx, http.MethodPut, "/v1/nodes/"+url.PathEscape(r.Node)+"/drain", r, true, &v)
	return v, err
}

// EndDrain ends a node's drain.
func (c *Client) EndDrain(ctx context.Context, node string, keepIneligible bool) (model.NodeView, error) {
	path := "/v1/nodes/" + url.PathEscape(node) + "/drain"
	var v model.NodeView
	call := call{method: http.MethodDelete, path: path, repeatable: true, timeout: unaryTimeout}
	if keepIneligible {
		call.query = url.Values{"keep_ineligible": {"1"}}
	}
	err := c.unary(ctx, call, &v)
	return v, err
}

// SetEligibility says whether a node takes new tasks.
func (c *Client) SetEligibility(ctx context.Context, r model.SetEligibility) (model.NodeView, error) {
	var v model.NodeView
	err := c.put(ctx, http.MethodPut, "/v1/nodes/"+url.PathEscape(r.Node)+"/eligibility", r, true, &v)
	return v, err
}

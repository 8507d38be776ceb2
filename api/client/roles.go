package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/tender-scheduler/tender/core/model"
)

// Shares lists the roles as they stand, those of role and below it unless it is empty.
func (c *Client) Shares(ctx context.Context, role string) (model.ShareList, error) {
	q := url.Values{}
	setText(q, "role", role)
	var l model.ShareList
	err := c.get(ctx, "/v1/shares", q, &l)
	return l, err
}

// SetRole replaces a role's configuration and returns it as kept.
func (c *Client) SetRole(ctx context.Context, role model.RoleConfig) (model.RoleConfig, error) {
	if r := checkRole(role.Role); r != nil {
		return role, r
	}
	var kept model.RoleConfig
	err := c.put(ctx, http.MethodPut, rolePath(role.Role), role, true, &kept)
	return kept, err
}

// RemoveRole gives a role weight 1 and no quota again; it returns what was set.
func (c *Client) RemoveRole(ctx context.Context, role string) (model.RoleConfig, error) {
	if r := checkRole(role); r != nil {
		return model.RoleConfig{}, r
	}
	var was model.RoleConfig
	// A repetition would find nothing to remove.
	err := c.put(ctx, http.MethodDelete, rolePath(role), nil, false, &was)
	return was, err
}

// SetReservation replaces what is reserved for a role on a node; a zero amount
// takes it away.
func (c *Client) SetReservation(ctx context.Context, r model.Reservation) (model.Reservation, error) {
	var kept model.Reservation
	err := c.put(ctx, http.MethodPut, "/v1/reservations", r, !r.Amount.IsZero(), &kept)
	return kept, err
}

func (c *Client) put(ctx context.Context, method, path string, body any, repeatable bool, out any) error {
	call := call{method: method, path: path, repeatable: repeatable, timeout: unaryTimeout}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		call.body = b
	}
	return c.unary(ctx, call, out)
}

// checkRole refuses what is no role's path: a server would tidy "a//b" up to that
// of another role.
func checkRole(role string) error {
	fault, hint := model.RoleFault(role)
	if fault == "" {
		return nil
	}
	r := model.Refuse(model.ReasonBadRequest, "%s", fault)
	if hint != "" {
		r.Details = []string{hint}
	}
	return r
}

// rolePath is of a role that checkRole lets pass: nothing in it needs an escape.
func rolePath(role string) string { return "/v1/roles/" + role }

package apitest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// SetShares says what roles there are, as the real master would tell of them.
func (m *Master) SetShares(l model.ShareList) { m.update(func() { m.shares = l }) }

// onRoles serves what is asked about roles, with as much sense as tools need to
// be tried; ok is false for anything else.
func (m *Master) onRoles(body any) (answer any, refusal *model.Refusal, ok bool) {
	switch r := body.(type) {
	case model.ListShares:
		answer, refusal = m.listShares(r.Role)
	case model.SetRole:
		answer, refusal = m.setRole(r.RoleConfig)
	case model.RemoveRole:
		answer, refusal = m.removeRole(r.Role)
	case model.SetReservation:
		answer = m.reserve(r.Reservation)
	default:
		return nil, nil, false
	}
	return answer, refusal, true
}

func (m *Master) listShares(role string) (any, *model.Refusal) {
	l := m.shares
	if role == "" {
		return l, nil
	}
	l.Roles = nil
	for _, v := range m.shares.Roles {
		if v.Role == role || strings.HasPrefix(v.Role, role+"/") {
			l.Roles = append(l.Roles, v)
		}
	}
	if l.Roles == nil {
		return nil, model.Refuse(model.ReasonNotFound, "role %s is neither configured nor used", role)
	}
	return l, nil
}

func (m *Master) setRole(c model.RoleConfig) (any, *model.Refusal) {
	if fault, hint := model.RoleFault(c.Role); fault != "" {
		r := model.Refuse(model.ReasonBadRequest, "%s", fault)
		if hint != "" {
			r.Details = []string{hint}
		}
		return nil, r
	}
	i, known := slices.BinarySearchFunc(m.shares.Roles, c.Role, func(v model.ShareView, role string) int { return cmp.Compare(v.Role, role) })
	if !known {
		m.shares.Roles = slices.Insert(m.shares.Roles, i, model.ShareView{})
	}
	m.shares.Roles[i].RoleConfig, m.shares.Roles[i].Configured = c, true
	return c, nil
}

func (m *Master) removeRole(role string) (any, *model.Refusal) {
	for i, v := range m.shares.Roles {
		if v.Role == role && v.Configured {
			m.shares.Roles = slices.Delete(m.shares.Roles, i, i+1)
			return v.RoleConfig, nil
		}
	}
	return nil, model.Refuse(model.ReasonNotFound, "role %s is not configured: it has weight 1 and no quota already", role)
}

func (m *Master) reserve(r model.Reservation) model.Reservation {
	m.shares.Reservations = slices.DeleteFunc(m.shares.Reservations, func(o model.Reservation) bool {
		return o.Role == r.Role && o.Agent == r.Agent
	})
	if !r.Amount.IsZero() {
		m.shares.Reservations = append(m.shares.Reservations, r)
	}
	return r
}

package master

import (
	"fmt"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// askedRoles serves what operators ask of the master itself. It reports whether
// the request was one of these.
func (m *Machine) askedRoles(in Asked) bool {
	var body any
	var refusal *model.Refusal
	switch b := in.Body.(type) {
	case model.SetRole:
		body, refusal = m.setRole(b.RoleConfig)
	case model.RemoveRole:
		body, refusal = m.removeRole(b.Role)
	case model.SetReservation:
		body, refusal = m.setReservation(b.Reservation)
	default:
		return false
	}
	r := model.Reply{ID: in.ID, Body: body, Err: refusal}
	if refusal != nil {
		r.Body = nil
	}
	m.out.Replies = append(m.out.Replies, r)
	return true
}

func (m *Machine) setRole(c model.RoleConfig) (model.RoleConfig, *model.Refusal) {
	if r := m.state.roles.checkConfig(c); r != nil {
		return c, r
	}
	m.record(jsonRecord(recRole, c))
	m.state.roles.configs[c.Role] = c
	m.book.SetRole(c)
	m.notice(model.Notice{Kind: "role_set", Message: "role " + c.Role + ": " + describeRole(c)})
	return c, nil
}

func (m *Machine) removeRole(role string) (model.RoleConfig, *model.Refusal) {
	if r := checkRolePath(role); r != nil {
		return model.RoleConfig{}, r
	}
	c, ok := m.state.roles.configs[role]
	if !ok {
		return c, model.Refuse(model.ReasonNotFound,
			"role %s is not configured: it has weight 1 and no quota already", role)
	}
	m.record(jsonRecord(recRoleRemoved, roleRemovedRecord{Role: role}))
	delete(m.state.roles.configs, role)
	m.book.ResetRole(role)
	m.notice(model.Notice{Kind: "role_removed", Message: "role " + role + ": weight 1, no quota"})
	return c, nil
}

func (m *Machine) setReservation(r model.Reservation) (model.Reservation, *model.Refusal) {
	if refusal := m.checkReservation(r); refusal != nil {
		return r, refusal
	}
	m.record(jsonRecord(recReservation, r))
	m.state.roles.reserve(r)
	m.book.SetReservation(r)
	m.notice(model.Notice{Kind: "reservation_set", Message: fmt.Sprintf("%s on node %s is reserved for role %s", r.Amount, r.Agent, r.Role)})
	return r, nil
}

func (m *Machine) checkReservation(r model.Reservation) *model.Refusal {
	if refusal := checkRolePath(r.Role); refusal != nil {
		return refusal
	}
	if r.Agent == "" || len(r.Agent) > model.MaxNameBytes || strings.ContainsAny(r.Agent, "\x00\n") {
		return model.Refuse(model.ReasonBadRequest, "reserve for role %s: %q cannot name a node", r.Role, r.Agent)
	}
	for _, a := range amounts(r.Amount, model.Limits{}) {
		if a.guarantee < 0 {
			return model.Refuse(model.ReasonBadRequest, "reserve on node %s for role %s: %s is negative", r.Agent, r.Role, a.name)
		}
	}
	_, known := m.state.roles.reservations[reservationKey{r.Role, r.Agent}]
	switch {
	case r.Amount.IsZero() && !known:
		return model.Refuse(model.ReasonNotFound, "nothing on node %s is reserved for role %s", r.Agent, r.Role)
	case !known && len(m.state.roles.reservations) >= maxReservations:
		return model.Refuse(model.ReasonTooLarge, "there are %d reservations, as many as there may be", maxReservations)
	}
	return m.checkRoomFor(r)
}

// checkRoomFor refuses to reserve more of a node than it has. Of a node that is
// not there nothing can be said yet.
func (m *Machine) checkRoomFor(r model.Reservation) *model.Refusal {
	total := r.Amount
	for k, amount := range m.state.roles.reservations {
		if k.agent == r.Agent && k.role != r.Role {
			total = total.Add(amount)
		}
	}
	for _, a := range m.state.agents {
		if a.info.Name != r.Agent || total.Fits(a.info.Capacity) {
			continue
		}
		what := fmt.Sprintf("reserve %s on node %s for role %s: the node has %s", r.Amount, r.Agent, r.Role, a.info.Capacity)
		if total != r.Amount {
			what += fmt.Sprintf(", and with what other roles have %s would be reserved", total)
		}
		return model.Refuse(model.ReasonBadRequest, "%s", what)
	}
	return nil
}

// describeRole says what is set about a role, for the event stream.
func describeRole(c model.RoleConfig) string {
	out := "weight 1"
	if c.Weight != 0 {
		out = fmt.Sprintf("weight %v", c.Weight)
	}
	if !c.Guarantee.IsZero() {
		out += ", guarantee " + c.Guarantee.String()
	}
	var limits []string
	for i, a := range amounts(model.Resources{}, c.Limit) {
		if a.limit != nil {
			limits = append(limits, show(i, *a.limit))
		}
	}
	if limits != nil {
		out += ", limit " + strings.Join(limits, " ")
	}
	return out
}

// shares answers ListShares.
func (m *Machine) shares(q model.ListShares) (any, *model.Refusal) {
	if q.Role != "" {
		if r := checkRolePath(q.Role); r != nil {
			return nil, r
		}
	}
	l := m.book.Shares(q.Role)
	l.Reservations = m.state.roles.sortedReservations(q.Role)
	if q.Role != "" && len(l.Roles) == 0 && len(l.Reservations) == 0 {
		return nil, model.Refuse(model.ReasonNotFound, "role %s is neither configured nor used", q.Role)
	}
	if l.Roles == nil {
		l.Roles = []model.ShareView{}
	}
	return l, nil
}

// fillRoles gives a new book what operators have set.
func (m *Machine) fillRoles() {
	for _, c := range m.state.roles.sortedConfigs() {
		m.book.SetRole(c)
	}
	for _, r := range m.state.roles.sortedReservations("") {
		m.book.SetReservation(r)
	}
}

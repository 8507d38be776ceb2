package master

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Limits on what operators may set up.
const (
	maxRoles        = 10_000
	maxReservations = 100_000
	maxWeight       = 1_000_000
)

// roleTree is what operators have set about roles: part of the folded state.
type roleTree struct {
	configs      map[string]model.RoleConfig
	reservations map[reservationKey]model.Resources
}

type reservationKey struct{ role, agent string }

func newRoleTree() roleTree {
	return roleTree{configs: map[string]model.RoleConfig{}, reservations: map[reservationKey]model.Resources{}}
}

func (t *roleTree) reserve(r model.Reservation) {
	k := reservationKey{r.Role, r.Agent}
	if r.Amount.IsZero() {
		delete(t.reservations, k)
	} else {
		t.reservations[k] = r.Amount
	}
}

// apply folds one record.
func (t *roleTree) apply(rec []byte) error {
	switch rec[0] {
	case recRole:
		var c model.RoleConfig
		if err := json.Unmarshal(rec[1:], &c); err != nil {
			return fmt.Errorf("read role: %w", err)
		}
		t.configs[c.Role] = c
	case recRoleRemoved:
		var r roleRemovedRecord
		if err := json.Unmarshal(rec[1:], &r); err != nil {
			return fmt.Errorf("read role removal: %w", err)
		}
		delete(t.configs, r.Role)
	case recReservation:
		var r model.Reservation
		if err := json.Unmarshal(rec[1:], &r); err != nil {
			return fmt.Errorf("read reservation: %w", err)
		}
		t.reserve(r)
	}
	return nil
}

// sortedConfigs is in the order of a walk over the tree.
func (t *roleTree) sortedConfigs() []model.RoleConfig {
	var out []model.RoleConfig
	for _, c := range t.configs {
		out = append(out, c)
	}
	slices.SortFunc(out, func(x, y model.RoleConfig) int {
		return slices.Compare(strings.Split(x.Role, "/"), strings.Split(y.Role, "/"))
	})
	return out
}

// sortedReservations are those of role and the roles below it; empty = all.
func (t *roleTree) sortedReservations(role string) []model.Reservation {
	var out []model.Reservation
	for k, amount := range t.reservations {
		if role == "" || within(k.role, role) {
			out = append(out, model.Reservation{Role: k.role, Agent: k.agent, Amount: amount})
		}
	}
	slices.SortFunc(out, func(x, y model.Reservation) int {
		return cmp.Or(cmp.Compare(x.Role, y.Role), cmp.Compare(x.Agent, y.Agent))
	})
	return out
}

// within reports whether role is the other one or below it.
func within(role, other string) bool {
	return role == other || strings.HasPrefix(role, other+"/")
}

// checkConfig says why c cannot be set, nil if it can.
func (t *roleTree) checkConfig(c model.RoleConfig) *model.Refusal {
	if r := checkRolePath(c.Role); r != nil {
		return r
	}
	bad := func(format string, args ...any) *model.Refusal {
		return model.Refuse(model.ReasonBadRequest, "set role %s: %s", c.Role, fmt.Sprintf(format, args...))
	}
	if !(c.Weight >= 0 && c.Weight <= maxWeight) || c.Weight != 0 && c.Weight < 1.0/maxWeight || math.IsNaN(c.Weight) {
		return bad("a weight is more than 0 and at most %d, not %v", maxWeight, c.Weight)
	}
	for i, a := range amounts(c.Guarantee, c.Limit) {
		switch {
		case a.guarantee < 0:
			return bad("its guarantee of %s is negative", a.name)
		case a.limit != nil && *a.limit < 0:
			return bad("its limit of %s is negative", a.name)
		case a.limit != nil && a.guarantee > *a.limit:
			return bad("it would be guaranteed %s, its limit is %s", show(i, a.guarantee), show(i, *a.limit))
		}
	}
	if _, known := t.configs[c.Role]; !known && len(t.configs) >= maxRoles {
		return model.Refuse(model.ReasonTooLarge, "set role %s: %d roles are configured, as many as there may be", c.Role, maxRoles)
	}
	return t.checkGuarantees(c)
}

func checkRolePath(role string) *model.Refusal {
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

// checkGuarantees makes sure that no role on c's path promises those below it
// more than it may use itself.
func (t *roleTree) checkGuarantees(c model.RoleConfig) *model.Refusal {
	at := func(role string) model.RoleConfig {
		if role == c.Role {
			return c
		}
		return t.configs[role]
	}
	for role := c.Role; role != ""; role = parentRole(role) {
		below := t.guaranteedBelow(role, c)
		for i, a := range amounts(below, at(role).Limit) {
			if a.limit == nil || a.guarantee <= *a.limit {
				continue
			}
			return model.Refuse(model.ReasonBadRequest,
				"set role %s: the roles below %s would be guaranteed %s, its limit is %s: raise that limit, or lower guarantees below it",
				c.Role, role, show(i, a.guarantee), show(i, *a.limit))
		}
	}
	return nil
}

// guaranteedBelow adds up what the children of role are guaranteed, with c as it
// would be. A child's own guarantee covers its children's; where they have more,
// theirs counts.
func (t *roleTree) guaranteedBelow(role string, c model.RoleConfig) model.Resources {
	own := map[string]model.Resources{}
	for _, x := range t.configs {
		if within(x.Role, role) {
			own[x.Role] = x.Guarantee
		}
	}
	if within(c.Role, role) {
		own[c.Role] = c.Guarantee
	}
	// Every ancestor has to be there to pass its children's sum on.
	for r := range own {
		for p := parentRole(r); p != "" && within(p, role); p = parentRole(p) {
			if _, ok := own[p]; !ok {
				own[p] = model.Resources{}
			}
		}
	}
	paths := make([]string, 0, len(own))
	for r := range own {
		paths = append(paths, r)
	}
	// The deepest first, so that a role's children are summed up before it.
	slices.SortFunc(paths, func(x, y string) int {
		return cmp.Or(cmp.Compare(strings.Count(y, "/"), strings.Count(x, "/")), cmp.Compare(x, y))
	})
	children := map[string]model.Resources{}
	for _, r := range paths {
		if r == role {
			break
		}
		p := parentRole(r)
		children[p] = children[p].Add(larger(own[r], children[r]))
	}
	return children[role]
}

func larger(a, b model.Resources) model.Resources {
	return model.Resources{
		CPUMilli: max(a.CPUMilli, b.CPUMilli), MemoryBytes: max(a.MemoryBytes, b.MemoryBytes),
		DiskBytes: max(a.DiskBytes, b.DiskBytes), GPUMilli: max(a.GPUMilli, b.GPUMilli),
	}
}

// parentRole returns the path above, "" for a role at the top.
func parentRole(role string) string {
	return role[:max(strings.LastIndexByte(role, '/'), 0)]
}

// amount is one resource of a quota.
type amount struct {
	name      string
	guarantee int64
	limit     *int64
}

func amounts(g model.Resources, l model.Limits) [4]amount {
	return [4]amount{
		{"cpus", g.CPUMilli, l.CPUMilli}, {"memory", g.MemoryBytes, l.MemoryBytes},
		{"disk", g.DiskBytes, l.DiskBytes}, {"gpus", g.GPUMilli, l.GPUMilli},
	}
}

// show writes the i-th of amounts, as "cpus=64".
func show(i int, n int64) string {
	name := amounts(model.Resources{}, model.Limits{})[i].name
	if i == 1 || i == 2 {
		return name + "=" + model.FormatBytes(n)
	}
	return name + "=" + model.FormatCPU(n)
}

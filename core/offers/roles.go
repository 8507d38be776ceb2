package offers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// SetRole replaces a role's weight, guarantee and limit.
func (b *Book) SetRole(c model.RoleConfig) {
	b.classic.reconsider()
	b.roles.Configure(c)
	b.replan, b.dirty = true, true
}

// ResetRole gives a role weight 1 and no quota, and returns what it had.
func (b *Book) ResetRole(path string) (model.RoleConfig, bool) {
	b.classic.reconsider()
	c, ok := b.roles.Reset(path)
	b.replan, b.dirty = true, true
	return c, ok
}

// Shares returns the role and those below it as they stand, in the order of a
// walk over the tree; all for the empty name.
func (b *Book) Shares(role string) model.ShareList {
	out := model.ShareList{Total: b.roles.Total(), Roles: []model.ShareView{}}
	running, waiting, demands := b.census()
	for n := range b.roles.Walk() {
		if role != "" && n.Path() != role && !strings.HasPrefix(n.Path(), role+"/") {
			continue
		}
		v := n.View()
		v.Role = n.Path()
		v.Running, v.Waiting, v.Demands = running[n], waiting[n], demands[n]
		v.Reserved = b.reservedFor(n)
		out.Roles = append(out.Roles, v)
	}
	for _, list := range b.reservations {
		for _, r := range list {
			if role == "" || r.Role == role || strings.HasPrefix(r.Role, role+"/") {
				out.Reservations = append(out.Reservations, r)
			}
		}
	}
	slices.SortFunc(out.Reservations, func(x, y model.Reservation) int {
		return cmp.Or(strings.Compare(x.Role, y.Role), strings.Compare(x.Agent, y.Agent))
	})
	return out
}

// census counts the tasks that run and wait and the demands that wait for each
// role, those below included.
func (b *Book) census() (running, waiting, demands map[*shares.Node]int) {
	running, waiting, demands = map[*shares.Node]int{}, map[*shares.Node]int{}, map[*shares.Node]int{}
	add := func(m map[*shares.Node]int, n *shares.Node, count int) {
		for ; n != nil; n = n.Parent() {
			m[n] += count
		}
	}
	own := map[*shares.Node]int{}
	for _, a := range b.agents {
		if a == nil {
			continue
		}
		for _, s := range a.running {
			own[s.node] += s.count
		}
	}
	for n, count := range own {
		add(running, n, count)
	}
	for _, d := range b.demands {
		if n := d.total(); n > 0 {
			add(waiting, d.class.node, n)
			add(demands, d.class.node, 1)
		}
	}
	return running, waiting, demands
}

func (b *Book) reservedFor(n *shares.Node) model.Resources {
	var sum model.Resources
	for _, list := range b.reservations {
		for _, r := range list {
			if r.Role == n.Path() {
				sum = sum.Add(r.Amount)
			}
		}
	}
	return sum
}

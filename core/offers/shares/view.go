package shares

import "github.com/tender-scheduler/tender/core/model"

// View returns n as shown to people; Running, Waiting, Demands and Reserved are
// for the caller to fill in.
func (n *Node) View() model.ShareView {
	v := model.ShareView{RoleConfig: n.config, Used: n.Used(), Fair: n.Fair(), Below: n.unmet() != 0, Configured: n.configured}
	v.Weight = n.weight
	v.Share, v.Dominant = n.Share()
	for k := range n.limit {
		if n.limit[k] != unlimited && n.used[k] >= n.limit[k] {
			v.AtLimit = append(v.AtLimit, kindNames[k])
		}
	}
	return v
}

// Fair returns the share of the cluster that n's weight gives it among those
// that use or want something, 0..1, as if it did itself. It looks at all
// siblings on the way up.
func (n *Node) Fair() float64 {
	fair := 1.0
	for x := n; x.parent != nil; x = x.parent {
		sum := x.weight
		if p := x.parent; p.own != (vec{}) || p.wantsOwn() {
			sum++
		}
		for _, s := range x.parent.children {
			if s != x && s.active() {
				sum += s.weight
			}
		}
		fair *= x.weight / sum
	}
	return fair
}

// active reports whether n or a role below it uses or wants something.
func (n *Node) active() bool {
	if n.used != (vec{}) || n.wantsOwn() {
		return true
	}
	for _, c := range n.children {
		if c.active() {
			return true
		}
	}
	return false
}

func (n *Node) wantsOwn() bool {
	for i := range n.ranks {
		if n.ranks[i].bits != 0 {
			return true
		}
	}
	return false
}

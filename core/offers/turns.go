package offers

import "math"

// takeTurns numbers the lines in the order in which a pass would come to them if it
// could serve nobody, and returns the number of d's role; d need not be in the
// book. It asks the ranking that passes ask, for who goes first is a matter of the
// whole tree: between roles of different parents it is the parents that count, and a
// guarantee counts for as long as somebody is there to claim it.
//
// Lines after d's are not looked at; all are for nil.
func (b *Book) takeTurns(d *demand) int {
	o := b.ranking()
	o.Begin()
	defer o.Begin() // for nothing is dropped but for this
	b.dropIdle(d)
	mine := -1
	if d != nil {
		// The role may be one that has nothing yet, and need not be in the tree.
		n := b.roles.Node(d.Role).Retain()
		o.Want(n, d.asks(), 1)
		defer func() {
			o.Want(n, d.asks(), -1)
			n.Release()
		}()
	}
	for turn := 0; ; turn++ {
		n := o.First()
		if n == nil {
			return mine
		}
		if l := b.lines[n.Path()]; l != nil {
			l.turn = turn
		}
		if d != nil && n.Path() == d.Role {
			return turn
		}
		o.Drop(n)
	}
}

// dropIdle takes the lines out of the ranking in which nobody waits who could ever
// start: a pass does not come to them. It puts all others behind, until they are
// known to be before; d's stays.
func (b *Book) dropIdle(d *demand) {
	for _, l := range b.inLine {
		l.turn, l.idle = math.MaxInt, true
	}
	for _, c := range b.active {
		if c.ready.len() > 0 && c.neverAt != b.fleet {
			c.line.idle = false
		}
	}
	for _, l := range b.inLine {
		if l.idle && (d == nil || l.node.Path() != d.Role) {
			b.ranking().Drop(l.node)
		}
	}
}

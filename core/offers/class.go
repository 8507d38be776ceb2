package offers

import (
	"encoding/binary"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// class is the demands that are served alike: of one role and time limit, and of
// one room, or gangs of the same rooms and counts. When the first of them does
// not fit, none does. A demand with a cap of its own, or of several groups that
// are no gang, is a class of its own.
type class struct {
	key   string
	line  *line
	node  *shares.Node // its role
	role  string
	limit model.Duration
	gang  bool
	// need is what a task asks for, zero where there are several groups: with many
	// thousand classes it is too far to their demands to ask each.
	need     model.Resources
	members  int
	ready    queue
	activeAt int  // place in Book.active, or -1
	fresh    bool // is in Book.fresh
	kept     bool // is in line.kept
	// failedAt is Book.gains when the gang last did not fit for want of room near.
	// It still does not as long as that has not moved.
	failedAt uint64
	// neverAt is Book.fleet when the first demand was found to be impossible, onceAt
	// that and Book.settled together when it was found not to be.
	neverAt, onceAt uint64
}

// compileGroups gives d its rooms and its class.
func (b *Book) compileGroups(d *demand) {
	d.groups = d.one[:]
	if len(d.Groups) > 1 {
		d.groups = make([]group, len(d.Groups))
	}
	for i := range d.Groups {
		d.groups[i] = plainGroup(&d.Demand, i)
		d.groups[i].kind.node = b.payer(&d.groups[i].kind.Claim)
		d.groups[i].room = b.useRoom(d, i)
		b.rankFor(d, i)
	}
	d.class = b.useClass(d)
}

// useRoom returns the room of d's group i, shared with all equal ones.
func (b *Book) useRoom(d *demand, i int) *room {
	key, rules := appendRoomKey(b.scratch.key[:0], &d.Groups[i])
	b.scratch.key = key
	r := b.rooms[string(key)]
	if r == nil {
		r = newRoom(&d.Groups[i])
		r.key = string(key)
		r.ruleKey = r.key[rules:]
		b.rooms[r.key] = r
		b.serial++
		r.serial = b.serial
		b.usePins(r)
	}
	r.users++
	return r
}

func (b *Book) useClass(d *demand) *class {
	alone := len(d.groups) > 1 && !d.AllOrNothing
	for i := range d.groups {
		alone = alone || d.groups[i].caps != nil
	}
	r := d.groups[0].room
	solo := !d.AllOrNothing && !alone
	if c := r.solo; solo && c != nil && c.role == d.Role && c.limit == d.TimeLimit {
		c.members++
		return c
	}
	key := appendBool(b.scratch.key[:0], d.AllOrNothing)
	for i := range d.groups {
		key = binary.AppendUvarint(key, d.groups[i].room.serial)
		if d.AllOrNothing {
			key = binary.AppendUvarint(key, uint64(d.Groups[i].Count))
		}
	}
	key = appendString(binary.AppendVarint(key, int64(d.TimeLimit)), d.Role)
	if alone {
		key = appendString(appendString(key, string(d.Framework)), d.ID)
	}
	b.scratch.key = key
	c := b.classes[string(key)]
	if c == nil {
		l := b.lineOf(d.Role)
		c = &class{
			key: string(key), line: l, node: l.node, role: d.Role, limit: d.TimeLimit, gang: d.AllOrNothing,
			activeAt: -1, ready: queue{kind: readyQueue},
		}
		if len(d.groups) == 1 {
			c.need = r.shape.Resources
		}
		b.classes[c.key] = c
	}
	if solo {
		r.solo = c
	}
	c.members++
	return c
}

// releaseRooms undoes compileGroups. d must not be listed.
func (b *Book) releaseRooms(d *demand) {
	c := d.class
	if c.members--; c.members == 0 {
		for i := range d.groups {
			if r := d.groups[i].room; r.solo == c {
				r.solo = nil
			}
		}
		delete(b.classes, c.key)
		b.leaveLine(c.role)
	}
	for i := range d.groups {
		r := d.groups[i].room
		if r.users--; r.users == 0 {
			delete(b.rooms, r.key)
			b.releasePins(r)
		}
	}
	d.class = nil
}

// enlist puts d where the passes find it: among the ready, or among those with
// a time to wait for; nowhere if all it wants is on offer.
func (b *Book) enlist(d *demand) {
	if d.satisfied() {
		return
	}
	if at := d.wakeAt(); !at.IsZero() {
		b.asleep.push(d, at.Unix(), uint64(at.Nanosecond()))
		return
	}
	b.makeReady(d)
}

func (b *Book) makeReady(d *demand) {
	c := d.class
	c.ready.push(d, ^d.Rank, d.Seq)
	b.ranking().Want(c.node, d.asks(), 1)
	b.activate(c)
	if !c.fresh {
		c.fresh = true
		b.fresh = append(b.fresh, c)
	}
	b.dirty = true
}

// activate enters c among the classes with a demand that is ready.
func (b *Book) activate(c *class) {
	if c.activeAt < 0 {
		c.activeAt = len(b.active)
		b.active = append(b.active, c)
	}
}

// relist is enlist after an offer for d is closed, which may have been the last
// that d wanted.
func (b *Book) relist(d *demand) {
	if d.empty() {
		b.forget(d)
		return
	}
	b.enlist(d)
}

// delist is the inverse of enlist.
func (b *Book) delist(d *demand) {
	b.asleep.remove(d)
	c := d.class
	if d.place[readyQueue] < 0 && !d.parked {
		return
	}
	b.ranking().Want(c.node, d.asks(), -1)
	d.parked = false
	if c.kept {
		c.line.missed = true
	}
	c.ready.remove(d)
	if c.ready.len() > 0 || c.activeAt < 0 {
		return
	}
	last := b.active[len(b.active)-1]
	b.active[c.activeAt], last.activeAt = last, c.activeAt
	b.active[len(b.active)-1] = nil
	b.active = b.active[:len(b.active)-1]
	c.activeAt = -1
}

// wake makes ready the demands whose time has come.
func (b *Book) wake(now time.Time) {
	for d := b.asleep.peek(); d != nil && !d.wakeAt().After(now); d = b.asleep.peek() {
		b.asleep.remove(d)
		d.refusedUntil = time.Time{}
		b.makeReady(d)
	}
}

package offers

import (
	"encoding/binary"
	"time"
)

// class is the demands that are served alike: of one room, or gangs of the same
// rooms and counts. When the first of them does not fit, none does. A demand
// with a cap of its own, or of several groups that are no gang, is a class of
// its own.
type class struct {
	key      string
	room     *room // whose solo this is, or nil
	gang     bool
	members  int
	ready    queue
	activeAt int  // place in Book.active, or -1
	fresh    bool // is in Book.fresh
	// failedAt is Book.gains when the gang last did not fit. It still does not
	// as long as that has not moved.
	failedAt uint64
}

func newClass(gang bool) *class {
	return &class{gang: gang, activeAt: -1, ready: queue{kind: readyQueue}}
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
	if r := d.groups[0].room; !d.AllOrNothing && !alone {
		if r.solo == nil {
			r.solo = newClass(false)
			r.solo.room = r
		}
		r.solo.members++
		return r.solo
	}
	key := appendBool(b.scratch.key[:0], d.AllOrNothing)
	for i := range d.groups {
		key = binary.AppendUvarint(key, d.groups[i].room.serial)
		if d.AllOrNothing {
			key = binary.AppendUvarint(key, uint64(d.Groups[i].Count))
		}
	}
	if alone {
		key = appendString(appendString(key, string(d.Framework)), d.ID)
	}
	b.scratch.key = key
	c := b.classes[string(key)]
	if c == nil {
		c = newClass(d.AllOrNothing)
		c.key = string(key)
		b.classes[c.key] = c
	}
	c.members++
	return c
}

// releaseRooms undoes compileGroups. d must not be listed.
func (b *Book) releaseRooms(d *demand) {
	c := d.class
	if c.members--; c.members == 0 {
		if c.room != nil {
			c.room.solo = nil
		} else {
			delete(b.classes, c.key)
		}
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
	if c.activeAt < 0 {
		c.activeAt = len(b.active)
		b.active = append(b.active, c)
	}
	if !c.fresh {
		c.fresh = true
		b.fresh = append(b.fresh, c)
	}
	b.dirty = true
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

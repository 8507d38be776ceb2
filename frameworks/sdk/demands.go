package sdk

import "github.com/tender-scheduler/tender/core/model"

// DemandBook remembers which demands the host has been sent, so that only
// changes are. All of a demand but its count is fixed for the life of its id.
type DemandBook struct {
	entries map[string]*demandEntry
	touched []string
}

type demandEntry struct {
	sent, want int // tasks; sent is unknownCount after Forget
	touched    bool
	build      func(count int) model.Demand
}

const unknownCount = -1

// Want says that the demand id should be for count tasks now; 0 withdraws it.
// build is called by Call, and only if the host does not know that count.
func (b *DemandBook) Want(id string, count int, build func(count int) model.Demand) {
	e := b.entries[id]
	if e == nil {
		if count == 0 {
			return
		}
		if b.entries == nil {
			b.entries = map[string]*demandEntry{}
		}
		e = &demandEntry{}
		b.entries[id] = e
	}
	e.want, e.build = count, build
	if !e.touched && e.want != e.sent {
		e.touched = true
		b.touched = append(b.touched, id)
	}
}

// Forget says that the host's idea of the demand id is not known any more: an
// offer for it was accepted, or the host refused it. The next Want is news.
func (b *DemandBook) Forget(id string) {
	if e := b.entries[id]; e != nil {
		e.sent = unknownCount
	}
}

// Wanted returns the count last wanted of the demand id.
func (b *DemandBook) Wanted(id string) int {
	if e := b.entries[id]; e != nil {
		return e.want
	}
	return 0
}

// Reset forgets all that was sent: a new leader knows no demands.
func (b *DemandBook) Reset() { *b = DemandBook{} }

// Call returns what changed since the last Call as one REQUEST, in the order in
// which it was first wanted; ok is false if nothing did.
func (b *DemandBook) Call() (call model.Demands, ok bool) {
	for _, id := range b.touched {
		e := b.entries[id]
		e.touched = false
		switch e.want {
		case e.sent:
		case 0:
			call.Drop = append(call.Drop, id)
			delete(b.entries, id)
		default:
			call.Set = append(call.Set, e.build(e.want))
			e.sent = e.want
		}
	}
	for _, id := range b.touched {
		// What was wanted and given up before anything was sent.
		if e := b.entries[id]; e != nil && e.want == 0 {
			delete(b.entries, id)
		}
	}
	b.touched = b.touched[:0]
	return call, call.Set != nil || call.Drop != nil
}

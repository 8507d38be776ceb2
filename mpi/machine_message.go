package mpi

import "encoding/binary"

// pair is a key that a rank has put.
type pair struct{ key, value string }

// report is what Machines tell each other: that all ranks of one are in a
// barrier, or that all of the job are; with what they have put.
type report struct {
	kind    byte
	barrier uint64 // counted from 1
	pairs   []pair
}

const (
	formatVersion = 1

	kindIn   = 'i' // all of one are in the barrier
	kindOut  = 'o' // all of the job are
	kindWait = 'w' // some are not yet
)

// encode writes a version, the kind, and then as varints the barrier, how many
// pairs follow, and before each text its length.
func (r *report) encode() []byte {
	n := 2 + 2*binary.MaxVarintLen64
	for _, p := range r.pairs {
		n += len(p.key) + len(p.value) + 4
	}
	b := append(make([]byte, 0, n), formatVersion, r.kind)
	b = binary.AppendUvarint(b, r.barrier)
	b = binary.AppendUvarint(b, uint64(len(r.pairs)))
	for _, p := range r.pairs {
		for _, s := range []string{p.key, p.value} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return b
}

// decode reads what encode writes.
func decode(b []byte) (r report, ok bool) {
	if len(b) < 2 || b[0] != formatVersion || b[1] != kindIn && b[1] != kindOut && b[1] != kindWait {
		return r, false
	}
	r.kind = b[1]
	b = b[2:]
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	text := func(limit int) (string, bool) {
		n := number()
		if n > uint64(limit) || n > uint64(len(b)) {
			return "", false
		}
		s := string(b[:n])
		b = b[n:]
		return s, true
	}
	r.barrier = number()
	count := number()
	if r.barrier == 0 || count > uint64(len(b)) { // a pair takes two bytes at least
		return r, false
	}
	for range count {
		key, ok1 := text(maxKeyBytes)
		value, ok2 := text(maxValueBytes)
		if !ok1 || !ok2 || key == "" {
			return r, false
		}
		r.pairs = append(r.pairs, pair{key, value})
	}
	return r, len(b) == 0
}

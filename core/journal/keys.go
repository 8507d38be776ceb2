package journal

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// keyspace names the keys of one cluster. Numbers are fixed-width hex, so that
// etcd's byte order is numeric order.
type keyspace struct{ prefix string }

func newKeyspace(cluster string) keyspace { return keyspace{"/tender/" + cluster + "/"} }

func (k keyspace) leader() string   { return k.prefix + "leader" }
func (k keyspace) head() string     { return k.prefix + "head" }
func (k keyspace) manifest() string { return k.prefix + "snapshot" }

func (k keyspace) masters() string { return k.prefix + "masters/" }

func (k keyspace) log() string { return k.prefix + "log/" }

func (k keyspace) logEnd() string { return clientv3.GetPrefixRangeEnd(k.log()) }

// logFrom is below every part of group index and above every part of index-1.
func (k keyspace) logFrom(index uint64) string { return fmt.Sprintf("%s%016x", k.log(), index) }

func (k keyspace) part(index uint64, part int) string {
	return fmt.Sprintf("%s%016x.%08x", k.log(), index, part)
}

// parsePart is the inverse of part.
func (k keyspace) parsePart(key string) (index uint64, part int, err error) {
	rest, ok := strings.CutPrefix(key, k.log())
	if ok && len(rest) == 25 && rest[16] == '.' {
		i, ierr := strconv.ParseUint(rest[:16], 16, 64)
		p, perr := strconv.ParseUint(rest[17:], 16, 31)
		if ierr == nil && perr == nil {
			return i, int(p), nil
		}
	}
	return 0, 0, fmt.Errorf("parse log key %q: %w", key, ErrCorrupt)
}

func (k keyspace) snapshots() string { return k.prefix + "snap/" }

func (k keyspace) snapshotsEnd() string { return clientv3.GetPrefixRangeEnd(k.snapshots()) }

func (k keyspace) chunks(id string) string { return k.snapshots() + id + "/" }

func (k keyspace) chunk(id string, n int) string { return fmt.Sprintf("%s%08x", k.chunks(id), n) }

// head is the value of the head key: the last committed group and its epoch.
// Its encoding is fixed-width, because commits compare the value byte by byte.
type head struct {
	index uint64
	epoch int64
}

func (h head) encode() string {
	b := make([]byte, 0, 16)
	b = binary.BigEndian.AppendUint64(b, h.index)
	b = binary.BigEndian.AppendUint64(b, uint64(h.epoch))
	return string(b)
}

func decodeHead(b []byte) (head, error) {
	if len(b) != 16 {
		return head{}, fmt.Errorf("read head of %d bytes: %w", len(b), ErrCorrupt)
	}
	return head{binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))}, nil
}

package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A group is stored as one payload, the records one after another, cut into
// parts. Each part is an etcd value:
//
//	byte    format, 1
//	byte    flags: 1 = the whole payload is zstd compressed
//	uvarint epoch of the writer
//	uvarint number of this part, from 0
//	uvarint count of parts
//	4 bytes crc32c of the bytes that follow, big endian
//	...     this part's bytes of the payload
//
// and the payload, decompressed, is a uvarint count of records and then a
// uvarint length and the bytes of each.
const (
	formatGroup     = 1
	flagCompressed  = 1
	maxPartOverhead = 2 + 3*binary.MaxVarintLen64 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// part is one decoded etcd value.
type part struct {
	compressed bool
	epoch      int64
	number     int
	count      int
	body       []byte // aliases the value
}

func (p part) encode() string {
	b := make([]byte, 0, maxPartOverhead+len(p.body))
	var flags byte
	if p.compressed {
		flags = flagCompressed
	}
	b = append(b, formatGroup, flags)
	b = binary.AppendUvarint(b, uint64(p.epoch))
	b = binary.AppendUvarint(b, uint64(p.number))
	b = binary.AppendUvarint(b, uint64(p.count))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(p.body, castagnoli))
	return string(append(b, p.body...))
}

func decodePart(value []byte) (part, error) {
	if len(value) < 2 {
		return part{}, fmt.Errorf("part of %d bytes: %w", len(value), ErrCorrupt)
	}
	if value[0] != formatGroup {
		return part{}, fmt.Errorf("part in format %d, this program knows format %d: written by a newer version?", value[0], formatGroup)
	}
	compressed := value[1]&flagCompressed != 0
	b := value[2:]
	var fields [3]uint64
	for i := range fields {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return part{}, fmt.Errorf("part header cut short: %w", ErrCorrupt)
		}
		fields[i], b = v, b[n:]
	}
	if len(b) < 4 {
		return part{}, fmt.Errorf("part header cut short: %w", ErrCorrupt)
	}
	sum, body := binary.BigEndian.Uint32(b), b[4:]
	if got := crc32.Checksum(body, castagnoli); got != sum {
		return part{}, fmt.Errorf("part checksum is %08x, want %08x: %w", got, sum, ErrCorrupt)
	}
	p := part{compressed: compressed, epoch: int64(fields[0]), number: int(fields[1]), count: int(fields[2]), body: body}
	if p.count < 1 || p.number < 0 || p.number >= p.count {
		return part{}, fmt.Errorf("part %d of %d: %w", p.number, p.count, ErrCorrupt)
	}
	return p, nil
}

// encodeGroup makes the values of a group's parts, each body at most maxBytes.
func encodeGroup(epoch int64, records [][]byte, maxBytes int) ([]string, error) {
	size := binary.MaxVarintLen64
	for _, r := range records {
		size += binary.MaxVarintLen32 + len(r)
	}
	if size > MaxGroupBytes {
		return nil, fmt.Errorf("group of %d records, %d bytes, limit %d: %w", len(records), size, MaxGroupBytes, ErrTooLarge)
	}
	payload := make([]byte, 0, size)
	payload = binary.AppendUvarint(payload, uint64(len(records)))
	for _, r := range records {
		payload = binary.AppendUvarint(payload, uint64(len(r)))
		payload = append(payload, r...)
	}
	payload, compressed := compress(payload)
	count := max(1, (len(payload)+maxBytes-1)/maxBytes)
	values := make([]string, count)
	for i := range count {
		body := payload[i*maxBytes : min(len(payload), (i+1)*maxBytes)]
		values[i] = part{compressed, epoch, i, count, body}.encode()
	}
	return values, nil
}

// decodeGroup joins the parts of a whole group, in order, back into records.
func decodeGroup(parts []part) ([][]byte, error) {
	payload := parts[0].body
	if len(parts) > 1 {
		size := 0
		for _, p := range parts {
			size += len(p.body)
		}
		payload = make([]byte, 0, size)
		for _, p := range parts {
			payload = append(payload, p.body...)
		}
	}
	if parts[0].compressed {
		var err error
		if payload, err = decompress(payload, MaxGroupBytes); err != nil {
			return nil, err
		}
	}
	return splitRecords(payload)
}

func splitRecords(payload []byte) ([][]byte, error) {
	count, n := binary.Uvarint(payload)
	if n <= 0 || count > uint64(len(payload)) {
		return nil, fmt.Errorf("count of records cut short: %w", ErrCorrupt)
	}
	payload = payload[n:]
	records := make([][]byte, 0, count)
	for range count {
		size, n := binary.Uvarint(payload)
		if n <= 0 || size > uint64(len(payload)-n) {
			return nil, fmt.Errorf("record %d cut short: %w", len(records), ErrCorrupt)
		}
		end := n + int(size)
		records = append(records, payload[n:end:end])
		payload = payload[end:]
	}
	if len(payload) != 0 {
		return nil, fmt.Errorf("%d bytes after the last record: %w", len(payload), ErrCorrupt)
	}
	return records, nil
}

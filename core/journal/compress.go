package journal

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// compressAbove is the payload size from which compression pays: below it a
// commit costs its fsync, whatever its size.
const compressAbove = 2 << 10

// EncodeAll and DecodeAll keep no goroutines and may be called concurrently; one
// of each serves the process.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
		if err != nil {
			panic(fmt.Sprintf("journal: zstd encoder options: %v", err))
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2),
			zstd.WithDecoderMaxMemory(MaxSnapshotBytes+1), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(fmt.Sprintf("journal: zstd decoder options: %v", err))
		}
		return d
	})
)

// compress returns the smaller of the payload and its compressed form.
func compress(payload []byte) (out []byte, compressed bool) {
	if len(payload) < compressAbove {
		return payload, false
	}
	if out = encoder().EncodeAll(payload, nil); len(out) < len(payload) {
		return out, true
	}
	return payload, false
}

func decompress(b []byte, limitBytes int) ([]byte, error) {
	// The size is in the frame: a damaged one must not cost its memory first.
	var frame zstd.Header
	if err := frame.Decode(b); err != nil || !frame.HasFCS || frame.FrameContentSize > uint64(limitBytes) {
		return nil, fmt.Errorf("decompress %d bytes: no frame of at most %d bytes: %w", len(b), limitBytes, ErrCorrupt)
	}
	out, err := decoder().DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress %d bytes: %w: %w", len(b), err, ErrCorrupt)
	}
	return out, nil
}

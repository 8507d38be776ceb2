package journal

import (
	"encoding/json"
	"fmt"
)

// manifest describes the current snapshot; it is the value of its key, as JSON.
type manifest struct {
	Format      int    `json:"format"`
	ID          string `json:"id"`    // names the chunks
	Index       uint64 `json:"index"` // the last group the snapshot covers
	Epoch       int64  `json:"epoch"` // of its writer
	Chunks      int    `json:"chunks"`
	Bytes       int64  `json:"bytes"`
	StoredBytes int64  `json:"stored_bytes"`
	Compressed  bool   `json:"compressed"`
	CRC32C      uint32 `json:"crc32c"` // of the stored bytes
}

const formatSnapshot = 1

func (m manifest) encode() (string, error) {
	b, err := json.Marshal(m)
	return string(b), err
}

func decodeManifest(b []byte) (manifest, error) {
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return manifest{}, fmt.Errorf("read snapshot manifest: %w: %w", err, ErrCorrupt)
	}
	if m.Format != formatSnapshot {
		return manifest{}, fmt.Errorf("snapshot in format %d, this program knows format %d: written by a newer version?", m.Format, formatSnapshot)
	}
	if m.Chunks < 0 || m.StoredBytes < 0 || m.StoredBytes > MaxSnapshotBytes || m.Bytes > MaxSnapshotBytes {
		return manifest{}, fmt.Errorf("snapshot manifest %s: impossible sizes: %w", b, ErrCorrupt)
	}
	return m, nil
}

package artifact

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// checksum is what a file's bytes must add up to; the zero value takes any.
type checksum struct {
	kind string
	want string // hex, lower case
	make func() hash.Hash
}

var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New,
}

// parseChecksum reads KIND:HEX; without KIND: the length tells it.
func parseChecksum(s string) (checksum, error) {
	if s == "" {
		return checksum{}, nil
	}
	kind, want, ok := strings.Cut(s, ":")
	if !ok {
		want = s
		kind = map[int]string{32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}[len(s)]
	}
	kind, want = strings.ToLower(kind), strings.ToLower(want)
	make := hashes[kind]
	if make == nil {
		return checksum{}, fmt.Errorf("checksum %q: want KIND:HEX, with KIND md5, sha1, sha256 or sha512", s)
	}
	if raw, err := hex.DecodeString(want); err != nil || len(raw) != make().Size() {
		return checksum{}, fmt.Errorf("checksum %q: a %s is %d hexadecimal digits", s, kind, 2*make().Size())
	}
	return checksum{kind, want, make}, nil
}

// verify reads the file and compares.
func (c checksum) verify(path string) error {
	if c.make == nil {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := c.make()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != c.want {
		return fmt.Errorf("its %s is %s, but the job asks for %s: the file has changed, or the job is wrong", c.kind, got, c.want)
	}
	return nil
}

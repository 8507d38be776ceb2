package jobspec

import (
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// exactBytes writes a size so that reading it gives the same number: with one
// decimal where that is exact, else in the largest unit that divides it.
func exactBytes(n int64) string {
	short := model.FormatBytes(n)
	if back, err := parseSize(short); err == nil && back == n {
		return short
	}
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// shortDuration drops the zero parts that Go prints: "1h0m0s" → "1h".
func shortDuration(d model.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

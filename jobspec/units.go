package jobspec

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/internal/pattern"
)

// maxDuration is what a duration may be at most: about ten years.
const maxDuration = 3660 * 24 * time.Hour

var (
	dayPart   = pattern.New(`^(\d+(?:\.\d+)?)d(.*)$`)
	slurmTime = pattern.New(`^(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?$`)
	sizeParts = pattern.New(`^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$`)
)

// parseDuration reads Go's notation with days in front: "90s", "1h30m", "2d",
// "1d12h". For what looks like another notation hint says how it is written here.
func parseDuration(s string) (d time.Duration, hint string, err error) {
	days, rest := 0.0, s
	if m := dayPart().FindStringSubmatch(s); m != nil {
		days, _ = strconv.ParseFloat(m[1], 64)
		rest = m[2]
	}
	if strings.HasPrefix(rest, "-") && rest != s {
		return 0, "", fmt.Errorf("cannot read %q as a duration", s)
	}
	if rest != "" || days == 0 && rest == s {
		if d, err = time.ParseDuration(rest); err != nil {
			return 0, durationHint(s), fmt.Errorf("cannot read %q as a duration", s)
		}
	}
	total := float64(d) + days*24*float64(time.Hour)
	switch {
	case total < 0:
		return 0, "", errors.New("a duration cannot be negative")
	case total > float64(maxDuration):
		return 0, "leave it out for no limit", fmt.Errorf("%q is more than ten years", s)
	}
	return d + time.Duration(math.Round(days*24*float64(time.Hour))), "", nil
}

func durationHint(s string) string {
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return fmt.Sprintf("a unit is missing: write %q for seconds, or %q for minutes", s+"s", s+"m")
	}
	m := slurmTime().FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	units := []string{"d", "h", "m", "s"}
	if m[1] == "" && m[4] == "" {
		m[2], m[3], m[4] = "", m[2], m[3] // MM:SS, as Slurm reads it
	}
	out := ""
	for i, unit := range units {
		if v, _ := strconv.Atoi(m[i+1]); v > 0 {
			out += strconv.Itoa(v) + unit
		}
	}
	if out == "" {
		return ""
	}
	return fmt.Sprintf("write %q", out)
}

// sizeUnits: with an i binary, with a B alone decimal (SI), a letter alone
// binary as Slurm has it, and no unit MiB as Nomad has it.
var sizeUnits = map[string]int64{
	"": 1 << 20, "b": 1,
	"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
}

// maxSizeBytes is 1 EiB.
const maxSizeBytes = 1 << 60

// parseSize reads "64GiB", "512MB", "1.5G" or a bare number of MiB, in bytes;
// a fraction of a byte is rounded up.
func parseSize(s string) (int64, error) {
	m := sizeParts().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		if strings.HasPrefix(s, "-") {
			return 0, errors.New("a size cannot be negative")
		}
		return 0, fmt.Errorf("cannot read %q as a size", s)
	}
	unit, ok := sizeUnits[strings.ToLower(m[2])]
	if !ok {
		return 0, fmt.Errorf("%q is not a unit of size", m[2])
	}
	amount, ok := new(big.Rat).SetString(m[1])
	if !ok || len(m[1]) > 40 {
		return 0, fmt.Errorf("cannot read %q as a size", s)
	}
	amount.Mul(amount, new(big.Rat).SetInt64(unit))
	bytes := new(big.Int).Add(amount.Num(), new(big.Int).Sub(amount.Denom(), big.NewInt(1)))
	bytes.Quo(bytes, amount.Denom())
	if bytes.Cmp(big.NewInt(maxSizeBytes)) > 0 {
		return 0, fmt.Errorf("%q is more than 1EiB", s)
	}
	return bytes.Int64(), nil
}

// number prints a float as people write it.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

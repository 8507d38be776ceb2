package offers

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"
)

// semverRange is the value of a semver constraint: comparisons that must all
// hold. Unlike go-version's own constraints it orders pre-releases strictly as
// semver.org says: 1.7.0-beta is below 1.7.0 and above 1.6.9, whatever the
// comparison names.
type semverRange []semverBound

type semverBound struct {
	op string
	v  *version.Version
}

// parseSemverRange reads comparisons divided by commas, such as ">= 1.6.0, < 2.0.0".
func parseSemverRange(s string) (semverRange, error) {
	var out semverRange
	for _, p := range strings.Split(s, ",") {
		p = strings.TrimSpace(p)
		n := len(p) - len(strings.TrimLeft(p, "=!<>~"))
		op, text := p[:n], strings.TrimSpace(p[n:])
		switch op {
		case "":
			op = "="
		case "=", "!=", "<", "<=", ">", ">=":
		default:
			return nil, fmt.Errorf("malformed semver range %q: want comparisons with = != < <= > >=, divided by commas", s)
		}
		v, err := version.NewSemver(text)
		if err != nil {
			return nil, fmt.Errorf("malformed semver range %q: %q is not a version such as 1.2.3", s, text)
		}
		out = append(out, semverBound{op, v})
	}
	return out, nil
}

func (r semverRange) holds(v *version.Version) bool {
	for _, b := range r {
		c := v.Compare(b.v)
		ok := false
		switch b.op {
		case "=":
			ok = c == 0
		case "!=":
			ok = c != 0
		case "<":
			ok = c < 0
		case "<=":
			ok = c <= 0
		case ">":
			ok = c > 0
		case ">=":
			ok = c >= 0
		}
		if !ok {
			return false
		}
	}
	return true
}

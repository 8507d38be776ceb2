package schedule

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// UTC is the zone of a schedule that names none.
const UTC = "UTC"

// KnowsZone reports whether the tz database has a zone of that name; empty is UTC.
func KnowsZone(name string) bool {
	_, found := slices.BinarySearch(zones, name)
	return found || name == ""
}

// CheckZone returns what is wrong with the name of a time zone, nil if nothing is.
func CheckZone(name string) *Fault {
	if KnowsZone(name) {
		return nil
	}
	s := span{name, 0}
	if near := nearZone(name); near != "" {
		return s.fault("did you mean \""+near+"\"?", "there is no time zone %q", name)
	}
	return s.fault("zones are named as in the tz database: Europe/Berlin, America/New_York, UTC", "there is no time zone %q", name)
}

// nearZone finds a zone that differs in a slip of the pen, in its case, or in that
// only its city is given.
func nearZone(name string) string {
	if name == "" || len(name) > 64 {
		return ""
	}
	lower := strings.ReplaceAll(strings.ToLower(name), " ", "_")
	best, distance := "", 3
	for _, z := range zones {
		whole := strings.ToLower(z)
		city := whole[strings.LastIndexByte(whole, '/')+1:]
		if whole == lower || city == lower {
			return z
		}
		if d := min(levenshtein.Distance(lower, whole, nil), levenshtein.Distance(lower, city, nil)); d < distance && len(lower) > 3 {
			best, distance = z, d
		}
	}
	return best
}

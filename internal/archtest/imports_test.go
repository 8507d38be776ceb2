package archtest

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	for _, s := range sources(t) {
		for _, fault := range importFaults(s) {
			t.Error(fault)
		}
	}
}

// importFaults says what is wrong with the imports of s, one line for each.
func importFaults(s source) []string {
	var out []string
	home := roomOf(s.dir)
	if home == nil {
		return []string{fmt.Sprintf("%s: directory %s has no line in rooms (internal/archtest/rules_test.go); "+
			"put the file in a room of the design, or add a line that says what the new room may import", s.path, s.dir)}
	}
	for _, spec := range s.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		at := s.fset.Position(spec.Pos())
		report := func(format string, args ...any) {
			out = append(out, fmt.Sprintf("%s:%d: imports %s: ", s.path, at.Line, name)+fmt.Sprintf(format, args...))
		}
		if inner, ok := strings.CutPrefix(name, modulePath+"/"); ok {
			if !mayImport(home, s.dir, inner, s.test) {
				report("%s may import only %s. Move what you need to a room it may import, have the caller pass it in, "+
					"or define the interface you need here", home.dir, describeMay(home, s.test))
			}
			continue
		}
		first, _, _ := strings.Cut(name, "/")
		if strings.Contains(first, ".") && home.stdlib && !s.test {
			report("%s imports the standard library only", home.dir)
		}
		for _, x := range exclusive {
			if strings.HasPrefix(name, x.module) && !slices.ContainsFunc(x.only, func(dir string) bool { return under(s.dir, dir) }) {
				report("%s", x.why)
			}
		}
		if spec.Name != nil && spec.Name.Name == "." {
			report("a dot import hides where names come from; give it a name")
		}
	}
	return out
}

// mayImport reports whether a file of dir, in room home, may import the module's
// directory target.
func mayImport(home *room, dir, target string, test bool) bool {
	to := roomOf(target)
	if to == nil {
		return false
	}
	if to == home || under(dir, target) && test {
		return true
	}
	allowed := home.may
	if test {
		allowed = slices.Concat(allowed, home.tests, everyRoomsTests)
	}
	return slices.ContainsFunc(allowed, func(a string) bool {
		if a == "*" {
			return !slices.ContainsFunc(wiring, func(w string) bool { return under(target, w) })
		}
		return to.dir == a || a == "internal" && under(target, a)
	})
}

// roomOf returns the line of rooms for a directory, nil if there is none.
func roomOf(dir string) *room {
	var best *room
	for i := range rooms {
		if r := &rooms[i]; under(dir, r.dir) && (best == nil || len(r.dir) > len(best.dir)) {
			best = r
		}
	}
	return best
}

func describeMay(home *room, test bool) string {
	may := append([]string{"its own packages"}, home.may...)
	if test {
		may = append(append(may, home.tests...), everyRoomsTests...)
	}
	slices.Sort(may[1:])
	return strings.ReplaceAll(strings.Join(slices.Compact(may), ", "), "*", "any room but "+strings.Join(wiring, ", "))
}

func TestRoomsAreListedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rooms {
		if seen[r.dir] || path.Clean(r.dir) != r.dir {
			t.Errorf("rooms: %q is listed twice, or not a clean path", r.dir)
		}
		seen[r.dir] = true
	}
	for _, r := range rooms {
		for _, m := range slices.Concat(r.may, r.tests, everyRoomsTests, wiring) {
			if m != "*" && !seen[m] {
				t.Errorf("rooms: %s may import %q, which has no line of its own", r.dir, m)
			}
		}
	}
}

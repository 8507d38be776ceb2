package schedule

import (
	"archive/zip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestZoneNames holds the list of zones against the database of the Go that
// builds this.
func TestZoneNames(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Skipf("no tz database beside this Go: %v", err)
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, "/") && f.Name != "Factory" {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, zones) {
		t.Error("zonenames.go is not what this Go carries")
	}
}

// days are stretches with a change of the clocks in them, and some without.
var days = []struct{ zone, from string }{
	{"Europe/Berlin", "2026-03-28T12:00:00Z"}, {"Europe/Berlin", "2026-10-24T12:00:00Z"},
	{"America/New_York", "2026-03-07T20:00:00Z"}, {"America/New_York", "2026-10-31T20:00:00Z"},
	{"Australia/Lord_Howe", "2026-04-04T00:00:00Z"}, {"Australia/Lord_Howe", "2026-10-03T00:00:00Z"},
	{"Asia/Kolkata", "2026-06-01T00:00:00Z"}, {"Pacific/Apia", "2011-12-29T00:00:00Z"},
	{"America/Havana", "2026-03-07T20:00:00Z"}, {"Africa/Casablanca", "2026-02-14T12:00:00Z"},
	{"UTC", "2028-02-28T12:00:00Z"},
}

// TestOracle compares Next with a naive reading of cron(8), minute by minute.
func TestOracle(t *testing.T) {
	minute := rapid.SampledFrom([]string{"*", "*/7", "0", "30", "15,45", "0-10/5", "59"})
	hour := rapid.SampledFrom([]string{"*", "*/2", "0", "1", "2", "3", "1-3", "2,14", "0-23/3", "23"})
	dom := rapid.SampledFrom([]string{"*", "*", "*", "*/2", "29", "30", "1-15"})
	month := rapid.SampledFrom([]string{"*", "*", "*", "3,10,11", "FEB-DEC"})
	dow := rapid.SampledFrom([]string{"*", "*", "*", "SUN", "0,6", "5-7", "MON-FRI", "*/2"})
	rapid.Check(t, func(r *rapid.T) {
		day := rapid.SampledFrom(days).Draw(r, "day")
		text := strings.Join([]string{
			minute.Draw(r, "minute"), hour.Draw(r, "hour"), dom.Draw(r, "dom"), month.Draw(r, "month"), dow.Draw(r, "dow"),
		}, " ")
		loc := location(t, day.zone)
		start, _ := time.Parse(time.RFC3339, day.from)
		end := start.Add(48 * time.Hour)
		c, fault := ParseCron(text)
		if fault != nil {
			r.Fatalf("%q: %v", text, fault)
		}
		var got []string
		for at := c.next(start, loc, start); !at.IsZero() && !at.After(end); at = c.next(at, loc, start) {
			got = append(got, at.UTC().Format(time.RFC3339))
		}
		if want := naive(text, loc, start, end); !slices.Equal(got, want) {
			r.Fatalf("%q in %s from %s:\n got %v\nwant %v", text, day.zone, day.from, got, want)
		}
	})
}

// naive walks over real minutes, as Vixie's cron does. It reads the fields itself.
func naive(text string, loc *time.Location, start, end time.Time) (out []string) {
	f := strings.Fields(text)
	match := func(civil time.Time) bool {
		dom, dow := has(f[2], civil.Day(), 31), has(f[4], int(civil.Weekday()), 7)
		day := dom && dow
		if f[2][0] != '*' && f[4][0] != '*' {
			day = dom || dow
		}
		return day && has(f[0], civil.Minute(), 59) && has(f[1], civil.Hour(), 23) && has(f[3], int(civil.Month()), 12)
	}
	wild := f[0][0] == '*' || f[1][0] == '*'
	seen := map[string]bool{} // civil minutes that fixed expressions have had
	shown := func(t time.Time) time.Time {
		l := t.In(loc)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	for t := start.Add(-24 * time.Hour); !t.After(end); t = t.Add(time.Minute) {
		was, is := shown(t.Add(-time.Minute)), shown(t)
		due := wild && match(is)
		if !wild {
			first := is
			if skipped := is.Sub(was) - time.Minute; skipped > 0 && skipped < 3*time.Hour {
				first = was.Add(time.Minute)
			}
			for civil := first; !civil.After(is); civil = civil.Add(time.Minute) {
				key := civil.String()
				due = due || match(civil) && !seen[key]
				seen[key] = true
			}
		}
		if due && t.After(start) {
			out = append(out, t.UTC().Format(time.RFC3339))
		}
	}
	return out
}

var words = map[string]int{"SUN": 0, "MON": 1, "FRI": 5, "FEB": 2, "DEC": 12}

// has reads a field for one value, by the definition of crontab(5).
func has(field string, v, most int) bool {
	number := func(s string) int {
		if n, ok := words[s]; ok {
			return n
		}
		n := 0
		for _, d := range s {
			n = n*10 + int(d-'0')
		}
		return n
	}
	for item := range strings.SplitSeq(field, ",") {
		span, step, stepped := strings.Cut(item, "/")
		first, last, ranged := strings.Cut(span, "-")
		var low, high int
		by := 1
		switch {
		case span == "*":
			high = most
			if most == 31 || most == 12 {
				low = 1
			}
			if most == 7 {
				high = 6
			}
		case ranged:
			low, high = number(first), number(last)
		default:
			low, high = number(first), number(first)
		}
		if stepped {
			by = number(step)
		}
		for n := low; n <= high; n += by {
			if n == v || most == 7 && n == 7 && v == 0 {
				return true
			}
		}
	}
	return false
}

// TestRepeatIsMonotone holds that the runs of a repetition come one after the
// other, and that Next finds each.
func TestRepeatIsMonotone(t *testing.T) {
	periods := rapid.SampledFrom([]string{"PT1S", "PT90M", "P1D", "P1W", "P1M", "P1Y", "P1M3DT2H", "P1DT1H", "PT25H"})
	rapid.Check(t, func(r *rapid.T) {
		day := rapid.SampledFrom(days).Draw(r, "day")
		loc := location(t, day.zone)
		start, _ := time.Parse(time.RFC3339, day.from)
		start = start.Add(time.Duration(rapid.IntRange(0, 48*60).Draw(r, "minutes")) * time.Minute)
		p, fault := ParseRepeat("R5//" + periods.Draw(r, "period"))
		if fault != nil {
			r.Fatal(fault)
		}
		at := start.Add(-time.Second)
		for k := range 5 {
			want := p.due(k, loc, start)
			if want.Equal(at) {
				continue // its day was skipped
			}
			next := p.next(at, loc, start)
			if !next.Equal(want) || !next.After(at) {
				r.Fatalf("run %d of %+v after %s is %s, want %s", k, p, at, next, want)
			}
			at = next
		}
		if next := p.next(at, loc, start); !next.IsZero() {
			r.Fatalf("a sixth run at %s", next)
		}
	})
}

package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// query reads a request's query parameters. The first fault sticks and is
// returned by done, which also refuses parameters nobody asked for.
type query struct {
	values  url.Values
	known   []string
	refusal *model.Refusal
}

func readQuery(rawQuery string) *query {
	v, err := url.ParseQuery(rawQuery)
	q := &query{values: v}
	if err != nil {
		q.refuse("read the query: %v", err)
	}
	return q
}

func (q *query) refuse(format string, args ...any) {
	if q.refusal == nil {
		q.refusal = model.Refuse(model.ReasonBadRequest, format, args...)
	}
}

// text returns a parameter, empty if it is absent.
func (q *query) text(name string) string {
	q.known = append(q.known, name)
	v := q.values[name]
	if len(v) > 1 {
		q.refuse("query parameter %q is given %d times", name, len(v))
	}
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

// oneOf returns a parameter that must be absent or one of allowed.
func (q *query) oneOf(name string, allowed []string) string {
	s := q.text(name)
	if s != "" && !slices.Contains(allowed, s) {
		q.refuse("query parameter %s=%q: want one of %s", name, s, strings.Join(allowed, ", "))
	}
	return s
}

// integer returns a parameter between lowest and highest, or absent if it is not given.
func (q *query) integer(name string, lowest, highest, absent int64) int64 {
	s := q.text(name)
	if s == "" {
		return absent
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < lowest || n > highest {
		q.refuse("query parameter %s=%q: want a number from %d to %d", name, s, lowest, highest)
	}
	return n
}

// flag returns a parameter that is 1 or true, 0 or false, or absent (false).
func (q *query) flag(name string) bool {
	switch s := q.text(name); s {
	case "", "0", "false":
		return false
	case "1", "true":
		return true
	default:
		q.refuse("query parameter %s=%q: want 1 or 0", name, s)
		return false
	}
}

// duration returns a parameter in Go's notation, or absent if it is not given.
func (q *query) duration(name string, absent time.Duration) time.Duration {
	s := q.text(name)
	if s == "" {
		return absent
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		q.refuse("query parameter %s=%q: want a duration such as 30s or 5m", name, s)
	}
	return d
}

// has reports whether a parameter is given and not empty.
func (q *query) has(name string) bool { return q.values.Get(name) != "" }

// done returns the first fault found.
func (q *query) done() *model.Refusal {
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		if len(q.known) == 0 {
			q.refuse("unknown query parameter %q: there is none to give here", names[0])
		}
		q.refuse("unknown query parameter %q: want one of %s", names[0], strings.Join(q.known, ", "))
	}
	return q.refusal
}

package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/tender-scheduler/tender/internal/pattern"
)

// MaxText bounds an expression.
const MaxText = 1024

// Cron is a cron expression of five fields, or of six with seconds first, or one
// of @yearly, @monthly, @weekly, @daily, @hourly and @every DURATION.
type Cron struct {
	second, minute, hour, dom, month, dow uint64 // bit n: n matches
	// As crontab(5): a day must match both fields if one of them begins with *,
	// otherwise it is enough that one of them does.
	eitherDay bool
	wild      bool          // follows real time; see the package comment
	every     time.Duration // @every, counted from the anchor; the rest is unset
}

// quartz are the extensions of Quartz and others: the last day, the nearest
// working day, the n-th weekday of a month.
var quartz = pattern.New(`(?i)^(L|LW|L-\d+|\w+L|\d+W|\w+#\d+)$`)

type field struct {
	name     string
	option   cron.ParseOption
	min, max int
	names    string // that stand for numbers, for messages
	into     func(*Cron) *uint64
}

var fields = []field{
	{"second", cron.Second, 0, 59, "", func(c *Cron) *uint64 { return &c.second }},
	{"minute", cron.Minute, 0, 59, "", func(c *Cron) *uint64 { return &c.minute }},
	{"hour", cron.Hour, 0, 23, "", func(c *Cron) *uint64 { return &c.hour }},
	{"day of month", cron.Dom, 1, 31, "", func(c *Cron) *uint64 { return &c.dom }},
	{"month", cron.Month, 1, 12, " or JAN-DEC", func(c *Cron) *uint64 { return &c.month }},
	{"day of week", cron.Dow, 0, 7, " (0 and 7 are Sunday) or SUN-SAT", func(c *Cron) *uint64 { return &c.dow }},
}

// descriptors are the names for common expressions.
var descriptors = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// form says what an expression looks like.
const form = "a cron expression has five fields: minute hour day-of-month month day-of-week, or six with seconds first"

// ParseCron reads an expression.
func ParseCron(text string) (*Cron, *Fault) {
	whole := span{text, 0}
	words := whole.words()
	switch {
	case len(text) > MaxText:
		return nil, whole.fault("", "the expression has %d bytes; it may have %d", len(text), MaxText)
	case len(words) == 0:
		return nil, whole.fault("such as \"30 2 * * *\", every day at 02:30", "the expression is empty")
	case strings.HasPrefix(words[0].text, "TZ=") || strings.HasPrefix(words[0].text, "CRON_TZ="):
		_, zone, _ := strings.Cut(words[0].text, "=")
		return nil, words[0].fault(fmt.Sprintf("write time_zone = %q beside it", zone), "the time zone does not belong in the expression")
	case strings.HasPrefix(words[0].text, "@"):
		return parseDescriptor(whole, words)
	case len(words) < 5:
		return nil, whole.fault(form, "the expression has %d of five fields", len(words))
	case len(words) == 7:
		return nil, words[6].fault(`schedule = "R5/2026-01-01T00:00:00Z/P1D" is a repetition with an end`, "a year cannot be given: an expression has five fields, or six with seconds first")
	case len(words) > 6:
		return nil, words[6].fault(form, "the expression has %d fields", len(words))
	}
	c := &Cron{second: 1}
	use := fields
	if len(words) == 5 {
		use = fields[1:]
	}
	for i, f := range use {
		if fault := f.parse(words[i], c); fault != nil {
			return nil, fault
		}
	}
	star := func(back int) bool { return strings.HasPrefix(words[len(words)-back].text, "*") }
	c.eitherDay = !star(3) && !star(1) && words[len(words)-3].text != "?" && words[len(words)-1].text != "?"
	c.wild = star(5) || star(4) || len(words) == 6 && star(6)
	if _, ok := c.nextCivil(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
		days := span{text[words[len(words)-3].from : words[len(words)-2].from+len(words[len(words)-2].text)], words[len(words)-3].from}
		return nil, days.fault("", "it never comes due: there is no such day in these months")
	}
	return c, nil
}

func parseDescriptor(whole span, words []span) (*Cron, *Fault) {
	name := words[0]
	if name.text == "@every" {
		if len(words) != 2 {
			return nil, whole.fault(`such as "@every 1h30m"`, "@every takes one duration")
		}
		d, err := time.ParseDuration(words[1].text)
		switch {
		case err != nil:
			return nil, words[1].fault(`such as "@every 90s" or "@every 1h30m"`, "%q is no duration", words[1].text)
		case d < time.Second || d%time.Second != 0:
			return nil, words[1].fault("", "@every takes whole seconds, at least 1s")
		}
		return &Cron{every: d}, nil
	}
	expr, ok := descriptors[name.text]
	switch {
	case name.text == "@reboot":
		return nil, name.fault("a job without a periodic block runs once", "@reboot is not a time")
	case !ok:
		return nil, name.fault("there are @yearly, @monthly, @weekly, @daily, @hourly and @every DURATION", "there is no %q", name.text)
	case len(words) > 1:
		return nil, words[1].fault("", "nothing follows %s", name.text)
	}
	return ParseCron(expr)
}

// parse reads one field with robfig's parser, which is asked for this field alone
// so that a fault has its place.
func (f *field) parse(s span, c *Cron) *Fault {
	allowed := fmt.Sprintf("%d-%d%s, each also as a list 1,2, a range 1-5, or with a step */2", f.min, f.max, f.names)
	if f.names != "" {
		allowed = fmt.Sprintf("%d-%d%s", f.min, f.max, f.names)
	}
	for _, item := range s.split(',') {
		if item.text == "" {
			return s.fault("", "the %s %q has an empty place in its list", f.name, s.text)
		}
		if strings.ContainsAny(item.text, "=@") { // what robfig's parser would take for a zone or a descriptor
			return item.fault("it takes "+allowed, "the %s %q cannot be read", f.name, item.text)
		}
		text := item.text
		if f.option == cron.Dow {
			text = sundays(text)
		}
		sched, err := cron.NewParser(f.option).Parse(text)
		if err != nil && quartz().MatchString(item.text) {
			return item.fault("list the days, or let the job itself check the date", "L, W and # are not understood: %q", item.text)
		}
		if err != nil {
			return item.fault("it takes "+allowed, "the %s %q cannot be read", f.name, item.text)
		}
		spec, ok := sched.(*cron.SpecSchedule)
		if !ok {
			return item.fault("it takes "+allowed, "the %s %q cannot be read", f.name, item.text)
		}
		*f.into(c) |= f.bits(spec)
	}
	return nil
}

func (f *field) bits(s *cron.SpecSchedule) uint64 {
	const starBit = 1 << 63 // robfig's mark, of which this package has its own reading
	switch f.option {
	case cron.Second:
		return s.Second &^ starBit
	case cron.Minute:
		return s.Minute &^ starBit
	case cron.Hour:
		return s.Hour &^ starBit
	case cron.Dom:
		return s.Dom &^ starBit
	case cron.Month:
		return s.Month &^ starBit
	}
	return s.Dow &^ starBit
}

// sundays writes the day of the week 7, which robfig's parser does not know, as 0.
func sundays(item string) string {
	days, step, stepped := strings.Cut(item, "/")
	first, last, ranged := strings.Cut(days, "-")
	switch {
	case days == "7" && !stepped:
		return "0"
	case !ranged || last != "7":
		return item
	case first == "7":
		return "0"
	case !stepped:
		return first + "-6,0"
	}
	var from, by int
	if _, err := fmt.Sscanf(first+" "+step, "%d %d", &from, &by); err != nil || by < 1 || from < 0 || from > 7 {
		return item
	}
	var list []string
	for d := from; d <= 7; d += by {
		list = append(list, fmt.Sprint(d%7))
	}
	return strings.Join(list, ",")
}

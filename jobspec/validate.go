package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/internal/pattern"
)

// Problem is a rule that a job breaks. Path is the value's place in the job's
// JSON, such as groups[0].tasks[1].config.command; "" is the job itself.
type Problem struct {
	Path    string `json:"path"`
	Message string `json:"message"`        // names the value and what was expected
	Hint    string `json:"hint,omitempty"` // what to write instead
}

func (p Problem) String() string {
	s := p.Message
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Validate checks a whole job against every rule that needs no cluster: names,
// limits, ranges and combinations. The server calls it for jobs that came as
// JSON (after Complete); Parse reports the same at the place in the file. No
// problems means the job may be run.
func Validate(j *model.Job) []Problem {
	c := &checker{}
	c.job(j)
	if len(c.problems) == 0 {
		if n := len(Canonical(j)); n > model.MaxJobBytes {
			c.fail("", fmt.Sprintf("the job has %s; a job may have %s", model.FormatBytes(int64(n)), model.FormatBytes(model.MaxJobBytes)),
				"ship data as an artifact, and use array for many like tasks")
		}
	}
	return c.problems
}

// maxProblems bounds what is reported of one job.
const maxProblems = 200

// checker collects problems; at prefixes every path.
type checker struct{ problems []Problem }

func (c *checker) fail(path, message, hint string) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, Problem{path, message, hint})
	}
}

// between checks min ≤ n ≤ max.
func (c *checker) between(path, what string, n, low, high int64) {
	if n < low || n > high {
		c.fail(path, fmt.Sprintf("%s is %d; it must be %d to %d", what, n, low, high), "")
	}
}

// bytesBetween checks a size; 0 is allowed where low is.
func (c *checker) bytesBetween(path, what string, n, low, high int64) {
	switch {
	case n < low:
		c.fail(path, fmt.Sprintf("%s is %s; it must be at least %s", what, model.FormatBytes(n), model.FormatBytes(low)), "")
	case n > high:
		c.fail(path, fmt.Sprintf("%s is %s; it may be at most %s", what, model.FormatBytes(n), model.FormatBytes(high)), "")
	}
}

// oneOf checks an enumeration and suggests what is near.
func (c *checker) oneOf(path, what, got string, want []string) {
	if slices.Contains(want, got) {
		return
	}
	c.fail(path, fmt.Sprintf("%s is %q; it must be %s", what, got, orList(want)), didYouMean(got, want))
}

func (c *checker) duration(path, what string, d model.Duration) {
	switch {
	case d < 0:
		c.fail(path, what+" cannot be negative", "")
	case d.Std() > maxDuration:
		c.fail(path, what+" is more than ten years", "")
	}
}

var (
	nameSyntax  = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	nameInvalid = pattern.New(`[^A-Za-z0-9._-]+`)
	envSyntax   = pattern.New(`^[^=\x00]+$`)
)

// name checks the name of a job, group or task: it becomes part of paths,
// cgroup names and selectors.
func (c *checker) name(path, what, name string) {
	switch {
	case name == "":
		c.fail(path, what+" has no name", "")
	case len(name) > model.MaxNameBytes:
		c.fail(path, fmt.Sprintf("the name of %s has %d bytes; it may have %d", what, len(name), model.MaxNameBytes), "")
	case !nameSyntax().MatchString(name):
		hint := ""
		if better := strings.Trim(nameInvalid().ReplaceAllString(name, "-"), "-._"); better != "" {
			hint = fmt.Sprintf("write %q", better)
		}
		c.fail(path, fmt.Sprintf("%q cannot name %s: a name has letters, digits, '.', '_' and '-', and starts and ends with a letter or digit", name, what), hint)
	}
}

// unique reports names used twice among siblings.
func (c *checker) unique(what string, n int, name func(int) (string, string)) {
	seen := map[string]bool{}
	for i := range n {
		path, s := name(i)
		if s != "" && seen[s] {
			c.fail(path, fmt.Sprintf("there are two %s named %q", what, s), "")
		}
		seen[s] = true
	}
}

// plainText refuses NUL, which no argument, path or variable can hold.
func (c *checker) plainText(path, what, s string) {
	if strings.Contains(s, "\x00") {
		c.fail(path, what+" holds a NUL byte", "")
	}
}

func (c *checker) meta(path string, meta map[string]string) {
	for _, k := range sortedKeys(meta) {
		if k == "" || len(k) > model.MaxNameBytes || strings.ContainsAny(k, "=\x00\n") {
			c.fail(path+"."+k, fmt.Sprintf("%q cannot be a name in meta", k), "")
		}
		c.plainText(path+"."+k, "meta "+k, meta[k])
	}
}

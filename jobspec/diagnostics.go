package jobspec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// maxDiagnostics bounds what is kept of a file full of mistakes.
const maxDiagnostics = 100

// Severity ranks a diagnostic.
type Severity string

// The severities. A file with an error gives no job; a warning does not stop it.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Pos is a place in a file. Line and Column count from 1, Column in characters
// as people see them (grapheme clusters); Byte counts from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Diagnostic is one finding. File is empty, and Start and End are zero, for one
// that belongs to no file; then Origin says what it is about, such as "--var n".
type Diagnostic struct {
	Severity   Severity `json:"severity"`
	Summary    string   `json:"summary"`              // what is wrong, one line
	Detail     string   `json:"detail,omitempty"`     // what was expected
	Suggestion string   `json:"suggestion,omitempty"` // what to write instead
	Origin     string   `json:"origin,omitempty"`
	File       string   `json:"file,omitempty"`
	Start      Pos      `json:"start,omitzero"`
	End        Pos      `json:"end,omitzero"` // just behind the last character
}

// Where returns "file:line:column", or Origin where there is no file.
func (d Diagnostic) Where() string {
	if d.File == "" {
		return d.Origin
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Start.Line, d.Start.Column)
}

func (d Diagnostic) String() string {
	s := string(d.Severity) + ": " + d.Summary
	if w := d.Where(); w != "" {
		s = w + ": " + s
	}
	return s
}

// Diagnostics are all findings of one run, in the order of the file. The zero
// value and nil are empty and usable for reading.
type Diagnostics struct {
	list    []Diagnostic
	sources map[string][]byte // by file name, for the source lines
	main    string            // the job file: its findings come first
	dropped int               // findings beyond maxDiagnostics

	syntaxErrors int // the first so many of list are the parser's
}

func newDiagnostics(filename string, src []byte) *Diagnostics {
	return &Diagnostics{main: filename, sources: map[string][]byte{filename: src}}
}

// List returns the findings, sorted by position.
func (ds *Diagnostics) List() []Diagnostic {
	if ds == nil {
		return nil
	}
	return ds.list
}

// HasErrors reports whether any finding is an error.
func (ds *Diagnostics) HasErrors() bool { return ds.count(SeverityError) > 0 }

func (ds *Diagnostics) count(s Severity) (n int) {
	for _, d := range ds.List() {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Error returns one line per error, or "" where there is none.
func (ds *Diagnostics) Error() string {
	var lines []string
	for _, d := range ds.List() {
		if d.Severity == SeverityError {
			lines = append(lines, d.String())
		}
	}
	return strings.Join(lines, "\n")
}

// MarshalJSON writes {"valid":…, "errors":n, "warnings":n, "diagnostics":[…]}.
func (ds *Diagnostics) MarshalJSON() ([]byte, error) {
	list := ds.List()
	if list == nil {
		list = []Diagnostic{}
	}
	return json.Marshal(struct {
		Valid       bool         `json:"valid"`
		Errors      int          `json:"errors"`
		Warnings    int          `json:"warnings"`
		Diagnostics []Diagnostic `json:"diagnostics"`
	}{!ds.HasErrors(), ds.count(SeverityError), ds.count(SeverityWarning), list})
}

// full reports, and counts, a finding that would not be kept, so that nobody
// takes the trouble to word it.
func (ds *Diagnostics) full() bool {
	if len(ds.list) <= maxDiagnostics {
		return false
	}
	ds.dropped++
	return true
}

func (ds *Diagnostics) add(d Diagnostic) {
	if d.Severity == "" {
		d.Severity = SeverityError
	}
	if slices.Contains(ds.list, d) {
		return
	}
	if len(ds.list) >= maxDiagnostics && d.Severity != SeverityError {
		return
	}
	if len(ds.list) > maxDiagnostics {
		ds.dropped++
		return
	}
	ds.list = append(ds.list, d)
}

// at adds an error about r. The hint may be empty.
func (ds *Diagnostics) at(r hcl.Range, summary, detail, suggestion string) {
	ds.add(locate(Diagnostic{Summary: summary, Detail: detail, Suggestion: suggestion}, r))
}

// about adds an error about something that is in no file.
func (ds *Diagnostics) about(origin, summary, detail, suggestion string) {
	ds.add(Diagnostic{Origin: origin, Summary: summary, Detail: detail, Suggestion: suggestion})
}

func locate(d Diagnostic, r hcl.Range) Diagnostic {
	if r.Filename == "" && r.Start.Line == 0 {
		return d
	}
	d.File = r.Filename
	d.Start = Pos{r.Start.Line, r.Start.Column, r.Start.Byte}
	d.End = Pos{r.End.Line, r.End.Column, r.End.Byte}
	return d
}

// finish sorts the findings: the job file first, then by file and position.
func (ds *Diagnostics) finish() *Diagnostics {
	slices.SortStableFunc(ds.list, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(ds.fileRank(a), ds.fileRank(b)),
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Start.Byte, b.Start.Byte),
			cmp.Compare(a.End.Byte, b.End.Byte),
		)
	})
	if ds.dropped > 0 {
		ds.list = append(ds.list, Diagnostic{
			Severity: SeverityError, Origin: ds.main,
			Summary: fmt.Sprintf("%d more mistakes are not shown", ds.dropped),
		})
		ds.dropped = 0
	}
	return ds
}

func (ds *Diagnostics) fileRank(d Diagnostic) int {
	if d.File == ds.main {
		return 0
	}
	return 1
}

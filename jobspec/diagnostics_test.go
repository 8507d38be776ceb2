package jobspec

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
)

const twoMistakes = "job \"j\" {\n  priorty = 5\n  task \"t\" {\n    config { command = \"x\" }\n    resources { cpu = 500 }\n    kill_timeout = 3\n  }\n}\n"

func TestDiagnosticsAsJSON(t *testing.T) {
	_, ds := Parse([]byte(twoMistakes), Options{Filename: "a.hcl"})
	b, err := json.MarshalIndent(ds, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Valid            bool
		Errors, Warnings int
		Diagnostics      []Diagnostic
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Valid || got.Errors != 2 || got.Warnings != 1 || len(got.Diagnostics) != 3 {
		t.Errorf("%s", b)
	}
	first := got.Diagnostics[0]
	want := Diagnostic{
		Severity: SeverityError, Summary: `unknown attribute "priorty" in job "j"`, Suggestion: `did you mean "priority"?`,
		File: "a.hcl", Start: Pos{2, 3, 12}, End: Pos{2, 10, 19},
	}
	if first != want {
		t.Errorf("%+v, want %+v", first, want)
	}
	empty, err := json.Marshal(&Diagnostics{})
	if err != nil || string(empty) != `{"valid":true,"errors":0,"warnings":0,"diagnostics":[]}` {
		t.Errorf("%s, %v", empty, err)
	}
}

func TestDiagnosticsAsError(t *testing.T) {
	_, ds := Parse([]byte(twoMistakes), Options{Filename: "a.hcl"})
	want := "a.hcl:2:3: error: unknown attribute \"priorty\" in job \"j\"\na.hcl:6:20: error: kill_timeout must be a duration, not a number"
	if ds.Error() != want {
		t.Errorf("%q", ds.Error())
	}
	var none *Diagnostics
	if none.HasErrors() || none.Error() != "" || none.List() != nil {
		t.Error("nil is not empty")
	}
}

func TestColours(t *testing.T) {
	_, ds := Parse([]byte(twoMistakes), Options{Filename: "a.hcl"})
	var plain, coloured strings.Builder
	if err := ds.WriteText(&plain, false, 80); err != nil {
		t.Fatal(err)
	}
	if err := ds.WriteText(&coloured, true, 80); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"\x1b[1m", "\x1b[34m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[0m"} {
		if !strings.Contains(coloured.String(), code) {
			t.Errorf("no %q in colour", code)
		}
	}
	if strings.Contains(plain.String(), "\x1b") {
		t.Error("colour where none was asked for")
	}
	stripped := coloured.String()
	for _, code := range []string{"\x1b[1m", "\x1b[34m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[0m"} {
		stripped = strings.ReplaceAll(stripped, code, "")
	}
	if stripped != plain.String() {
		t.Errorf("colour changes the text:\n%s\n%s", stripped, plain.String())
	}
}

// TestManyMistakes: a file full of mistakes gives a bounded list that says so.
func TestManyMistakes(t *testing.T) {
	_, ds := Parse([]byte("job \"j\" {\n"+strings.Repeat("x {}\n", 500)+"}"), Options{})
	list := ds.List()
	last := list[len(list)-1]
	if len(list) != maxDiagnostics+2 || last.Summary != "399 more mistakes are not shown" {
		t.Errorf("%d findings, the last %q", len(list), last.Summary)
	}
}

// TestParseConcurrently is for the race detector: Parse keeps nothing.
func TestParseConcurrently(t *testing.T) {
	seeds := seedFiles(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, src := range seeds {
				Parse(src, Options{})
				Format(src, "")
			}
		})
	}
	wg.Wait()
}

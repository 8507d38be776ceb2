package offers

import (
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

func TestConstraints(t *testing.T) {
	attrs := map[string]string{
		"attr.cpu.arch": "amd64", "attr.cpu.cores": "16", "attr.load": "1.5", "attr.kernel.version": "6.1.0-13-amd64",
		"attr.tender.version": "1.7.0-beta.2", "meta.tags": "ssd, fast,  big", "meta.rack": "r7", "meta.wanted": "r7",
		"meta.empty": "", "meta.pattern": "^amd", "node.unique.name": "a1",
	}
	for _, c := range []struct {
		left, op, right string
		want            bool
	}{
		{"${attr.cpu.arch}", "=", "amd64", true},
		{"${attr.cpu.arch}", "==", "amd64", true},
		{"${attr.cpu.arch}", "is", "arm64", false},
		{"${attr.cpu.arch}", "", "amd64", true},
		{"${ attr.cpu.arch }", "=", "amd64", true},
		{"${attr.none}", "=", "", false},
		{"${meta.empty}", "=", "", true},
		{"${attr.cpu.arch}", "!=", "arm64", true},
		{"${attr.cpu.arch}", "not", "amd64", false},
		{"${attr.none}", "!=", "amd64", true}, // what is not set is not equal
		{"${attr.none}", "!=", "", true},
		{"${attr.none}", "!=", "${attr.none}", false},
		{"${attr.cpu.cores}", ">", "9", true}, // as numbers, where text would say no
		{"${attr.cpu.cores}", ">=", "16", true},
		{"${attr.cpu.cores}", "<", "16.5", true},
		{"${attr.load}", "<=", "1.50", true},
		{"${attr.load}", ">", "1.5", false},
		{"${meta.rack}", "<", "r8", true}, // as text
		{"${meta.rack}", ">", "10", true},
		{"${attr.none}", "<", "r8", false},
		{"${meta.rack}", "=", "${meta.wanted}", true},
		{"rack-${meta.rack}-${attr.cpu.arch}", "=", "rack-r7-amd64", true},
		{"rack-${attr.none}", "=", "rack-", false},
		{"r7", "=", "${meta.rack}", true},
		{"${meta.rack", "=", "${meta.rack", true}, // unclosed: text
		{"${attr.cpu.arch}", "regexp", "^a.*4$", true},
		{"${attr.cpu.arch}", "regexp", "[0-9]$", true},
		{"${attr.cpu.arch}", "regexp", "^arm", false},
		{"${attr.cpu.arch}", "regexp", "${meta.pattern}", true},
		{"${attr.none}", "regexp", ".*", false},
		{"${attr.kernel.version}", "version", ">= 6.0", false}, // a pre-release, to go-version
		{"${attr.kernel.version}", "version", ">= 6.1.0-0", true},
		{"${attr.cpu.cores}", "version", "~> 16.0", true},
		{"${attr.cpu.arch}", "version", ">= 1", false},
		{"${attr.tender.version}", "semver", ">= 1.6.0", true}, // strictly ordered
		{"${attr.tender.version}", "semver", ">= 1.7.0", false},
		{"${attr.tender.version}", "semver", "> 1.7.0-alpha, < 1.7.0", true},
		{"${attr.tender.version}", "semver", "!= 1.7.0-beta.2", false},
		{"${attr.tender.version}", "semver", "<= 1.7.0-beta.2", true},
		{"${attr.tender.version}", "semver", "1.7.0-beta.2", true},
		{"${attr.cpu.arch}", "semver", ">= 1.0.0", false},
		{"${meta.tags}", "set_contains", "fast", true},
		{"${meta.tags}", "set_contains", "fast,ssd", true},
		{"${meta.tags}", "set_contains_all", "fast, slow", false},
		{"${meta.tags}", "set_contains_any", "slow, big", true},
		{"${meta.tags}", "set_contains_any", "slow", false},
		{"${attr.none}", "set_contains", "", false},
		{"${meta.empty}", "is_set", "", true},
		{"${attr.none}", "is_set", "", false},
		{"${attr.none}", "is_not_set", "", true},
		{"${meta.rack}", "is_not_set", "", false},
	} {
		rs, fault := compileRules([]model.Constraint{{Attribute: c.left, Operator: c.op, Value: c.right}})
		if fault != "" {
			t.Errorf("%s %s %s: %s", c.left, c.op, c.right, fault)
			continue
		}
		for range 2 { // compiled, and kept
			if got := rs.firstFailing(attrs) < 0; got != c.want {
				t.Errorf("%s %s %s: got %v, want %v", c.left, c.op, c.right, got, c.want)
			}
		}
	}
}

// TestConstraintFaults: what cannot hold anywhere is found before any agent is
// looked at, and is never met.
func TestConstraintFaults(t *testing.T) {
	for _, c := range []model.Constraint{
		{Attribute: "${attr.cpu.arch}", Operator: "regexp", Value: "("},
		{Attribute: "${attr.cpu.arch}", Operator: "version", Value: "new"},
		{Attribute: "${attr.cpu.arch}", Operator: "semver", Value: "1.2.x"},
		{Attribute: "${attr.cpu.arch}", Operator: "semver", Value: "=> 1.2.3"},
		{Attribute: "${attr.cpu.arch}", Operator: "matches", Value: "amd64"},
	} {
		rs, fault := compileRules([]model.Constraint{c})
		if fault == "" || rs.firstFailing(map[string]string{"attr.cpu.arch": "amd64"}) != 0 {
			t.Errorf("%+v: fault %q, met %v", c, fault, rs.firstFailing(nil) < 0)
		}
	}
}

// TestCompiledIsBounded: a pattern that differs from agent to agent is not kept
// for all of them.
func TestCompiledIsBounded(t *testing.T) {
	rs, _ := compileRules([]model.Constraint{{Attribute: "${a}", Operator: "regexp", Value: "${b}"}})
	for i := range 10 * maxCompiled {
		rs.firstFailing(map[string]string{"a": "x", "b": string(rune('a' + i))})
	}
	if n := len(rs[0].compiled); n > maxCompiled {
		t.Errorf("%d patterns kept, want at most %d", n, maxCompiled)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"attr.kernel.name", "attr.kernel.version", "attr.cpu.arch", "meta.rack"}
	for name, want := range map[string]string{
		"attr.kernal.name": "attr.kernel.name", "kernel.name": "", "attr.cpu.arc": "attr.cpu.arch", "meta.rak": "meta.rack", "x": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest(%s) = %q, want %q", name, got, want)
		}
	}
}

func TestExactBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0B", 1000: "1000B", 1 << 10: "1KiB", 1536: "1.5KiB", 1 << 30: "1GiB", 7 << 29: "3.5GiB", 1088 << 20: "1088MiB", 1<<40 + 1: "1099511627777B", 3 << 39: "1.5TiB",
	} {
		if got := exactBytes(n); got != want {
			t.Errorf("exactBytes(%d) = %s, want %s", n, got, want)
		}
	}
}

package taskenv

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/tender-scheduler/tender/core/model"
)

// maxRenderedBytes bounds a template's output.
const maxRenderedBytes = 16 << 20

// Render executes a template's text. Besides text/template's own functions it
// has env, attr and meta, which look up by name, and a few that work on
// strings, under the names that Nomad's templates use.
func (e *Env) Render(t *model.Template, text string) ([]byte, error) {
	missing := "missingkey=zero"
	if t.ErrMissing {
		missing = "missingkey=error"
	}
	parsed, err := template.New("template").Delims(t.LeftDelim, t.RightDelim).Option(missing).
		Funcs(e.functions(t.ErrMissing)).Parse(text)
	if err != nil {
		return nil, e.explain(err)
	}
	out := &boundedBuffer{left: maxRenderedBytes}
	if err := parsed.Execute(out, nil); err != nil {
		return nil, plain(err)
	}
	return out.Bytes(), nil
}

func (e *Env) functions(strict bool) template.FuncMap {
	lookup := func(kind string, find func(string) (string, bool)) func(string) (string, error) {
		return func(name string) (string, error) {
			v, ok := find(name)
			if !ok && strict {
				return "", fmt.Errorf("there is no %s %q", kind, name)
			}
			return v, nil
		}
	}
	attr := func(name string) (string, bool) {
		if v, ok := e.attrs[name]; ok {
			return v, true
		}
		v, ok := e.attrs["attr."+name]
		return v, ok
	}
	f := maps.Clone(stringFunctions)
	f["env"] = lookup("environment variable", e.Get)
	f["attr"] = lookup("attribute", attr)
	f["meta"] = lookup("meta key", e.Meta)
	f["envOrDefault"] = func(name, value string) string {
		if v := e.vars[name]; v != "" {
			return v
		}
		return value
	}
	f["mustEnv"] = func(name string) (string, error) {
		if v, ok := e.vars[name]; ok {
			return v, nil
		}
		return "", fmt.Errorf("there is no environment variable %q", name)
	}
	return f
}

var stringFunctions = template.FuncMap{
	"toLower":      strings.ToLower,
	"toUpper":      strings.ToUpper,
	"trimSpace":    strings.TrimSpace,
	"trimPrefix":   func(prefix, s string) string { return strings.TrimPrefix(s, prefix) },
	"trimSuffix":   func(suffix, s string) string { return strings.TrimSuffix(s, suffix) },
	"split":        func(sep, s string) []string { return strings.Split(s, sep) },
	"join":         func(sep string, list []string) string { return strings.Join(list, sep) },
	"replaceAll":   func(old, to, s string) string { return strings.ReplaceAll(s, old, to) },
	"contains":     func(part, s string) bool { return strings.Contains(s, part) },
	"indent":       func(n int, s string) string { return indent(n, s) },
	"parseInt":     func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) },
	"parseFloat":   func(s string) (float64, error) { return strconv.ParseFloat(s, 64) },
	"parseBool":    strconv.ParseBool,
	"parseJSON":    parseJSON,
	"toJSON":       toJSON,
	"toJSONPretty": func(v any) (string, error) { b, err := json.MarshalIndent(v, "", "  "); return string(b), err },
	"base64Encode": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64Decode": func(s string) (string, error) { b, err := base64.StdEncoding.DecodeString(s); return string(b), err },
	"sha256Hex":    func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) },
	"add":          func(b, a int64) int64 { return a + b },
	"subtract":     func(b, a int64) int64 { return a - b },
	"multiply":     func(b, a int64) int64 { return a * b },
	"divide":       divide(func(a, b int64) int64 { return a / b }),
	"modulo":       divide(func(a, b int64) int64 { return a % b }),
}

func divide(f func(a, b int64) int64) func(b, a int64) (int64, error) {
	return func(b, a int64) (int64, error) {
		if b == 0 {
			return 0, errors.New("division by zero")
		}
		return f(a, b), nil
	}
}

func parseJSON(s string) (v any, err error) {
	err = json.Unmarshal([]byte(s), &v)
	return v, err
}

func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func indent(n int, s string) string {
	return strings.Repeat(" ", n) + strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", n))
}

var undefined = regexp.MustCompile(`function "([^"]+)" not defined`)

// explain names the functions there are when one is missing.
func (e *Env) explain(err error) error {
	m := undefined.FindStringSubmatch(err.Error())
	if m == nil {
		return plain(err)
	}
	names := slices.Sorted(maps.Keys(e.functions(false)))
	return fmt.Errorf("function %q is not available; there are %s and those of Go's text/template", m[1], strings.Join(names, ", "))
}

// plain drops what text/template says about itself.
func plain(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "template: "))
}

// boundedBuffer fails when more is written than is left.
type boundedBuffer struct {
	bytes.Buffer
	left int
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, fmt.Errorf("its output is larger than %s", model.FormatBytes(maxRenderedBytes))
	}
	b.left -= len(p)
	return b.Buffer.Write(p)
}

// ParseVars reads NAME=VALUE lines: empty lines and those that begin with # are
// left out, "export " before a name is dropped, and a value may be in quotes.
func ParseVars(text []byte) (map[string]string, error) {
	vars := map[string]string{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t\x00") {
			return nil, fmt.Errorf("line %d: want NAME=VALUE, have %q", n, line)
		}
		value = strings.TrimSpace(value)
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			if value[0] == '"' {
				unquoted, err := strconv.Unquote(value)
				if err != nil {
					return nil, fmt.Errorf("line %d: the quoted value of %s cannot be read", n, name)
				}
				value = unquoted
			} else {
				value = value[1 : len(value)-1]
			}
		}
		vars[name] = value
	}
	return vars, nil
}

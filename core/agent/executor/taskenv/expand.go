package taskenv

import (
	"fmt"
	"regexp"
	"strings"
)

// reference is a runtime reference as job files write it. Anything else in ${}
// is not ours: a shell's parameter expansion in an argument must stay.
var reference = regexp.MustCompile(`\$\{\s*(?:(attr|node|meta)\.([^\s{}"]+)|(?:env|attr|meta)\["([^"{}]+)"\]|((?:TENDER|NOMAD)_[A-Za-z0-9_]+))\s*\}`)

// Expand replaces the runtime references in s. An agent attribute or meta key
// that does not exist is an error; an unknown TENDER_ or NOMAD_ variable stays
// as it is, because a shell may be meant to see it.
func (e *Env) Expand(s string) (string, error) {
	if !strings.Contains(s, "${") {
		return s, nil
	}
	var failed error
	out := reference.ReplaceAllStringFunc(s, func(ref string) string {
		v, err := e.resolve(ref)
		if err != nil && failed == nil {
			failed = err
		}
		return v
	})
	return out, failed
}

func (e *Env) resolve(ref string) (string, error) {
	m := reference.FindStringSubmatch(ref)
	space, name, quoted, variable := m[1], m[2], m[3], m[4]
	if variable != "" {
		if v, ok := e.vars[variable]; ok {
			return v, nil
		}
		return ref, nil
	}
	if quoted != "" {
		space, name = strings.TrimSpace(ref[2:strings.IndexByte(ref, '[')]), quoted
	}
	var v string
	var ok bool
	switch space {
	case "env":
		v = e.vars[name] // an unset variable is empty, as in a shell
		ok = true
	case "meta":
		v, ok = e.Meta(name)
	default:
		v, ok = e.attrs[space+"."+name]
	}
	if !ok {
		return ref, fmt.Errorf("%s is not known on this agent; a constraint on it would keep the task away", ref)
	}
	return v, nil
}

// ExpandAll replaces the runtime references in each string of list.
func (e *Env) ExpandAll(list []string) ([]string, error) {
	out := make([]string, len(list))
	for i, s := range list {
		v, err := e.Expand(s)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

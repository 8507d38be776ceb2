package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// ChangeKind says what happened to a value.
type ChangeKind string

// The kinds of change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is one difference between two versions of a job. Path names groups and
// tasks as the file does: group "train" / task "rank" / resources.memory. Old
// and New are the values as people write them; a text of several lines is one
// Change. Old is empty for what was added, New for what was removed.
type Change struct {
	Kind ChangeKind `json:"kind"`
	Path string     `json:"path"`
	Old  string     `json:"old,omitempty"`
	New  string     `json:"new,omitempty"`
}

func (c Change) String() string {
	switch c.Kind {
	case Added:
		return "+ " + c.Path + orEmpty(" = ", c.New)
	case Removed:
		return "- " + c.Path + orEmpty(" = ", c.Old)
	}
	return "~ " + c.Path + ": " + c.Old + " → " + c.New
}

func orEmpty(lead, s string) string {
	if s == "" {
		return ""
	}
	return lead + s
}

// Diff lists what changes from old to new, in the order of the job. Either may
// be nil: then everything is added or removed. Of a group or task that is added
// or removed, what it leaves at its default is not listed. The file's text is
// not compared.
func Diff(old, new *model.Job) []Change {
	before, after := flatten(old), flatten(new)
	was, is := index(before), index(after)
	var out []Change
	add := func(kind ChangeKind, path, from, to string) {
		if kind != Changed && silent(path, from+to, was, is) {
			return
		}
		out = append(out, Change{kind, path, from, to})
	}
	// What was removed is listed where it stood: in front of what followed it.
	next := 0
	flush := func(until int) {
		for ; next < until; next++ {
			if l := before[next]; !has(is, l.path) {
				add(Removed, l.path, l.value, "")
			}
		}
	}
	for _, l := range after {
		at, existed := was[l.path]
		if !existed {
			add(Added, l.path, "", l.value)
			continue
		}
		flush(at)
		if from := before[at].value; from != l.value {
			add(Changed, l.path, from, l.value)
		}
	}
	flush(len(before))
	return append(out, reordered(old, new)...)
}

func index(leaves []leaf) map[string]int {
	at := make(map[string]int, len(leaves))
	for i, l := range leaves {
		at[l.path] = i
	}
	return at
}

func has(m map[string]int, path string) bool {
	_, ok := m[path]
	return ok
}

// silent reports whether a value need not be listed: it is a default within a
// group or task that is added or removed as a whole.
func silent(path, value string, was, is map[string]int) bool {
	i := strings.LastIndex(path, " / ")
	if i < 0 {
		return false
	}
	block, field := path[:i], path[i+3:]
	return has(was, block) != has(is, block) && defaultLeaves[field] == value && value != ""
}

// defaultLeaves are the values of a group and a task that say nothing.
var defaultLeaves = func() map[string]string {
	j := &model.Job{Groups: []model.Group{newGroup("g")}}
	j.Groups[0].Tasks = []model.TaskSpec{newTask("t")}
	out := map[string]string{}
	for _, l := range flatten(j) {
		if i := strings.LastIndex(l.path, " / "); i >= 0 {
			out[l.path[i+3:]] = l.value
		}
	}
	return out
}()

// reordered reports groups, and tasks of a group, that only changed places.
func reordered(old, new *model.Job) (out []Change) {
	if old == nil || new == nil {
		return nil
	}
	out = orderChange(out, "order of groups", groupNames(old), groupNames(new))
	for i := range new.Groups {
		g := &new.Groups[i]
		k := slices.IndexFunc(old.Groups, func(o model.Group) bool { return o.Name == g.Name })
		if k >= 0 {
			out = orderChange(out, fmt.Sprintf("group %q / order of tasks", g.Name), taskNames(&old.Groups[k]), taskNames(g))
		}
	}
	return out
}

func orderChange(out []Change, path string, from, to []string) []Change {
	a, b := slices.Clone(from), slices.Clone(to)
	slices.Sort(a)
	slices.Sort(b)
	if slices.Equal(a, b) && !slices.Equal(from, to) {
		out = append(out, Change{Changed, path, strings.Join(from, ", "), strings.Join(to, ", ")})
	}
	return out
}

func groupNames(j *model.Job) (names []string) {
	for i := range j.Groups {
		names = append(names, j.Groups[i].Name)
	}
	return names
}

func taskNames(g *model.Group) (names []string) {
	for i := range g.Tasks {
		names = append(names, g.Tasks[i].Name)
	}
	return names
}

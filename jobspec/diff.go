package jobspec

import (
	"fmt"
	"reflect"
	"strconv"
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
// be nil: then everything is added or removed. The file's text is not compared.
func Diff(old, new *model.Job) []Change {
	before, after := flatten(old), flatten(new)
	was := map[string]string{}
	for _, l := range before {
		was[l.path] = l.value
	}
	is := map[string]bool{}
	for _, l := range after {
		is[l.path] = true
	}
	var out []Change
	next := 0 // of before: what was removed goes where it stood
	removedUpTo := func(path string) {
		for i := next; i < len(before); i++ {
			if before[i].path == path {
				for _, l := range before[next:i] {
					if !is[l.path] {
						out = append(out, Change{Removed, l.path, l.value, ""})
					}
				}
				next = i + 1
				return
			}
		}
	}
	for _, l := range after {
		value, existed := was[l.path]
		if !existed {
			out = append(out, Change{Added, l.path, "", l.value})
			continue
		}
		removedUpTo(l.path)
		if value != l.value {
			out = append(out, Change{Changed, l.path, value, l.value})
		}
	}
	for _, l := range before[next:] {
		if !is[l.path] {
			out = append(out, Change{Removed, l.path, l.value, ""})
		}
	}
	return out
}

// leaf is one value of a job.
type leaf struct{ path, value string }

func flatten(j *model.Job) []leaf {
	if j == nil {
		return nil
	}
	f := &flattener{}
	f.fields("", reflect.ValueOf(*j))
	return f.leaves
}

type flattener struct{ leaves []leaf }

func (f *flattener) add(path, value string) { f.leaves = append(f.leaves, leaf{path, value}) }

// fields walks a struct by its JSON names, under the names of the job file.
func (f *flattener) fields(path string, v reflect.Value) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "source" && path == "" || name == "name" {
			if name == "name" && path == "" {
				f.add("name", quote(v.Field(i).String()))
			}
			continue
		}
		f.value(join(path, fileNames[name], name), name, v.Field(i))
	}
}

// fileNames are the job file's names for fields that have another in JSON.
var fileNames = map[string]string{
	"constraints": "constraint", "groups": "group", "tasks": "task", "artifacts": "artifact", "templates": "template",
	"cpu_milli": "cpus", "memory_bytes": "memory", "memory_max_bytes": "memory_max", "disk_bytes": "disk",
	"memory_min_bytes": "memory_min", "share_milli": "share", "max_file_bytes": "max_file_size", "ranges": "range",
}

func join(path, fileName, jsonName string) string {
	if fileName == "" {
		fileName = jsonName
	}
	switch {
	case path == "":
		return fileName
	case strings.HasSuffix(path, `"`):
		return path + " / " + fileName
	}
	return path + "." + fileName
}

func (f *flattener) value(path, field string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case []model.Group:
		for i := range x {
			f.named(path, x[i].Name, v.Index(i))
		}
		return
	case []model.TaskSpec:
		for i := range x {
			f.named(path, x[i].Name, v.Index(i))
		}
		return
	case []model.Constraint:
		for i := range x {
			f.add(fmt.Sprintf("%s[%d]", path, i), constraintText(x[i]))
		}
		return
	case []model.Dependency:
		for _, d := range x {
			f.add(path+"."+d.Job, quote(string(d.Kind)))
		}
		return
	case []model.IndexRange:
		f.add(path, quote(formatRanges(x)))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			f.fields(path, v.Elem())
		}
	case reflect.Struct:
		f.fields(path, v)
	case reflect.Map:
		for _, k := range sortedKeys(v.Interface().(map[string]string)) {
			f.add(path+"."+k, strconv.Quote(v.Interface().(map[string]string)[k]))
		}
	case reflect.Slice:
		f.slice(path, v)
	default:
		if !v.IsZero() || !optional[field] {
			f.add(path, scalar(field, v))
		}
	}
}

// named walks a group or a task, whose first line is its name alone.
func (f *flattener) named(path, name string, v reflect.Value) {
	i := strings.LastIndex(path, " ") + 1
	path = path[:i] + path[i:] + " " + quote(name)
	f.add(path, "")
	f.fields(path, v)
}

func (f *flattener) slice(path string, v reflect.Value) {
	for i := range v.Len() {
		at := fmt.Sprintf("%s[%d]", path, i)
		if v.Index(i).Kind() == reflect.Struct {
			f.fields(at, v.Index(i))
		} else {
			f.add(at, strconv.Quote(v.Index(i).String()))
		}
	}
}

// optional are the fields whose zero value means that nothing is said.
var optional = set(
	"time_limit", "exclusive", "limit", "topology", "user", "command", "script", "work_dir", "memory_max_bytes",
	"disk_bytes", "pids_max", "memory_min_bytes", "model", "share_milli", "mig", "checksum", "mode", "data", "source",
	"env", "error_on_missing_key", "disabled", "leader", "sidecar", "interval", "kill_signal", "perms",
	"left_delimiter", "right_delimiter", "launch", "ranks",
)

func scalar(field string, v reflect.Value) string {
	switch x := v.Interface().(type) {
	case model.Duration:
		return quote(shortDuration(x))
	case string:
		return strconv.Quote(x)
	}
	switch {
	case field == "cpu_milli" || field == "share_milli":
		return model.FormatCPU(v.Int())
	case strings.HasSuffix(field, "_bytes"):
		return quote(exactBytes(v.Int()))
	case v.Kind() == reflect.String:
		return strconv.Quote(v.String())
	}
	return fmt.Sprint(v.Interface())
}

func constraintText(k model.Constraint) string {
	switch k.Operator {
	case "distinct_hosts":
		return "distinct_hosts"
	case "is_set", "is_not_set":
		return k.Attribute + " " + k.Operator
	case "distinct_property":
		return strings.TrimSpace("distinct_property " + k.Attribute + " " + k.Value)
	}
	return fmt.Sprintf("%s %s %q", k.Attribute, k.Operator, k.Value)
}

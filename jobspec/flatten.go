package jobspec

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

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
	"affinities": "affinity", "spreads": "spread", "ports": "port",
	"services": "service", "checks": "check",
	"crons": "cron",
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
	case []model.Service:
		seen := map[string]bool{}
		for i := range x {
			name := x[i].Name
			if seen[name] {
				name = fmt.Sprintf("%s (%d)", name, i)
			}
			seen[name] = true
			f.named(path, name, v.Index(i))
		}
		return
	case []model.Check:
		for i := range x {
			f.named(path, x[i].Name, v.Index(i))
		}
		return
	case map[string][]string:
		for _, k := range sortedKeys(x) {
			f.add(path+"."+k, fmt.Sprintf("%q", x[k]))
		}
		return
	case []model.Constraint:
		for i := range x {
			f.add(fmt.Sprintf("%s[%d]", path, i), constraintText(x[i]))
		}
		return
	case []model.Affinity:
		for i := range x {
			f.add(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%s weight %d", constraintText(x[i].Constraint), x[i].Weight))
		}
		return
	case []model.Spread:
		for i := range x {
			f.add(fmt.Sprintf("%s[%d]", path, i), spreadText(&x[i]))
		}
		return
	case []model.Port:
		for _, p := range x {
			f.add(path+"."+p.Label, portText(p))
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

// named walks a group, task, service or check, whose first line is its name alone.
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
	"left_delimiter", "right_delimiter", "launch", "ranks", "preemptible", "placement",
	"shutdown_delay", "port", "task", "protocol", "method", "path", "body", "tls_skip_verify", "success_before_passing", "failures_before_critical",
	"schedule", "time_zone", "chained",
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

func spreadText(s *model.Spread) string {
	out := fmt.Sprintf("%s weight %d", s.Attribute, s.Weight)
	for _, t := range s.Targets {
		out += fmt.Sprintf(", %q %d%%", t.Value, t.Percent)
	}
	return out
}

func portText(p model.Port) string {
	out := "any"
	if p.Static != 0 {
		out = fmt.Sprintf("static %d", p.Static)
	}
	if p.To != 0 {
		out += fmt.Sprintf(" to %d", p.To)
	}
	return out
}

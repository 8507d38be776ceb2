package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// amountsValue is a flag or argument such as cpus=64,memory=256GiB,gpus=8. "none"
// stands for nothing at all.
type amountsValue struct {
	given  bool
	limits model.Limits
}

func (v *amountsValue) String() string { return orDash(v.given, limitsText(v.limits)) }

// Type names the flag's value in help texts.
func (v *amountsValue) Type() string { return "AMOUNTS" }

// Set reads amounts.
func (v *amountsValue) Set(s string) error {
	out := amountsValue{given: true}
	if s == "none" {
		*v = out
		return nil
	}
	for part := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return fmt.Errorf("want amounts such as cpus=64,memory=256GiB,gpus=8, or none; %q has no value", part)
		}
		if err := out.set(name, value); err != nil {
			return err
		}
	}
	*v = out
	return nil
}

func (v *amountsValue) set(name, value string) error {
	into := map[string]**int64{
		"cpus": &v.limits.CPUMilli, "memory": &v.limits.MemoryBytes, "disk": &v.limits.DiskBytes, "gpus": &v.limits.GPUMilli,
	}[name]
	if into == nil {
		return fmt.Errorf("there is no resource %q: it is cpus, memory, disk or gpus", name)
	}
	if *into != nil {
		return fmt.Errorf("%s is given twice", name)
	}
	var n int64
	switch {
	case value == "0":
	case name == "memory" || name == "disk":
		var b bytesValue
		if err := b.Set(value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n = int64(b)
	default:
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || !(f >= 0.001) || f > 1e9 {
			return fmt.Errorf("%s: want a number such as 8 or 2.5, not %q", name, value)
		}
		n = int64(math.Round(f * 1000))
	}
	*into = &n
	return nil
}

// resources is the amounts as a vector: what is not named is nothing.
func (v *amountsValue) resources() model.Resources {
	at := func(p *int64) int64 {
		if p == nil {
			return 0
		}
		return *p
	}
	return model.Resources{
		CPUMilli: at(v.limits.CPUMilli), MemoryBytes: at(v.limits.MemoryBytes),
		DiskBytes: at(v.limits.DiskBytes), GPUMilli: at(v.limits.GPUMilli),
	}
}

// limitsText prints the bounds there are, as "cpus=64 gpus=0".
func limitsText(l model.Limits) string {
	var out []string
	add := func(name string, p *int64, format func(int64) string) {
		if p != nil {
			out = append(out, name+"="+format(*p))
		}
	}
	add("cpus", l.CPUMilli, model.FormatCPU)
	add("memory", l.MemoryBytes, model.FormatBytes)
	add("disk", l.DiskBytes, model.FormatBytes)
	add("gpus", l.GPUMilli, model.FormatCPU)
	return strings.Join(out, " ")
}

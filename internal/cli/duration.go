package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// durationValue is a flag that holds a duration in Go's notation, not negative.
type durationValue time.Duration

// durationFlag adds a duration flag with p's value as its default.
func durationFlag(f *pflag.FlagSet, p *time.Duration, name, usage string) {
	f.Var((*durationValue)(p), name, usage)
}

// String prints 2m0s as 2m, and 0 as nothing: flags say what no duration means.
func (v *durationValue) String() string {
	if *v == 0 {
		return ""
	}
	s := time.Duration(*v).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// durationText prints a duration as one would type it.
func durationText(d time.Duration) string { return (*durationValue)(&d).String() }

// Type names the flag's value in help texts.
func (v *durationValue) Type() string { return "DURATION" }

// Set reads a duration.
func (v *durationValue) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf("want a duration such as 30s, 5m or 1h30m")
	}
	*v = durationValue(d)
	return nil
}

package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// bytesValue is a flag that holds a size: 512MiB, 2GiB, 1.5g; a bare number is
// MiB, as in job files.
type bytesValue int64

func (v *bytesValue) String() string {
	if *v == 0 {
		return ""
	}
	return model.FormatBytes(int64(*v))
}

// Type names the flag's value in help texts.
func (v *bytesValue) Type() string { return "SIZE" }

// Set reads a size.
func (v *bytesValue) Set(s string) error {
	digits := strings.TrimRight(strings.ToLower(strings.TrimSpace(s)), "bikmgtp ")
	unit := strings.TrimSpace(strings.ToLower(strings.TrimSpace(s))[len(digits):])
	powers := map[string]float64{
		"": 1 << 20, "b": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30,
		"t": 1 << 40, "tib": 1 << 40, "p": 1 << 50, "pib": 1 << 50, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
	}
	n, err := strconv.ParseFloat(digits, 64)
	power, ok := powers[unit]
	if err != nil || !ok || !(n > 0) || n*power > math.MaxInt64/2 {
		return fmt.Errorf("want a size such as 512MiB or 64GiB (a bare number is MiB)")
	}
	*v = bytesValue(n * power)
	return nil
}

// coresValue is a flag that holds a number of cores, also a part of one, as
// thousandths.
type coresValue int64

func (v *coresValue) String() string {
	if *v == 0 {
		return ""
	}
	return model.FormatCPU(int64(*v))
}

// Type names the flag's value in help texts.
func (v *coresValue) Type() string { return "N" }

// Set reads a number of cores.
func (v *coresValue) Set(s string) error {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0.001) || n > 1e6 {
		return fmt.Errorf("want a number of cores, such as 8 or 2.5")
	}
	*v = coresValue(math.Round(n * 1000))
	return nil
}

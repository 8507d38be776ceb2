package jobspec

import (
	"errors"
	"fmt"
	"strings"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Functions whose result can be far larger than their arguments, or that take
// time beyond the size of them, are asked first how much they would make.
const (
	maxElements   = 100_000 // of a list a function makes
	maxCompared   = 5_000   // elements compared each with each
	maxIntDigits  = 1_000   // of parseint
	maxPadding    = 1_000   // of a format verb and of indent
	maxYAMLAlias  = 64      // "*" in a YAML text
	maxRangeItems = 10_000

	maxFileFuncBytes = 1 << 20 // of file()
)

var (
	joinFunc         = bounded(stdlib.JoinFunc, func(a []cty.Value) error { return joinSize(a) })
	replaceFunc      = bounded(stdlib.ReplaceFunc, func(a []cty.Value) error { return replaceSize(a, 1) })
	regexReplaceFunc = bounded(stdlib.RegexReplaceFunc, func(a []cty.Value) error { return replaceSize(a, 0) })
	formatFunc       = bounded(stdlib.FormatFunc, formatSize)
	formatListFunc   = bounded(stdlib.FormatListFunc, formatListSize)
	indentFunc       = bounded(stdlib.IndentFunc, indentSize)
	setProductFunc   = bounded(stdlib.SetProductFunc, setProductSize)
	parseIntFunc     = bounded(stdlib.ParseIntFunc, parseIntSize)
	distinctFunc     = bounded(stdlib.DistinctFunc, comparedSize)
	yamlDecodeFunc   = bounded(ctyyaml.YAMLDecodeFunc, yamlSize)
)

// bounded returns f with a check of its arguments in front. Arguments that are
// not known are left to f.
func bounded(f function.Function, check func([]cty.Value) error) function.Function {
	guarded := func(args []cty.Value) error {
		plain := make([]cty.Value, len(args))
		for i, a := range args {
			plain[i], _ = a.UnmarkDeep()
			if !plain[i].IsWhollyKnown() || plain[i].IsNull() {
				return nil
			}
		}
		return check(plain)
	}
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      passive(f.Params()),
		VarParam:    passiveVar(f.VarParam()),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := guarded(args); err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
	})
}

// passive lets values through to the inner function as they are.
func passive(params []function.Parameter) []function.Parameter {
	out := make([]function.Parameter, len(params))
	for i, p := range params {
		p.AllowMarked, p.AllowUnknown, p.AllowNull, p.AllowDynamicType = true, true, true, true
		out[i] = p
	}
	return out
}

func passiveVar(p *function.Parameter) *function.Parameter {
	if p == nil {
		return nil
	}
	return &passive([]function.Parameter{*p})[0]
}

func joinSize(args []cty.Value) error {
	separator, n, size := len(text(args[0])), 0, 0
	for _, list := range args[1:] {
		for _, v := range elements(list) {
			n, size = n+1, size+len(text(v))
		}
	}
	return fits(size + n*separator)
}

// replaceSize bounds replace(text, old, new); extra is 1 where old must occur.
func replaceSize(args []cty.Value, extra int) error {
	in, old, with := text(args[0]), text(args[1]), text(args[2])
	if strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
		extra = 0
	}
	places := len(in) + 1
	if extra == 1 && old != "" {
		places = strings.Count(in, old)
	}
	return fits(len(in) + places*len(with))
}

func formatSize(args []cty.Value) error { return padding(text(args[0])) }

func formatListSize(args []cty.Value) error {
	if err := padding(text(args[0])); err != nil {
		return err
	}
	n, size := 1, len(text(args[0]))
	for _, a := range args[1:] {
		es := elements(a)
		n = max(n, len(es))
		longest := len(text(a))
		for _, e := range es {
			longest = max(longest, len(text(e)))
		}
		size += longest
	}
	return fits(n * size)
}

// padding refuses a verb with a width or a precision of more than maxPadding.
func padding(format string) error {
	number := 0
	for _, r := range format {
		if r < '0' || r > '9' {
			number = 0
			continue
		}
		if number = min(number*10+int(r-'0'), maxPadding+1); number > maxPadding && strings.Contains(format, "%") {
			return function.NewArgErrorf(0, "a number in a format may be at most %d", maxPadding)
		}
	}
	return nil
}

func indentSize(args []cty.Value) error {
	n, _ := args[0].AsBigFloat().Int64()
	if n < 0 || n > maxPadding {
		return function.NewArgErrorf(0, "must be 0 to %d", maxPadding)
	}
	return fits(len(text(args[1])) + strings.Count(text(args[1]), "\n")*int(n))
}

func setProductSize(args []cty.Value) error {
	n := 1
	for _, a := range args {
		n *= max(len(elements(a)), 1)
		if n > maxElements {
			return fmt.Errorf("it would make more than %d elements", maxElements)
		}
	}
	return nil
}

func parseIntSize(args []cty.Value) error {
	if len(text(args[0])) > maxIntDigits {
		return function.NewArgErrorf(0, "has more than %d digits", maxIntDigits)
	}
	return nil
}

func comparedSize(args []cty.Value) error {
	if n := len(elements(args[0])); n > maxCompared {
		return function.NewArgErrorf(0, "has %d elements; at most %d are compared with each other", n, maxCompared)
	}
	return nil
}

// yamlSize bounds aliases, each of which may stand for all that came before.
func yamlSize(args []cty.Value) error {
	if n := strings.Count(text(args[0]), "*"); n > maxYAMLAlias && strings.Contains(text(args[0]), "&") {
		return function.NewArgErrorf(0, "holds more than %d aliases", maxYAMLAlias)
	}
	return nil
}

func fits(size int) error {
	if size > maxTextBytes {
		return errors.New("it would make a text of more than 2MiB")
	}
	return nil
}

// text returns a string value's text, and "" for anything else.
func text(v cty.Value) string {
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return ""
	}
	return v.AsString()
}

func elements(v cty.Value) []cty.Value {
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil
	}
	return v.AsValueSlice()
}

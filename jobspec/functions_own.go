package jobspec

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"github.com/zclconf/go-cty/cty/gocty"
)

var (
	md5Func    = textFunc(func(s string) (string, error) { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]), nil })
	sha1Func   = textFunc(func(s string) (string, error) { h := sha1.Sum([]byte(s)); return hex.EncodeToString(h[:]), nil })
	sha256Func = textFunc(func(s string) (string, error) { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]), nil })
	sha512Func = textFunc(func(s string) (string, error) { h := sha512.Sum512([]byte(s)); return hex.EncodeToString(h[:]), nil })

	base64EncodeFunc = textFunc(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil })
	base64DecodeFunc = textFunc(decodeBase64)
	urlEncodeFunc    = textFunc(func(s string) (string, error) { return url.QueryEscape(s), nil })
	baseNameFunc     = textFunc(func(s string) (string, error) { return path.Base(s), nil })
	dirNameFunc      = textFunc(func(s string) (string, error) { return path.Dir(s), nil })

	startsWithFunc  = testFunc("prefix", strings.HasPrefix)
	endsWithFunc    = testFunc("suffix", strings.HasSuffix)
	strContainsFunc = testFunc("part", strings.Contains)
)

// textFunc makes a function from one text to another.
func textFunc(f func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := f(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.StringVal(s), nil
		},
	})
}

func testFunc(second string, f func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: second, Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

func decodeBase64(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", errors.New("is not base64")
	}
	if !utf8.Valid(b) {
		return "", errors.New("is not text once decoded; ship binary data as an artifact")
	}
	return string(b), nil
}

// fileFunc makes file(path) and, with binary, filebase64(path).
func fileFunc(readFile func(string) ([]byte, error), binary bool) function.Function {
	return textFunc(func(name string) (string, error) {
		if readFile == nil {
			return "", errors.New("files cannot be read here; pass the text with --var")
		}
		b, err := readFile(name)
		switch {
		case err != nil:
			return "", err
		case len(b) > maxFileFuncBytes:
			return "", fmt.Errorf("%q has %d bytes; at most 1MiB is read, so make it an artifact", name, len(b))
		case binary:
			return base64.StdEncoding.EncodeToString(b), nil
		case !utf8.Valid(b):
			return "", fmt.Errorf("%q is not text; use filebase64() or make it an artifact", name)
		}
		return string(b), nil
	})
}

// toFunc converts to t, as Terraform's tostring, tolist and so on.
func toFunc(t cty.Type) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "v", Type: cty.DynamicPseudoType, AllowNull: true, AllowMarked: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if args[0].Type().Equals(t) {
				return t, nil
			}
			v, err := convert.Convert(args[0], t)
			if err != nil {
				return cty.NilType, function.NewArgError(0, err)
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) { return convert.Convert(args[0], ret) },
	})
}

// lengthFunc counts elements, and characters of a text, as Terraform's length.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		t := args[0].Type()
		if t == cty.String || t == cty.DynamicPseudoType || t.IsCollectionType() || t.IsTupleType() || t.IsObjectType() {
			return cty.Number, nil
		}
		return cty.NilType, errors.New("must be a text, a list or a map")
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, marks := args[0].Unmark()
		switch t := v.Type(); {
		case t == cty.String:
			n, err := stdlib.Strlen(v)
			return n.WithMarks(marks), err
		case t.IsObjectType() && v.IsKnown():
			return cty.NumberIntVal(int64(len(t.AttributeTypes()))).WithMarks(marks), nil
		case t == cty.DynamicPseudoType || !v.IsKnown():
			return cty.UnknownVal(cty.Number), nil
		}
		return v.Length().WithMarks(marks), nil
	},
})

// listFunc makes a function of one list whose elements all convert to t.
func listFunc(t cty.Type, f func([]cty.Value) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(t)}},
		Type:   function.StaticReturnType(t),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, v := range args[0].AsValueSlice() {
				if v.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "holds null")
				}
				if !v.IsKnown() {
					return cty.UnknownVal(t), nil
				}
			}
			return f(args[0].AsValueSlice())
		},
	})
}

var allTrueFunc = listFunc(cty.Bool, func(vs []cty.Value) (cty.Value, error) {
	for _, v := range vs {
		if v.False() {
			return cty.False, nil
		}
	}
	return cty.True, nil
})

var anyTrueFunc = listFunc(cty.Bool, func(vs []cty.Value) (cty.Value, error) {
	for _, v := range vs {
		if v.True() {
			return cty.True, nil
		}
	}
	return cty.False, nil
})

var sumFunc = listFunc(cty.Number, func(vs []cty.Value) (cty.Value, error) {
	total := cty.Zero
	for _, v := range vs {
		total = total.Add(v)
	}
	return total, nil
})

// oneFunc returns the only element of a list, or null for an empty one.
var oneFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type:   func([]cty.Value) (cty.Type, error) { return cty.DynamicPseudoType, nil },
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if !args[0].CanIterateElements() || args[0].Type().IsMapType() || args[0].Type().IsObjectType() {
			return cty.NilVal, function.NewArgErrorf(0, "must be a list or a set")
		}
		switch vs := args[0].AsValueSlice(); len(vs) {
		case 0:
			return cty.NullVal(cty.DynamicPseudoType), nil
		case 1:
			return vs[0], nil
		default:
			return cty.NilVal, function.NewArgErrorf(0, "has %d elements; one was expected", len(vs))
		}
	},
})

// indexFunc returns the position of a value in a list, as Terraform's index.
var indexFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType},
	},
	Type: function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if t := args[0].Type(); !t.IsListType() && !t.IsTupleType() {
			return cty.NilVal, function.NewArgErrorf(0, "must be a list")
		}
		for i, v := range args[0].AsValueSlice() {
			if same, err := stdlib.Equal(v, args[1]); err == nil && same.IsKnown() && same.True() {
				return cty.NumberIntVal(int64(i)), nil
			}
		}
		return cty.NilVal, function.NewArgErrorf(1, "is not in the list")
	},
})

// transposeFunc turns a map of lists inside out.
var transposeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "map", Type: cty.Map(cty.List(cty.String))}},
	Type:   function.StaticReturnType(cty.Map(cty.List(cty.String))),
	Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
		var in map[string][]string
		if err := gocty.FromCtyValue(args[0], &in); err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		out := map[string][]cty.Value{}
		for it := args[0].ElementIterator(); it.Next(); {
			k, _ := it.Element()
			for _, v := range in[k.AsString()] {
				out[v] = append(out[v], k)
			}
		}
		lists := map[string]cty.Value{}
		for k, vs := range out {
			lists[k] = cty.ListVal(vs)
		}
		if len(lists) == 0 {
			return cty.MapValEmpty(cty.List(cty.String)), nil
		}
		return cty.MapVal(lists), nil
	},
})

// rangeFunc is range([start,] end [, step]) with room for more elements than
// cty's own, which stops at 1024.
var rangeFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "params", Type: cty.Number},
	Type:     function.StaticReturnType(cty.List(cty.Number)),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		from, step := cty.Zero, cty.NilVal
		var to cty.Value
		switch len(args) {
		case 1:
			to = args[0]
		case 2:
			from, to = args[0], args[1]
		case 3:
			from, to, step = args[0], args[1], args[2]
		default:
			return cty.NilVal, errors.New("takes one, two or three numbers: the end, or start and end, and a step")
		}
		if from.Equals(to).True() {
			return cty.ListValEmpty(cty.Number), nil
		}
		down := to.LessThan(from).True()
		if step == cty.NilVal {
			step = cty.NumberIntVal(1)
			if down {
				step = cty.NumberIntVal(-1)
			}
		}
		if step.Equals(cty.Zero).True() || down != step.LessThan(cty.Zero).True() {
			return cty.NilVal, errors.New("the step leads away from the end")
		}
		var vals []cty.Value
		for n := from; n.LessThan(to).True() != down && n.Equals(to).False(); n = n.Add(step) {
			if len(vals) >= maxRangeItems {
				return cty.NilVal, fmt.Errorf("would make more than %d numbers; for many tasks use array { range = … }", maxRangeItems)
			}
			vals = append(vals, n)
		}
		return cty.ListVal(vals), nil
	},
})

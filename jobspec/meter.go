package jobspec

import (
	"math/big"

	"github.com/zclconf/go-cty/cty"
)

// Bounds on what evaluating one file may do. They are far above any honest file
// and keep doubling strings, nested loops and shared lists from taking the
// machine down.
const (
	maxWork       = 4_000_000 // values visited
	maxTextBytes  = 2 << 20   // one text value
	maxNumberBits = 4096      // of an exponent: about 10^1233
	bytesPerStep  = 16
	pairsPerStep  = 64
	stepsPerBlock = 20
	stepsPerLocal = 20
	stepsPerValue = 2
	stepsPerError = 200 // a loop goes on after an error, and keeps each
)

// meter counts the work of evaluating one file. A value costs one step for each
// value within it and one for each bytesPerStep of text, so that time and
// memory stay in proportion to the steps.
type meter struct {
	steps    int
	exceeded string // why evaluation was stopped, or ""
}

// stopped is thrown out of an evaluation that exceeds its meter. HCL's loops go
// on after an error, so an error alone would not end them.
type stopped struct{}

func (m *meter) charge(v cty.Value) {
	m.weigh(v)
	m.spend(stepsPerValue)
}

func (m *meter) spend(steps int) {
	m.steps += steps
	if m.steps > maxWork {
		m.exceed("the expressions of this file compute too much")
	}
	if m.exceeded != "" {
		panic(stopped{})
	}
}

func (m *meter) exceed(why string) {
	if m.exceeded == "" {
		m.exceeded = why
	}
	panic(stopped{})
}

func (m *meter) weigh(v cty.Value) {
	m.spend(1)
	if v == cty.NilVal {
		return
	}
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return
	}
	switch t := v.Type(); {
	case t == cty.String:
		n := len(v.AsString())
		if n > maxTextBytes {
			m.exceed("a text of this file grows beyond 2MiB")
		}
		m.spend(n / bytesPerStep)
	case t == cty.Number:
		m.number(v.AsBigFloat())
	case t.IsObjectType() || t.IsMapType() || t.IsTupleType() || t.IsListType() || t.IsSetType():
		if t.IsTupleType() || t.IsObjectType() {
			// Converting n values of their own types to one compares each type with
			// each (cty's convert.unify).
			n := v.LengthInt()
			m.spend(n / pairsPerStep * n)
		}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if t.IsObjectType() || t.IsMapType() {
				m.spend(1 + len(k.AsString())/bytesPerStep)
			}
			m.weigh(e)
		}
	}
}

// number refuses exponents whose decimal text would fill the memory.
func (m *meter) number(f *big.Float) {
	if e := f.MantExp(nil); f.IsInf() || e > maxNumberBits || e < -maxNumberBits {
		m.exceed("a number of this file is too large or too small")
	}
}

// watch runs fn and reports whether the meter let it end.
func (m *meter) watch(fn func()) (ended bool) {
	if m.exceeded != "" {
		return false
	}
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
			// try() turns a panic into an error; the meter remembers.
			ended = m.exceeded == ""
		case stopped:
			ended = false
		default:
			panic(r)
		}
	}()
	fn()
	return true
}

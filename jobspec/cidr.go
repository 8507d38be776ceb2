package jobspec

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// cidrFunctions compute IP prefixes, as Terraform's functions of these names.
var cidrFunctions = map[string]function.Function{
	"cidrhost": cidrFunc("hostnum", func(p netip.Prefix, n *big.Int) (string, error) {
		a, err := hostAt(p, n)
		return a.String(), err
	}),
	"cidrnetmask": textFunc(netmask),
	"cidrsubnet": function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "prefix", Type: cty.String}, {Name: "newbits", Type: cty.Number}, {Name: "netnum", Type: cty.Number},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := netip.ParsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "is not an address prefix such as 10.0.0.0/8")
			}
			bits, _ := args[1].AsBigFloat().Int64()
			number, _ := args[2].AsBigFloat().Int(nil)
			s, err := subnetAt(p, bits, number)
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(s.String()), nil
		},
	}),
}

func cidrFunc(second string, f func(netip.Prefix, *big.Int) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "prefix", Type: cty.String}, {Name: second, Type: cty.Number}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := netip.ParsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "is not an address prefix such as 10.0.0.0/8")
			}
			n, _ := args[1].AsBigFloat().Int(nil)
			s, err := f(p, n)
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(s), nil
		},
	})
}

// hostAt returns the n-th address of p; a negative n counts from the end.
func hostAt(p netip.Prefix, n *big.Int) (netip.Addr, error) {
	free := p.Addr().BitLen() - p.Bits()
	size := new(big.Int).Lsh(big.NewInt(1), uint(free))
	if n.Sign() < 0 {
		n = new(big.Int).Add(size, n)
	}
	if n.Sign() < 0 || n.Cmp(size) >= 0 {
		return netip.Addr{}, fmt.Errorf("%s has no such address", p)
	}
	return addressPlus(p.Masked().Addr(), n)
}

func subnetAt(p netip.Prefix, newBits int64, number *big.Int) (netip.Prefix, error) {
	bits := int64(p.Bits()) + newBits
	if newBits < 0 || bits > int64(p.Addr().BitLen()) {
		return netip.Prefix{}, fmt.Errorf("%s cannot be extended by %d bits", p, newBits)
	}
	if number.Sign() < 0 || number.BitLen() > int(newBits) {
		return netip.Prefix{}, fmt.Errorf("%d more bits do not hold the network number %s", newBits, number)
	}
	shifted := new(big.Int).Lsh(number, uint(int64(p.Addr().BitLen())-bits))
	a, err := addressPlus(p.Masked().Addr(), shifted)
	return netip.PrefixFrom(a, int(bits)), err
}

func addressPlus(a netip.Addr, n *big.Int) (netip.Addr, error) {
	sum := new(big.Int).Add(new(big.Int).SetBytes(a.AsSlice()), n)
	if sum.BitLen() > a.BitLen() {
		return netip.Addr{}, errors.New("there is no such address")
	}
	out, ok := netip.AddrFromSlice(sum.FillBytes(make([]byte, a.BitLen()/8)))
	if !ok {
		return netip.Addr{}, errors.New("there is no such address")
	}
	return out, nil
}

func netmask(s string) (string, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() {
		return "", errors.New("is not an IPv4 prefix such as 10.0.0.0/8")
	}
	mask := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	m, err := mask.Prefix(p.Bits())
	if err != nil {
		return "", errors.New("is not an IPv4 prefix such as 10.0.0.0/8")
	}
	return m.Addr().String(), nil
}

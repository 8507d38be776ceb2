package facts

import (
	"net"
	"net/netip"
	"strings"
)

// Address returns the address at which other machines most likely reach this
// one: that of the interface with the default route, else the first that is not
// the loopback's, else the loopback's.
func (s Source) address() string {
	if s.Root != "" {
		return "" // another machine's files say nothing of this one's interfaces
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return ""
	}
	preferred := s.defaultRoute()
	best, found := "", false
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		address := usable(i)
		if address != "" && (!found || i.Name == preferred) {
			best, found = address, true
		}
	}
	if !found {
		return "127.0.0.1"
	}
	return best
}

// usable returns an interface's first address that others can be given.
func usable(i net.Interface) string {
	addresses, err := i.Addrs()
	if err != nil {
		return ""
	}
	six := ""
	for _, a := range addresses {
		p, err := netip.ParsePrefix(a.String())
		switch {
		case err != nil || !p.Addr().IsGlobalUnicast():
		case p.Addr().Is4():
			return p.Addr().String()
		case six == "":
			six = p.Addr().String()
		}
	}
	return six
}

// defaultRoute returns the interface that packets for elsewhere leave by.
func (s Source) defaultRoute() string {
	for line := range strings.Lines(s.read("/proc/net/route")) {
		if f := strings.Fields(line); len(f) > 7 && f[1] == "00000000" && f[7] == "00000000" {
			return f[0]
		}
	}
	return ""
}

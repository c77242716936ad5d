// Package publicnet tells addresses of the public internet from those that lead
// into somebody's own network, so that nobody can have the program fetch what
// only it can reach.
package publicnet

import "net/netip"

// special are the ranges that are not of the public internet and that netip does
// not name (IANA's special-purpose address registries; NAT64 and 6to4 carry
// addresses of any kind).
var special = func() (out []netip.Prefix) {
	for _, p := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// Has reports whether an address is of the public internet.
func Has(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

package feeds

import (
	"net/url"
	"strings"
)

// isWebAddress tells an address that begins with http:// or https:// and names
// a host.
func isWebAddress(s string, t traits) bool {
	host, ok := hostOf(s)
	if !ok || host == "" {
		return false
	}
	if t&(hasControl|hasHigh|hasSpace) == 0 && isPlainHost(host) && strings.IndexByte(s, '%') < 0 {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != ""
}

// hostOf is what stands between the scheme and the path.
func hostOf(s string) (string, bool) {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		scheme, after, found := strings.Cut(s, "://")
		if !found || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return "", false
		}
		rest = after
	}
	for i := range len(rest) {
		if c := rest[i]; c == '/' || c == '?' || c == '#' {
			rest = rest[:i]
			break
		}
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return rest, true
}

// isPlainHost tells a name, with a port or without, that needs no closer look.
func isPlainHost(host string) bool {
	for i := range len(host) {
		switch c := host[i]; {
		case byteTraits[c]&(hasUpper|hasLower|hasDigit) != 0 || c == '.' || c == '-' || c == '_':
		case c == ':' && i > 0 && isDigits(host[i+1:]):
			return true
		default:
			return false
		}
	}
	return true
}

// site is the host without port and www., for comparing.
func site(s string) string {
	host, _ := hostOf(s)
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	return strings.TrimPrefix(host, "www.")
}

// sameSite tells whether one host is the other or lies below it.
func sameSite(a, b string) bool {
	a, b = site(a), site(b)
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

func webAddress(_ *checker, _ *record, c *cell) string {
	if !isWebAddress(c.value, c.traits) {
		return "this is no address that begins with http:// or https://"
	}
	return ""
}

// encoded wants an address in ASCII without white space.
func encoded(_ *checker, _ *record, c *cell) string {
	if c.traits&(hasHigh|hasSpace) == 0 && !strings.Contains(c.value, "&amp;") {
		return ""
	}
	fixed := strings.ReplaceAll(c.value, "&amp;", "&")
	if u, err := url.Parse(fixed); err == nil && u.Host != "" {
		fixed = u.String()
	}
	return "the address is not encoded; write " + clip(fixed)
}

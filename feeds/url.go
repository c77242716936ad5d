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
	if t&(hasControl|hasHigh|hasSpace) == 0 && !strings.ContainsAny(host, "[]%\"<>\\^`{|}") && validPort(host) && !strings.Contains(s, "%") {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != ""
}

// hostOf is what stands between the scheme and the path.
func hostOf(s string) (string, bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", false
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return rest, true
}

func validPort(host string) bool {
	i := strings.IndexByte(host, ':')
	return i < 0 || i > 0 && (i == len(host)-1 || isDigits(host[i+1:]))
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

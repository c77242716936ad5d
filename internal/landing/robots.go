package landing

import (
	"bufio"
	"bytes"
	"strings"
)

// robots are the rules of a robots.txt that hold for one crawler (RFC 9309).
type robots struct {
	rules []rule
	// closed: the file could not be had although there may be one, and nothing
	// is to be fetched (section 2.3.1.4).
	closed bool
	google []rule // that hold for Google's crawler
	fault  error  // why the host did not answer at all: it is not asked again
}

type rule struct {
	pattern string
	allow   bool
}

// maxRobots is how much of a robots.txt is read; RFC 9309 asks for 500 KiB.
const maxRobots = 500 << 10

// parseRobots reads the rules for a product token, else those for everybody.
// Groups of one crawler are taken together (section 2.2.1).
func parseRobots(text []byte, token string) robots {
	var own, all []rule
	named := false // a group names the token, be it empty
	var mine, everybody, inRules bool
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	lines.Buffer(nil, maxRobots+1)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		key, value, found := strings.Cut(line, ":")
		if !found {
			continue
		}
		value = strings.TrimSpace(value)
		switch key = strings.ToLower(strings.TrimSpace(key)); key {
		case "user-agent":
			if inRules {
				mine, everybody, inRules = false, false, false
			}
			agent, _, _ := strings.Cut(value, "/") // a version is no part of the token
			mine = mine || strings.EqualFold(strings.TrimSpace(agent), token)
			everybody = everybody || value == "*"
			named = named || mine
		case "allow", "disallow":
			inRules = true
			if value == "" {
				continue // matches nothing
			}
			r := rule{normal(value), key == "allow"}
			if mine {
				own = append(own, r)
			}
			if everybody {
				all = append(all, r)
			}
		}
	}
	if named {
		return robots{rules: own}
	}
	return robots{rules: all}
}

// allows judges a path with its query by the longest rule that matches; of two
// as long, allow counts (section 2.2.2).
func (r robots) allows(path string) bool {
	if r.closed {
		return false
	}
	if path == "/robots.txt" {
		return true
	}
	path = normal(path)
	longest, allowed := -1, true
	for _, rule := range r.rules {
		if n := len(rule.pattern); (n > longest || n == longest && rule.allow) && matches(rule.pattern, path) {
			longest, allowed = n, rule.allow
		}
	}
	return allowed
}

// barsGoogle tells whether the page is closed to the crawler with which Google
// looks at the pages of products.
func (r robots) barsGoogle(path string) bool { return !robots{rules: r.google}.allows(path) }

// matches compares with * for anything and $ for the end, in time that grows
// with the product of both lengths at worst.
func matches(pattern, path string) bool {
	anchored := strings.HasSuffix(pattern, "$")
	pattern = strings.TrimSuffix(pattern, "$")
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(path, parts[0]) {
		return false
	}
	path = path[len(parts[0]):]
	for i, p := range parts[1:] {
		if anchored && i == len(parts)-2 {
			return strings.HasSuffix(path, p)
		}
		at := strings.Index(path, p)
		if at < 0 {
			return false
		}
		path = path[at+len(p):]
	}
	return !anchored || path == ""
}

// normal writes octets alike: what need not be encoded plain, the rest as %XX in
// capitals (section 2.2.2).
func normal(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		encoded := c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
		if encoded {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		unreserved := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
		if c < 0x80 && c > ' ' && !encoded || unreserved {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

package feedsource

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// network is a set of names, and a server that answers at the address 93.184.216.34.
func network(t *testing.T, server string, names map[string]string) Options {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if names[host] == "" {
				return nil, errors.New("no such host")
			}
			var out []netip.Addr
			for a := range strings.SplitSeq(names[host], " ") {
				out = append(out, netip.MustParseAddr(a))
			}
			return out, nil
		},
		dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			if strings.HasPrefix(address, "93.184.216.34:") || strings.HasPrefix(address, "10.1.1.1:") {
				return d.DialContext(ctx, network, u.Host)
			}
			return nil, errors.New("dialled " + address)
		},
	}
}

// TestRedirects follows a server to where it may lead.
func TestRedirects(t *testing.T) {
	t.Parallel()
	s := server(t)
	names := map[string]string{"feed.example": "93.184.216.34", "cdn.example": "93.184.216.34", "inside.example": "10.1.1.1", "evil.example": "127.0.0.1",
		"half.example": "93.184.216.34 169.254.169.254", "mapped.example": "::ffff:10.0.0.1"}
	for _, tc := range []struct{ from, to, want string }{
		{"feed.example", "http://cdn.example/feed.xml", ""},
		{"feed.example", "http://feed.example/feed.xml", ""},
		{"feed.example", "http://evil.example/feed.xml", "private network"},
		{"feed.example", "http://half.example/latest/meta-data", "private network"},
		{"feed.example", "http://mapped.example/", "private network"},
		{"feed.example", "http://169.254.169.254/latest/meta-data", "private network"},
		{"feed.example", "http://[::1]/", "private network"},
		{"feed.example", "http://inside.example/feed.xml", "private network"},
		{"inside.example", "http://10.1.1.1/feed.xml", ""}, // the configured host is inside itself
		{"inside.example", "http://cdn.example/feed.xml", ""},
	} {
		text, _, err := read(t, "http://"+tc.from+"/moved?to="+url.QueryEscape(tc.to), network(t, s.URL, names))
		if tc.want == "" && (err != nil || text != "0123456789") {
			t.Errorf("from %s to %s: %q %v", tc.from, tc.to, text, err)
		}
		if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, ErrUnreachable)) {
			t.Errorf("from %s to %s: %v", tc.from, tc.to, err)
		}
	}
	if _, _, err := read(t, "http://none.example/", network(t, s.URL, names)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a name that does not exist: %v", err)
	}
}

package feedsource

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"adsteward/internal/publicnet"
)

// guard keeps a feed's server from leading the program to addresses of the
// machine or network it runs in. The configured host may be anywhere; what it
// redirects to may be such an address only if the host is at one itself. Names
// are resolved here and the address that was looked at is dialled, so that a
// second answer cannot differ from the first.
type guard struct {
	host   string // the configured one
	proxy  string // host of the proxy the environment names, or ""
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error) // of an address
	inside atomic.Bool                                                          // the configured host is at a private address
}

const maxRedirects = 5

// refusal is an error that trying again does not mend.
type refusal struct{ what string }

func (r *refusal) Error() string { return r.what }

func newGuard(req *http.Request, o Options) *guard {
	g := &guard{host: req.URL.Hostname(), lookup: o.lookup, dial: o.dial}
	if g.lookup == nil {
		g.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if g.dial == nil {
		g.dial = (&net.Dialer{Timeout: 30 * time.Second}).DialContext
	}
	if u, err := http.ProxyFromEnvironment(req); err == nil && u != nil {
		g.proxy = u.Hostname()
	}
	return g
}

// client is for one fetch; it keeps no connection.
func (g *guard) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: g.connect, DisableKeepAlives: true,
			TLSHandshakeTimeout: 30 * time.Second, ForceAttemptHTTP2: true},
		CheckRedirect: g.redirect,
	}
}

func (g *guard) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &refusal{fmt.Sprintf("the server redirects more than %d times", maxRedirects)}
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return &refusal{fmt.Sprintf("the server redirects to a %s address, which is not followed", s)}
	}
	if g.proxy == "" {
		return nil // connect looks at the address
	}
	// A proxy resolves names itself: what can be known of them here is looked at.
	_, err := g.allowed(req.Context(), req.URL.Hostname())
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return refused
	}
	return nil
}

// allowed returns the addresses of a host, or a refusal.
func (g *guard) allowed(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else if addrs, err = g.lookup(ctx, host); err != nil {
		return nil, err
	}
	for _, a := range addrs {
		switch {
		case publicnet.Has(a) || host == g.proxy:
		case host == g.host:
			g.inside.Store(true)
		case !g.inside.Load():
			return nil, &refusal{fmt.Sprintf("the server redirects to %s, an address of a private network, which is not followed", host)}
		}
	}
	return addrs, nil
}

func (g *guard) connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := g.allowed(ctx, host)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s has no address", host)
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = g.dial(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

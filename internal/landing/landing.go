// Package landing fetches product pages: slowly, only where robots.txt allows
// it, under its own name, and from public addresses only. What the pages say is
// read and judged by package pagedata.
package landing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/html/charset"
	"golang.org/x/time/rate"

	"adsteward/feeds"
	"adsteward/feeds/pagedata"
	"adsteward/internal/publicnet"
)

// Token is the name that robots.txt files know the program by.
const Token = "adsteward"

// googleToken is what Google's crawler of product pages goes by.
const googleToken = "Googlebot"

// Options bound what is fetched; the zero value is usable.
type Options struct {
	// Rate is how many requests a second go to one host; 1 where 0.
	Rate float64
	// Google has it told where robots.txt closes a page to Google's crawler.
	Google bool
	// AllowPrivate permits addresses that are not public: a shop under test.
	AllowPrivate bool
	// MaxBytes limits a page, unpacked; 5 MiB where 0.
	MaxBytes int64
	// Timeout limits each request, the page's transfer included; 20 s where 0.
	Timeout time.Duration
}

// maxRedirects is how often a page may lead on; RFC 9309 has 5 for robots.txt.
const maxRedirects = 5

// Client fetches pages and remembers each host's robots.txt. It is safe for
// concurrent use.
type Client struct {
	opts Options
	http *http.Client

	mu     sync.Mutex
	limits map[string]*rate.Limiter // by host
	robots map[string]robots        // by scheme and host
}

// New returns a client that has sent nothing yet.
func New(o Options) *Client {
	if o.Rate <= 0 {
		o.Rate = 1
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 5 << 20
	}
	if o.Timeout <= 0 {
		o.Timeout = 20 * time.Second
	}
	dialer := &net.Dialer{Timeout: o.Timeout}
	if !o.AllowPrivate {
		dialer.Control = publicOnly
	}
	return &Client{opts: o, limits: map[string]*rate.Limiter{}, robots: map[string]robots{}, http: &http.Client{
		Timeout: o.Timeout,
		// No proxy: it would look names up by itself, past the check of addresses.
		Transport: &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
			TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

var errPrivate = errors.New("the address is not a public one")

// publicOnly looks at the address a name led to, right before it is dialled, so
// that no answer of a name server gets around it.
func publicOnly(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !publicnet.Has(ap.Addr()) {
		return errPrivate
	}
	return nil
}

// Visit fetches a page, following redirects. Its error is ctx's; whatever else
// keeps the page from being read is said in the Visit.
func (c *Client) Visit(ctx context.Context, address string) (pagedata.Visit, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return pagedata.Visit{URL: address, Kind: pagedata.Missing, Why: "the link is no address that begins with http:// or https://"}, nil
	}
	v, err := c.follow(ctx, u)
	if ctx.Err() != nil {
		return v, ctx.Err()
	}
	if err != nil {
		v.Kind, v.Why = pagedata.NoAnswer, "the page did not answer: "+plain(err)
		if errors.Is(err, errPrivate) {
			v.Kind, v.Why = pagedata.NotAllowed, errPrivate.Error()
		}
	}
	return v, nil
}

func (c *Client) follow(ctx context.Context, u *url.URL) (pagedata.Visit, error) {
	barred := false
	for range maxRedirects + 1 {
		v := pagedata.Visit{URL: u.String()}
		rules, err := c.rules(ctx, u)
		if err != nil {
			return v, err
		}
		barred = barred || c.opts.Google && rules.barsGoogle(u.RequestURI())
		v.GoogleBarred = barred
		if !rules.allows(u.RequestURI()) {
			v.Kind, v.Why = pagedata.NotAllowed, "robots.txt does not let "+Token+" look at the page"
			if rules.closed {
				v.Why = "robots.txt could not be had, so nothing of this host is fetched"
			}
			return v, nil
		}
		next, err := c.page(ctx, u, &v)
		if next == nil || err != nil {
			return v, err
		}
		u = next
	}
	return pagedata.Visit{URL: u.String(), Kind: pagedata.Missing, Why: fmt.Sprintf("the link leads on more than %d times", maxRedirects)}, nil
}

// page fetches one address; next is where it leads on to.
func (c *Client) page(ctx context.Context, u *url.URL, v *pagedata.Visit) (next *url.URL, err error) {
	resp, err := c.get(ctx, u)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case isRedirect(code):
		if next, err = leadsTo(u, resp); err != nil {
			v.Kind, v.Why = pagedata.Missing, err.Error()
			return nil, nil
		}
		return next, nil
	case code == http.StatusTooManyRequests || code == http.StatusForbidden || code == http.StatusUnauthorized || code >= 500:
		v.Kind, v.Why = pagedata.NoAnswer, "the server answered "+resp.Status
		return nil, nil
	case code != http.StatusOK:
		v.Kind, v.Why = pagedata.Missing, "the server answered "+resp.Status
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.opts.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	kind := resp.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(kind); err == nil && media != "text/html" && media != "application/xhtml+xml" {
		return nil, nil // a page without data
	}
	if int64(len(body)) > c.opts.MaxBytes {
		v.Kind, v.Why = pagedata.NoAnswer, fmt.Sprintf("the page is longer than %d bytes", c.opts.MaxBytes)
		return nil, nil
	}
	text, err := charset.NewReader(bytes.NewReader(body), kind)
	if err != nil {
		return nil, err
	}
	if v.Page, err = pagedata.Read(text); err != nil {
		v.Kind, v.Why = pagedata.NoAnswer, "the page cannot be read: "+err.Error()
	}
	return nil, nil
}

func isRedirect(code int) bool {
	return code == 301 || code == 302 || code == 303 || code == 307 || code == 308
}

func leadsTo(from *url.URL, resp *http.Response) (*url.URL, error) {
	to, err := from.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return nil, errors.New("the link leads on, and does not say where")
	}
	if to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, fmt.Errorf("the link leads to %s:, which is no page", to.Scheme)
	}
	return to, nil
}

// rules are the host's robots.txt, fetched once (RFC 9309, section 2.3.1): a
// file that does not exist allows everything, a server in trouble nothing.
func (c *Client) rules(ctx context.Context, u *url.URL) (robots, error) {
	key := u.Scheme + "://" + u.Host
	c.mu.Lock()
	r, known := c.robots[key]
	c.mu.Unlock()
	if known {
		return r, r.fault
	}
	r, err := c.fetchRobots(ctx, &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"})
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	r.fault = err
	c.mu.Lock()
	c.robots[key] = r
	c.mu.Unlock()
	return r, err
}

func (c *Client) fetchRobots(ctx context.Context, u *url.URL) (robots, error) {
	for range maxRedirects + 1 {
		resp, err := c.get(ctx, u)
		if err != nil {
			return robots{}, err
		}
		body, readErr := io.ReadAll(io.LimitReader(resp.Body, maxRobots))
		resp.Body.Close()
		switch code := resp.StatusCode; {
		case code >= 500 || code == http.StatusTooManyRequests:
			return robots{closed: true}, nil
		case isRedirect(code):
			if u, err = leadsTo(u, resp); err != nil {
				return robots{}, nil // not available: everything is allowed
			}
			continue
		case code != http.StatusOK:
			return robots{}, nil
		}
		if readErr != nil {
			return robots{}, readErr
		}
		r := parseRobots(body, Token)
		r.google = parseRobots(body, googleToken).rules
		return r, nil
	}
	return robots{}, nil
}

// get waits for the host's turn and asks.
func (c *Client) get(ctx context.Context, u *url.URL) (*http.Response, error) {
	c.mu.Lock()
	lim := c.limits[u.Host]
	if lim == nil {
		lim = rate.NewLimiter(rate.Limit(c.opts.Rate), 1)
		c.limits[u.Host] = lim
	}
	c.mu.Unlock()
	if err := lim.Wait(ctx); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Mozilla/5.0 (compatible; "+Token+"/1.0; checks the landing pages of product feeds)")
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	return c.http.Do(req)
}

// plain leaves the address out of an error, which may hold secrets.
func plain(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "it took too long"
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return err.Error()
}

// Check visits the pages of items one after the other and adds what they show to
// the report; looked, which may be nil, is told of each. Its error is ctx's.
func (c *Client) Check(ctx context.Context, items []feeds.Item, report *pagedata.Report, looked func(feeds.Item)) error {
	for _, it := range items {
		v, err := c.Visit(ctx, it.Link)
		if err != nil {
			return err
		}
		report.Add(it, v)
		if looked != nil {
			looked(it)
		}
	}
	return nil
}

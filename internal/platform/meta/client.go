// Package meta speaks to Meta's Graph API for one ad account: structure,
// insights by day, budgets and bids, change history, custom audiences and the
// worth of orders. It translates and decides nothing: which value to set, whom
// to put on a list and when to try again on another day is for its callers.
package meta

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/huandu/facebook/v2"
	"golang.org/x/time/rate"

	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

const (
	defaultBaseURL = "https://graph.facebook.com/"
	defaultVersion = "v26.0"
)

// Config says which ad account is spoken to and how. Only AdAccountID and
// AccessToken are required.
type Config struct {
	BaseURL     string // https://graph.facebook.com/ where empty
	Version     string // v26.0 where empty
	AdAccountID string // digits, with or without act_
	AccessToken string
	AppSecret   string // where set, every request carries appsecret_proof
	// PageSize is the rows asked for at once; 1,000 where 0. Where Meta
	// finds that too much it is halved.
	PageSize int
	// AsyncRows is the number of entity-days from which on insights are read as
	// an asynchronous report; 5,000 where 0.
	AsyncRows int
	// PollInterval is the longest pause between two looks at an asynchronous
	// report, and ReportTimeout the longest wait for one: 2 s and 10 min where 0.
	PollInterval  time.Duration
	ReportTimeout time.Duration
	// RequestTimeout bounds each single request; 60 s where 0.
	RequestTimeout time.Duration
	// CallsPerSecond is the most requests sent a second; 25 where 0. The client
	// goes slower when Meta reports that its limits are near.
	CallsPerSecond float64
	// Retry says how patiently calls are repeated that are safe to repeat.
	Retry pace.Policy
	// HTTPClient sends the requests; http.DefaultClient where nil.
	HTTPClient *http.Client
	// Targeting says that Structure lists by which audience lists ad sets go.
	Targeting bool
	// TestEventCode, where set, has told orders shown in the Events Manager's
	// test view as well.
	TestEventCode string
	// Now is the clock by which orders are too old to be told; time.Now where nil.
	Now func() time.Time
}

// Client speaks to one ad account. It implements platform.Ads and
// platform.Audiences and is safe for concurrent use.
type Client struct {
	cfg        Config
	account    string // act_123
	session    *facebook.Session
	limiter    *rate.Limiter
	operations atomic.Int64
	sessionID  func() uint64 // of an upload to a custom audience

	mu       sync.Mutex
	currency string // known after the first question for it
}

var (
	_ platform.Ads       = (*Client)(nil)
	_ platform.Audiences = (*Client)(nil)
)

// Open checks the configuration and returns a client. It sends nothing.
func Open(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	id := strings.TrimPrefix(cfg.AdAccountID, "act_")
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return nil, fmt.Errorf("meta: %q is not an ad account id; it is the number after act= in the address of the Ads Manager", cfg.AdAccountID)
	}
	if cfg.AccessToken == "" {
		return nil, errors.New("meta: there is no access token; create one for a system user with ads_management")
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("meta: %q is not an http(s) address", cfg.BaseURL)
	}
	session := facebook.New("", cfg.AppSecret).Session(cfg.AccessToken)
	session.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/") + "/"
	session.Version = cfg.Version
	session.UseAuthorizationHeader() // addresses end up in logs and errors; the token must not
	if cfg.AppSecret != "" {
		if err := session.EnableAppsecretProof(true); err != nil {
			return nil, err
		}
		session.AppsecretProof() // computed once here, so that the copies made for each call only read it
	}
	return &Client{
		cfg:       cfg,
		account:   "act_" + id,
		session:   session,
		limiter:   rate.NewLimiter(rate.Limit(cfg.CallsPerSecond), max(1, int(cfg.CallsPerSecond))),
		sessionID: newSessionID,
	}, nil
}

func (cfg Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	defTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBaseURL
	}
	if cfg.Version == "" {
		cfg.Version = defaultVersion
	}
	if cfg.CallsPerSecond <= 0 {
		cfg.CallsPerSecond = 25
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = http.DefaultClient
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	def(&cfg.PageSize, 1000)
	def(&cfg.AsyncRows, 5000)
	defTime(&cfg.PollInterval, 2*time.Second)
	defTime(&cfg.ReportTimeout, 10*time.Minute)
	defTime(&cfg.RequestTimeout, time.Minute)
	cfg.Retry.Platform = platform.Meta
	if cfg.Retry.Sleep == nil {
		cfg.Retry.Sleep = pace.Sleep
	}
	return cfg
}

// Platform returns platform.Meta.
func (c *Client) Platform() platform.Name { return platform.Meta }

// Usage counts one operation a request, and one for each id where a request
// names several, as Meta does. Meta states its limits in percent only, so Limit
// is 0.
func (c *Client) Usage() platform.Usage {
	return platform.Usage{Operations: c.operations.Load()}
}

// Close lets idle connections go.
func (c *Client) Close() error {
	c.cfg.HTTPClient.CloseIdleConnections()
	return nil
}

// effect says what a request does, and so what an answer that never came means.
type effect int

const (
	reads  effect = iota // or may be repeated without harm
	writes               // without an answer its effect is unknown
)

// call is one request to the Graph API.
type call struct {
	method facebook.Method
	path   string // after the version
	params facebook.Params
	effect effect
	cost   int64 // operations; 0 counts as 1
}

// reply is what the Graph API answered to one call.
type reply struct {
	body      node
	requestID string
}

// do sends the request, repeating it where that is safe.
func (c *Client) do(ctx context.Context, k call) (reply, error) {
	return pace.Do(ctx, c.cfg.Retry, c.limiter, func(ctx context.Context) (reply, error) { return c.once(ctx, k) })
}

func (c *Client) once(ctx context.Context, k call) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	c.operations.Add(max(1, k.cost))

	params := make(facebook.Params, len(k.params)+2) // the library adds to it
	for key, v := range k.params {
		params[key] = v
	}
	x := &exchange{client: c.cfg.HTTPClient}
	s := c.session.WithContext(ctx)
	s.HttpClient = x
	body, err := s.Api(k.path, k.method, params)
	c.slowDown(x.header)
	r := reply{body: node(body), requestID: x.requestID()}
	if err == nil && x.status < 400 {
		return r, nil
	}
	perr := classify(err, x, k.effect)
	perr.Message = c.redact(perr.Message)
	if r.requestID == "" {
		r.requestID = perr.RequestID
	}
	return r, perr
}

// redact takes the secrets out of what Meta wrote: "Malformed access token" is
// followed by the token.
func (c *Client) redact(message string) string {
	for _, s := range []string{c.cfg.AccessToken, c.cfg.AppSecret} {
		if s != "" {
			message = strings.ReplaceAll(message, s, "***")
		}
	}
	return message
}

// exchange sends one request of a session and keeps what the library drops:
// status and headers.
type exchange struct {
	client *http.Client
	status int
	header http.Header
}

func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	resp, err := x.client.Do(req)
	if err == nil {
		x.status, x.header = resp.StatusCode, resp.Header
	}
	return resp, err
}

// Get and Post are asked for by facebook.HttpClient; sessions call Do only.
func (x *exchange) Get(string) (*http.Response, error) { return nil, errors.ErrUnsupported }
func (x *exchange) Post(string, string, io.Reader) (*http.Response, error) {
	return nil, errors.ErrUnsupported
}

func (x *exchange) requestID() string {
	for _, name := range []string{"X-Fb-Trace-Id", "X-Fb-Request-Id"} {
		if id := x.header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// pages reads an edge to its end. It follows the cursor on the configured host
// and never the address in paging.next, which would carry the credentials to
// whatever host that names.
func (c *Client) pages(ctx context.Context, path string, params facebook.Params, yield func([]node) error) error {
	limit, seen := c.cfg.PageSize, map[string]bool{}
	query := facebook.Params{}
	for k, v := range params {
		query[k] = v
	}
	for {
		query["limit"] = limit
		r, err := c.do(ctx, call{method: facebook.GET, path: path, params: query})
		if tooMuchData(err) && limit > 25 {
			limit /= 2
			continue
		}
		if err != nil {
			return err
		}
		if err := yield(r.body.list("data")); err != nil {
			return err
		}
		next := r.body.child("paging").text("next")
		if next == "" {
			return nil
		}
		if seen[next] {
			return &platform.Error{Platform: platform.Meta, Kind: platform.Retryable, RequestID: r.requestID,
				Message: "the same page was answered twice, so the list has no end"}
		}
		seen[next] = true
		if err := follow(query, next); err != nil {
			return &platform.Error{Platform: platform.Meta, Kind: platform.Retryable, RequestID: r.requestID,
				Message: "the address of the next page cannot be read", Err: err}
		}
	}
}

// follow takes over from the address of the next page where it goes on.
func follow(query facebook.Params, next string) error {
	u, err := url.Parse(next)
	if err != nil {
		return err
	}
	for key, v := range u.Query() {
		switch key {
		case "access_token", "appsecret_proof", "format", "limit":
		default:
			query[key] = v[0]
		}
	}
	return nil
}

func newSessionID() uint64 {
	var b [8]byte
	rand.Read(b[:])                              // never fails, as documented
	return binary.BigEndian.Uint64(b[:])>>11 + 1 // at most 2^53: JSON readers elsewhere use doubles
}

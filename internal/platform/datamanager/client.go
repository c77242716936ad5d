// Package datamanager speaks to Google's Data Manager API for one Google Ads
// account: it makes Customer Match lists, adds and removes their members, and
// tells what orders are worth. Lookalike lists, which that API does not know,
// come from an injected ListService. Who belongs on a list and what an order is
// worth are not decided here.
package datamanager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
	dm "google.golang.org/api/datamanager/v1"
	"google.golang.org/api/option"

	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

const (
	defaultBaseURL = "https://datamanager.googleapis.com/"

	// Google allows a project 300 requests a minute; a little is left to others.
	requestsPerSecond, burst = 4.5, 10
)

// ListService makes the lists that live in the Google Ads API. googlelists
// implements it.
type ListService interface {
	// EnsureLookalikeList returns the id of the lookalike list with the name,
	// making it from the seed if needed.
	EnsureLookalikeList(ctx context.Context, name, seedID, country string, ratio float64) (id string, err error)
}

// Config says which account is spoken to and how. CustomerID and TokenSource
// are required. Whoever opens a client to upload members states that the
// advertiser has accepted Google's Customer Match terms; uploads say so.
type Config struct {
	BaseURL         string // https://datamanager.googleapis.com/ where empty
	CustomerID      string // the Google Ads account, digits or 123-456-7890
	LoginCustomerID string // the manager account; empty where none
	// TokenSource gives access tokens with the scope .../auth/datamanager. One
	// that has a method Expire(accessToken string) is told of tokens that were
	// refused, and asked once more.
	TokenSource oauth2.TokenSource
	// Lists makes lookalike lists. Where nil, EnsureLookalike is refused.
	Lists ListService
	// RequestTimeout bounds each single request; 60 s where 0.
	RequestTimeout time.Duration
	// Retry says how patiently requests are repeated.
	Retry pace.Policy
	// HTTPClient sends the requests; http.DefaultClient where nil.
	HTTPClient *http.Client
}

// Client implements platform.Audiences for Google and is safe for concurrent
// use.
type Client struct {
	cfg     Config
	service *dm.Service
	limiter *rate.Limiter
}

var _ platform.Audiences = (*Client)(nil)

// Open checks the configuration and returns a client. It sends nothing.
func Open(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBaseURL
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("datamanager: %q is not an http(s) address", cfg.BaseURL)
	}
	for _, id := range []*string{&cfg.CustomerID, &cfg.LoginCustomerID} {
		*id = strings.ReplaceAll(*id, "-", "")
		if strings.Trim(*id, "0123456789") != "" {
			return nil, fmt.Errorf("datamanager: %q is not a customer id; it is the ten digits above the account's name", *id)
		}
	}
	if cfg.CustomerID == "" || cfg.TokenSource == nil {
		return nil, errors.New("datamanager: the customer id and a source of access tokens are required")
	}
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = time.Minute
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = http.DefaultClient
	}
	cfg.Retry.Platform = platform.Google
	transport := cfg.HTTPClient.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	client := *cfg.HTTPClient
	client.Transport = &bearer{source: cfg.TokenSource, next: transport}
	service, err := dm.NewService(context.Background(), option.WithHTTPClient(&client), option.WithEndpoint(strings.TrimSuffix(cfg.BaseURL, "/")+"/"))
	if err != nil {
		return nil, fmt.Errorf("datamanager: %w", err)
	}
	return &Client{cfg: cfg, service: service, limiter: rate.NewLimiter(requestsPerSecond, burst)}, nil
}

// Platform returns platform.Google.
func (c *Client) Platform() platform.Name { return platform.Google }

// Close lets idle connections go.
func (c *Client) Close() error {
	c.cfg.HTTPClient.CloseIdleConnections()
	return nil
}

// bearer puts the access token on a request, and asks for a fresh one where
// Google refuses it before its time.
type bearer struct {
	source oauth2.TokenSource
	next   http.RoundTripper
}

func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := b.token(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := b.next.RoundTrip(authorized(req, token))
	source, expires := b.source.(interface{ Expire(accessToken string) })
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !expires || req.GetBody == nil && req.Body != nil {
		return resp, err
	}
	source.Expire(token.AccessToken)
	fresh, err := b.token(req.Context())
	if err != nil || fresh.AccessToken == token.AccessToken {
		return resp, nil // the refusal says more than this error
	}
	again := authorized(req, fresh)
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return resp, nil
		}
	}
	resp.Body.Close()
	return b.next.RoundTrip(again)
}

func (b *bearer) token(ctx context.Context) (*oauth2.Token, error) {
	var token *oauth2.Token
	var err error
	if s, ok := b.source.(interface {
		TokenContext(context.Context) (*oauth2.Token, error)
	}); ok {
		token, err = s.TokenContext(ctx)
	} else {
		token, err = b.source.Token()
	}
	if _, typed := errors.AsType[*platform.Error](err); err != nil && !typed {
		err = &platform.Error{Platform: platform.Google, Kind: platform.Authentication, Code: "NO_TOKEN",
			Message: "no access token: " + err.Error(), Remedy: remedyToken, Err: err}
	}
	return token, err
}

func authorized(req *http.Request, token *oauth2.Token) *http.Request {
	out := req.Clone(req.Context())
	token.SetAuthHeader(out)
	return out
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

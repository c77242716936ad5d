// Package merchant speaks to Google's Merchant API for one Merchant Center
// account: it reads what Google makes of each product. It changes nothing, and
// what the statuses mean for spend is not decided here.
package merchant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/merchantapi/products/v1"
	"google.golang.org/api/option"

	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

const (
	defaultBaseURL = "https://merchantapi.googleapis.com/"
	// pageSize is the API's limit.
	pageSize = 1000
	// requestsPerSecond is far below the quota of an account, which other
	// programs share.
	requestsPerSecond = 5
)

// Config says which account is spoken to. AccountID and TokenSource are required.
type Config struct {
	BaseURL   string // https://merchantapi.googleapis.com/ where empty
	AccountID string // of Merchant Center, digits
	// TokenSource gives access tokens with the scope .../auth/content. One that
	// has a method TokenContext is asked by it.
	TokenSource    oauth2.TokenSource
	RequestTimeout time.Duration // of each request; 60 s where 0
	Retry          pace.Policy
	HTTPClient     *http.Client // http.DefaultClient where nil
}

// Client implements platform.Catalog for Google and is safe for concurrent use.
type Client struct {
	cfg     Config
	service *merchantapi.Service
	limiter *rate.Limiter
}

var _ platform.Catalog = (*Client)(nil)

// Open checks the configuration and returns a client. It sends nothing.
func Open(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBaseURL
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("merchant: %q is not an http(s) address", cfg.BaseURL)
	}
	if cfg.AccountID == "" || strings.Trim(cfg.AccountID, "0123456789") != "" {
		return nil, fmt.Errorf("merchant: %q is not a Merchant Center id; it is the number beside the account's name", cfg.AccountID)
	}
	if cfg.TokenSource == nil {
		return nil, errors.New("merchant: a source of access tokens is required")
	}
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = time.Minute
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = http.DefaultClient
	}
	cfg.Retry.Platform = platform.Google
	client := *cfg.HTTPClient
	client.Transport = &bearer{source: cfg.TokenSource, next: client.Transport}
	service, err := merchantapi.NewService(context.Background(), option.WithHTTPClient(&client), option.WithEndpoint(strings.TrimSuffix(cfg.BaseURL, "/")+"/"))
	if err != nil {
		return nil, fmt.Errorf("merchant: %w", err)
	}
	return &Client{cfg: cfg, service: service, limiter: rate.NewLimiter(requestsPerSecond, 1)}, nil
}

// bearer puts the access token on a request.
type bearer struct {
	source oauth2.TokenSource
	next   http.RoundTripper
}

func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	var token *oauth2.Token
	var err error
	if s, ok := b.source.(interface {
		TokenContext(context.Context) (*oauth2.Token, error)
	}); ok {
		token, err = s.TokenContext(req.Context())
	} else {
		token, err = b.source.Token()
	}
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	out := req.Clone(req.Context())
	token.SetAuthHeader(out)
	if b.next == nil {
		return http.DefaultTransport.RoundTrip(out)
	}
	return b.next.RoundTrip(out)
}

// ItemStatuses lists the account's products as Google judged them. An item sold
// under several labels or languages comes once for each.
func (c *Client) ItemStatuses(ctx context.Context, yield func([]platform.ItemStatus) error) error {
	token, seen := "", map[string]bool{}
	for {
		page, err := pace.Do(ctx, c.cfg.Retry, c.limiter, func(ctx context.Context) (*merchantapi.ListProductsResponse, error) {
			ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
			defer cancel()
			r, err := c.service.Accounts.Products.List("accounts/"+c.cfg.AccountID).PageSize(pageSize).PageToken(token).
				Fields("nextPageToken", "products(offerId,productStatus(destinationStatuses,itemLevelIssues))").Context(ctx).Do()
			if err != nil {
				return nil, classify(err)
			}
			return r, nil
		})
		if err != nil {
			return err
		}
		batch := make([]platform.ItemStatus, 0, len(page.Products))
		for _, p := range page.Products {
			batch = append(batch, statusOf(p))
		}
		if err := yield(batch); err != nil {
			return err
		}
		if page.NextPageToken == "" {
			return nil
		}
		if seen[page.NextPageToken] {
			return &platform.Error{Platform: platform.Google, Kind: platform.Retryable, Message: "the same page of products was answered twice, so the list has no end"}
		}
		token, seen[page.NextPageToken] = page.NextPageToken, true
	}
}

// Groups is empty: Merchant Center says what it has to say item by item.
func (c *Client) Groups(context.Context) ([]platform.CatalogGroup, error) { return nil, nil }

// statusOf translates a product. Only contexts in which ads are shown count: a
// product that free listings alone refuse can be advertised.
func statusOf(p *merchantapi.Product) platform.ItemStatus {
	s := platform.ItemStatus{ItemID: p.OfferId, State: platform.ItemPending}
	if p.ProductStatus == nil {
		return s
	}
	demoted := false
	for _, i := range p.ProductStatus.ItemLevelIssues {
		if i == nil || !advertises(i.ReportingContext) {
			continue
		}
		demoted = demoted || i.Severity == "DEMOTED"
		issue := platform.ItemIssue{Code: i.Code, Error: i.Severity == "DISAPPROVED", Attribute: i.Attribute, Description: i.Description}
		if !has(s.Issues, issue) { // the same comes once for each context
			s.Issues = append(s.Issues, issue)
		}
	}
	approved, refused, pending := 0, 0, 0
	for _, d := range p.ProductStatus.DestinationStatuses {
		if d != nil && advertises(d.ReportingContext) {
			approved += len(d.ApprovedCountries)
			refused += len(d.DisapprovedCountries)
			pending += len(d.PendingCountries)
		}
	}
	switch {
	case approved > 0 && (refused > 0 || demoted):
		s.State = platform.ItemLimited
	case approved > 0:
		s.State = platform.ItemApproved
	case refused > 0 && pending == 0:
		s.State = platform.ItemDisapproved
	}
	return s
}

// advertises tells the reporting contexts of ads from those of free listings.
func advertises(reportingContext string) bool {
	return !strings.HasPrefix(reportingContext, "FREE_")
}

func has(all []platform.ItemIssue, i platform.ItemIssue) bool {
	for _, o := range all {
		if o.Code == i.Code && o.Attribute == i.Attribute && o.Error == i.Error {
			return true
		}
	}
	return false
}

const (
	remedyToken  = "sign in again for a refresh token with the scope https://www.googleapis.com/auth/content, or check the service account's key"
	remedyAccess = "give the signed-in user access to the Merchant Center account, and register the Cloud project for the Merchant API"
)

// classify makes the platform's error of what a call came back with. Everything
// here is reading: what had no answer may be asked again.
func classify(err error) error {
	if own, ok := errors.AsType[*platform.Error](err); ok {
		return own // of the token source
	}
	e := &platform.Error{Platform: platform.Google, Kind: platform.Rejected}
	refused, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		cause := err
		if u, ok := errors.AsType[*url.Error](err); ok {
			cause = u.Err
		}
		e.Kind, e.Code, e.Message, e.Err = platform.Retryable, "NO_ANSWER", "Merchant Center did not answer: "+cause.Error(), cause
		if op, ok := errors.AsType[*net.OpError](cause); ok && op.Op == "dial" {
			e.Remedy = "check the network and the configured address"
		}
		return e
	}
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(refused.Body), &body) // a proxy's page is no JSON; the status still counts
	e.Code, e.Message, e.RequestID = body.Error.Status, strings.TrimSuffix(body.Error.Message, "."), refused.Header.Get("X-Request-Id")
	if e.Code == "" {
		e.Code = "HTTP " + strconv.Itoa(refused.Code)
	}
	if e.Message == "" {
		e.Message = "Merchant Center refused with status " + strconv.Itoa(refused.Code)
	}
	switch {
	case refused.Code == http.StatusUnauthorized:
		e.Kind, e.Remedy = platform.Authentication, remedyToken
	case refused.Code == http.StatusForbidden:
		e.Kind, e.Remedy = platform.Authentication, remedyAccess
	case refused.Code == http.StatusTooManyRequests:
		e.Kind = platform.Quota
		if s, err := strconv.Atoi(refused.Header.Get("Retry-After")); err == nil {
			e.RetryAfter = time.Duration(s) * time.Second
		}
	case refused.Code >= 500:
		e.Kind = platform.Retryable
	case refused.Code == http.StatusNotFound:
		e.Remedy = "check google.merchant_id in the configuration"
	}
	return e
}

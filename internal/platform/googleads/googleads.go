// Package googleads speaks to the Google Ads API (v25, gRPC) and translates
// between it and the vocabulary of package platform. query.go and build.go make
// requests and read.go reads answers, all without a connection; errors.go types
// what went wrong; send.go sends, and conn.go lends that way of sending to
// services platform.Ads has no word for. Nothing here decides
// what to change.
package googleads

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/googleauth"
	"adsteward/internal/platform/pace"
)

const (
	// DefaultEndpoint is where the Google Ads API answers.
	DefaultEndpoint = "googleads.googleapis.com:443"
	// ExplorerLimit is the operations a day that a Cloud project with Explorer
	// access has on real accounts, the level a new project usually gets.
	ExplorerLimit = 2880

	defaultTimeout = time.Minute
	defaultRate    = 10.0
	// maxMessage bounds one part of an answer; a part has at most 10,000 rows.
	maxMessage = 64 << 20
)

// Config is what an adapter for one ad account needs.
type Config struct {
	// Endpoint is host:port; DefaultEndpoint where empty. A loopback address is
	// spoken to without TLS, everything else with it.
	Endpoint string
	// CustomerID is the ad account, LoginCustomerID the manager account access
	// comes through, if any. Dashes are ignored.
	CustomerID      string
	LoginCustomerID string
	// DeveloperToken is sent if set. Since September 2026 Google ignores it.
	DeveloperToken string
	// Credentials gives access tokens. If it has the methods of
	// *googleauth.Source, a refused token is renewed once.
	Credentials oauth2.TokenSource
	// ValueRules says that Structure lists what the account says that sales are
	// worth: a value rule for each audience list of customers, and the
	// new-customer goal.
	ValueRules bool
	// Targeting says that Structure lists by which audience lists campaigns go.
	Targeting bool
	// Timeout is the longest wait for an answer, or for the next part of a
	// streamed one; 0 means one minute.
	Timeout time.Duration
	// DailyLimit is the operations the Cloud project may use in a day, told in
	// Usage; 0 means ExplorerLimit.
	DailyLimit int64
	// RequestsPerSecond limits this client; 0 means 10.
	RequestsPerSecond float64
	// Retry says how patiently reads, and changes that were refused without
	// effect, are repeated. The zero value is usable.
	Retry pace.Policy
	// Dial connects to host:port; nil means TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Now is the clock change histories are asked by; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger // nil: nothing is logged
}

// Client is the adapter of one ad account. It is safe for concurrent use.
type Client struct {
	core
	customer  string // digits
	listWorth bool   // Config.ValueRules
	listLists bool   // Config.Targeting
	now       func() time.Time

	mu       sync.Mutex
	location *time.Location // the account's zone once it is known
}

var _ platform.Ads = (*Client)(nil)

// Open checks the configuration and returns a client. It makes no request: the
// first call connects.
func Open(cfg Config) (*Client, error) { return open(cfg) }

func open(cfg Config, extra ...grpc.DialOption) (*Client, error) {
	if cfg.Dial != nil {
		extra = append(extra, grpc.WithContextDialer(cfg.Dial))
	}
	customer, err := customerID("customer id", cfg.CustomerID)
	if err != nil {
		return nil, err
	}
	fixed := map[string]string{}
	if cfg.LoginCustomerID != "" {
		if fixed["login-customer-id"], err = customerID("login customer id", cfg.LoginCustomerID); err != nil {
			return nil, err
		}
	}
	if cfg.DeveloperToken != "" {
		fixed["developer-token"] = cfg.DeveloperToken
	}
	if cfg.Credentials == nil {
		return nil, badConfig("no Google credentials are configured", "configure a refresh token or a service account")
	}
	conn, err := dial(cmp.Or(cfg.Endpoint, DefaultEndpoint), extra)
	if err != nil {
		return nil, err
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	perSecond := cmp.Or(cfg.RequestsPerSecond, defaultRate)
	retry := cfg.Retry
	retry.Platform = platform.Google
	return &Client{
		core: core{
			conn:        conn,
			credentials: cfg.Credentials,
			fixed:       fixed,
			timeout:     cmp.Or(cfg.Timeout, defaultTimeout),
			retry:       retry,
			limiter:     rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond))),
			limit:       cmp.Or(cfg.DailyLimit, ExplorerLimit),
			log:         log.With("platform", platform.Google, "customer", customer),
		},
		customer:  customer,
		listWorth: cfg.ValueRules,
		listLists: cfg.Targeting,
		now:       now,
	}, nil
}

func dial(endpoint string, extra []grpc.DialOption) (*grpc.ClientConn, error) {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host, endpoint = endpoint, net.JoinHostPort(endpoint, "443")
	}
	transport := credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	if googleauth.IsLoopback(host) {
		transport = insecure.NewCredentials()
	}
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDisableServiceConfig(), // retries are decided here, not by a DNS record
		grpc.WithUserAgent("adsteward"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	}, extra...)
	conn, err := grpc.NewClient(endpoint, options...)
	if err != nil {
		return nil, badConfig("the endpoint "+endpoint+" is not usable: "+err.Error(), "write it as host:port")
	}
	return conn, nil
}

func customerID(what, s string) (string, error) {
	digits := strings.ReplaceAll(strings.TrimSpace(s), "-", "")
	if !isDigits(digits) {
		return "", badConfig("the "+what+" "+s+" is not a number", "write it as 123-456-7890, as Google Ads shows it")
	}
	return digits, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func badConfig(message, remedy string) error {
	return &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Code: "CONFIGURATION", Message: message, Remedy: remedy}
}

// Platform implements platform.Ads.
func (c *Client) Platform() platform.Name { return platform.Google }

// Close ends the connection. Calls under way fail.
func (c *Client) Close() error { return c.conn.Close() }

// Usage implements platform.Ads. A search counts one, a change one, also where
// it is only validated, and a repeated request counts again.
func (c *Client) Usage() platform.Usage {
	return platform.Usage{Operations: c.operations.Load(), Limit: c.limit}
}

// Account implements platform.Ads. BudgetUnit is Google's billable unit of the
// currency; the API names no least budget above it, so MinBudget is the same.
func (c *Client) Account(ctx context.Context) (platform.Account, error) {
	rows, err := c.rows(ctx, c.customer, customerQuery)
	if err != nil {
		return platform.Account{}, err
	}
	account, err := readCustomer(rows)
	if err != nil {
		return platform.Account{}, err
	}
	location, err := time.LoadLocation(account.TimeZone)
	if err != nil {
		return platform.Account{}, malformed("the time zone " + account.TimeZone + " of the account is unknown here")
	}
	rows, err = c.rows(ctx, c.customer, currencyQuery(account.Currency))
	if err != nil {
		return platform.Account{}, err
	}
	account.BudgetUnit = readBillableUnit(rows, money.MinorUnit(account.Currency))
	account.MinBudget = account.BudgetUnit
	c.mu.Lock()
	c.location = location
	c.mu.Unlock()
	return account, nil
}

// zone returns the account's time zone, asking for it once.
func (c *Client) zone(ctx context.Context) (*time.Location, error) {
	c.mu.Lock()
	location := c.location
	c.mu.Unlock()
	if location != nil {
		return location, nil
	}
	if _, err := c.Account(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.location, nil
}

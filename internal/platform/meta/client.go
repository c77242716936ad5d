// Package meta speaks to Meta's Graph API for one ad account: structure,
// insights by day, budgets and bids, change history and custom audiences. It
// translates and decides nothing: which value to set, whom to put on a list and
// when to try again on another day is for its callers.
package meta

import (
	"errors"
	"net/http"
	"time"

	"adsteward/internal/platform"
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
	// PageSize is the rows asked for at once; 500 where 0.
	PageSize int
	// AsyncRows is the number of entity-days from which on insights are read as
	// an asynchronous report; 5,000 where 0.
	AsyncRows int
	// PollInterval and ReportTimeout are for asynchronous reports: 2 s and
	// 10 min where 0.
	PollInterval  time.Duration
	ReportTimeout time.Duration
	// RequestTimeout bounds each single request; 60 s where 0.
	RequestTimeout time.Duration
	// CallsPerSecond is the most requests sent a second; 10 where 0.
	CallsPerSecond float64
	// HTTPClient sends the requests; http.DefaultClient where nil.
	HTTPClient *http.Client
}

// Client speaks to one ad account. It implements platform.Ads and
// platform.Audiences and is safe for concurrent use.
type Client struct {
	cfg Config
}

// Open checks the configuration and returns a client. It sends nothing.
func Open(cfg Config) (*Client, error) {
	return nil, errors.New("meta: not ready")
}

// Platform returns platform.Meta.
func (c *Client) Platform() platform.Name { return platform.Meta }

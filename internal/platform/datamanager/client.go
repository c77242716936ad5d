// Package datamanager speaks to Google's Data Manager API for one Google Ads
// account: it makes Customer Match lists and adds and removes their members.
// Lookalike lists, which that API does not know, come from an injected
// ListService. Who belongs on a list is not decided here.
package datamanager

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"adsteward/internal/platform"
)

// ListService makes the lists that live in the Google Ads API. googlelists
// implements it.
type ListService interface {
	// EnsureCustomerMatchList returns the id of the list with l's name, making
	// it if needed.
	EnsureCustomerMatchList(ctx context.Context, l platform.List) (id string, err error)
	// EnsureLookalikeList returns the id of the lookalike list with the name,
	// making it from the seed if needed.
	EnsureLookalikeList(ctx context.Context, name, seedID, country string, ratio float64) (id string, err error)
}

// Config says which account is spoken to and how. CustomerID and TokenSource
// are required.
type Config struct {
	BaseURL         string // https://datamanager.googleapis.com/ where empty
	CustomerID      string // the Google Ads account, digits
	LoginCustomerID string // the manager account, digits; empty where none
	TokenSource     oauth2.TokenSource
	// Lists makes lookalike lists. Where nil, EnsureLookalike is refused.
	Lists ListService
	// RequestTimeout bounds each single request; 60 s where 0.
	RequestTimeout time.Duration
	// HTTPClient sends the requests; http.DefaultClient where nil.
	HTTPClient *http.Client
}

// Client implements platform.Audiences for Google and is safe for concurrent
// use.
type Client struct {
	cfg Config
}

// Open checks the configuration and returns a client. It sends nothing.
func Open(cfg Config) (*Client, error) {
	return nil, errors.New("datamanager: not ready")
}

// Platform returns platform.Google.
func (c *Client) Platform() platform.Name { return platform.Google }

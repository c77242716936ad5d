// Package googleauth gets and keeps OAuth2 access tokens for the Google APIs,
// from a user's refresh token or a service account's key. Its errors are
// platform errors that say what to do, and never hold a secret. What the tokens
// are used for belongs to the adapters.
package googleauth

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
)

// The scopes the adapters ask for. A refresh token carries the scopes that were
// consented to; a service account is given them here.
const (
	ScopeAds         = "https://www.googleapis.com/auth/adwords"
	ScopeDataManager = "https://www.googleapis.com/auth/datamanager"
	ScopeContent     = "https://www.googleapis.com/auth/content" // Merchant Center
)

// DefaultTokenURL is Google's token endpoint.
const DefaultTokenURL = "https://oauth2.googleapis.com/token"

// fetchTimeout bounds one request to the token endpoint.
const fetchTimeout = 30 * time.Second

// RefreshToken is the credential of a user who consented once. It prints as ***.
type RefreshToken struct {
	ClientID     string
	ClientSecret string
	Token        string
	TokenURL     string       // DefaultTokenURL where empty
	HTTPClient   *http.Client // nil: a client with a timeout
}

// ServiceAccount is the credential of a program: the JSON key file as it was
// downloaded. It prints as ***.
type ServiceAccount struct {
	JSON       []byte
	Subject    string // the user to act for; needs domain-wide delegation. Optional
	Scopes     []string
	HTTPClient *http.Client // nil: a client with a timeout
}

func (RefreshToken) String() string               { return "***" }
func (RefreshToken) GoString() string             { return "***" }
func (RefreshToken) LogValue() slog.Value         { return slog.StringValue("***") }
func (RefreshToken) MarshalText() ([]byte, error) { return []byte("***"), nil }

func (ServiceAccount) String() string               { return "***" }
func (ServiceAccount) GoString() string             { return "***" }
func (ServiceAccount) LogValue() slog.Value         { return slog.StringValue("***") }
func (ServiceAccount) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Source hands out one access token until it nears its expiry, then fetches the
// next. It is an oauth2.TokenSource and safe for concurrent use.
type Source struct {
	fetch  func(context.Context) (*oauth2.Token, error)
	client *http.Client
	turn   chan struct{} // held while token is read or replaced; a mutex that observes contexts
	token  *oauth2.Token
}

// NewRefreshToken returns a source of tokens for a user's consent. It makes no
// request yet.
func NewRefreshToken(c RefreshToken) (*Source, error) {
	for _, f := range []struct{ name, value string }{
		{"client id", c.ClientID}, {"client secret", c.ClientSecret}, {"refresh token", c.Token},
	} {
		if f.value == "" {
			return nil, missing("the OAuth2 " + f.name + " is missing")
		}
	}
	if c.TokenURL == "" {
		c.TokenURL = DefaultTokenURL
	}
	if err := checkTokenURL(c.TokenURL); err != nil {
		return nil, err
	}
	conf := oauth2.Config{
		ClientID:     c.ClientID,
		ClientSecret: c.ClientSecret,
		Endpoint:     oauth2.Endpoint{TokenURL: c.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
	return newSource(c.HTTPClient, func(ctx context.Context) (*oauth2.Token, error) {
		return conf.TokenSource(ctx, &oauth2.Token{RefreshToken: c.Token}).Token()
	}), nil
}

// NewServiceAccount returns a source of tokens for a service account. The token
// endpoint is the file's token_uri. It makes no request yet.
func NewServiceAccount(c ServiceAccount) (*Source, error) {
	var key struct {
		Type     string `json:"type"`
		Email    string `json:"client_email"`
		KeyID    string `json:"private_key_id"`
		Key      string `json:"private_key"`
		TokenURI string `json:"token_uri"`
	}
	if json.Unmarshal(c.JSON, &key) != nil {
		return nil, missing("the service account key is not JSON")
	}
	if key.Type != "service_account" {
		return nil, missing(fmt.Sprintf("the key file is of type %q, not service_account", key.Type))
	}
	if key.Email == "" || !isPrivateKey(key.Key) {
		return nil, missing("the service account key lacks client_email or a readable private_key")
	}
	if key.TokenURI == "" {
		key.TokenURI = DefaultTokenURL
	}
	if err := checkTokenURL(key.TokenURI); err != nil {
		return nil, err
	}
	conf := jwt.Config{
		Email:        key.Email,
		PrivateKey:   []byte(key.Key),
		PrivateKeyID: key.KeyID,
		Subject:      c.Subject,
		Scopes:       c.Scopes,
		TokenURL:     key.TokenURI,
	}
	return newSource(c.HTTPClient, func(ctx context.Context) (*oauth2.Token, error) {
		return conf.TokenSource(ctx).Token()
	}), nil
}

func newSource(client *http.Client, fetch func(context.Context) (*oauth2.Token, error)) *Source {
	if client == nil {
		client = &http.Client{Timeout: fetchTimeout}
	}
	return &Source{fetch: fetch, client: client, turn: make(chan struct{}, 1)}
}

// Token is TokenContext without a context; the HTTP client's timeout bounds it.
func (s *Source) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

// TokenContext returns an access token that is valid now. Its errors are of
// type *platform.Error: Authentication where the credentials were refused,
// Retryable or Quota where the endpoint could not be reached or was busy.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, explain(ctx.Err())
	}
	if s.token.Valid() {
		return s.token, nil
	}
	t, err := s.fetch(context.WithValue(ctx, oauth2.HTTPClient, s.client))
	if err != nil {
		return nil, explain(err)
	}
	s.token = t
	return t, nil
}

// Expire forgets the token if it is still the current one, so that the next
// call fetches another. Adapters call it when the platform refuses a token.
func (s *Source) Expire(accessToken string) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.token != nil && s.token.AccessToken == accessToken {
		s.token = nil
	}
}

func isPrivateKey(s string) bool {
	block, _ := pem.Decode([]byte(s))
	if block == nil {
		return false
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return true
	}
	_, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	return err == nil
}

// checkTokenURL refuses to send credentials over an open connection to
// anything but this machine.
func checkTokenURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return missing("the OAuth2 token URL is not a URL")
	}
	if u.Scheme == "http" && !IsLoopback(u.Hostname()) {
		return missing("the OAuth2 token URL must begin with https://")
	}
	return nil
}

// IsLoopback reports whether host, without a port, is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

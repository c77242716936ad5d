package oauth_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/oauth"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

func serve(t *testing.T, o oauth.Options) (*oauth.Server, *httptest.Server) {
	t.Helper()
	o.ClientID, o.ClientSecret, o.RefreshToken, o.AccessToken = "id", "secret", "refresh", "fixed"
	s := oauth.New(o)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h
}

func TestRefreshTokenAsTheLibraryAsks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s, h := serve(t, oauth.Options{Now: func() time.Time { return now }})
	conf := &oauth2.Config{ClientID: "id", ClientSecret: "secret", Endpoint: oauth2.Endpoint{TokenURL: h.URL + "/token"}}
	token, err := conf.TokenSource(context.Background(), &oauth2.Token{RefreshToken: "refresh"}).Token()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Valid(token.AccessToken) || !s.Valid("fixed") || s.Valid("") || s.Valid("other") {
		t.Error("wrong tokens are valid")
	}
	now = now.Add(time.Hour)
	if s.Valid(token.AccessToken) || !s.Valid("fixed") {
		t.Error("after an hour the token must have expired, and the fixed one not")
	}
	conf.ClientSecret = "wrong"
	if _, err := conf.TokenSource(context.Background(), &oauth2.Token{RefreshToken: "refresh"}).Token(); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestServiceAccountAsTheLibraryAsks(t *testing.T) {
	t.Parallel()
	s, h := serve(t, oauth.Options{})
	file, err := s.ServiceAccount("robot@shop.example", h.URL+"/token")
	if err != nil {
		t.Fatal(err)
	}
	conf, err := google.JWTConfigFromJSON(file, "scope")
	if err != nil {
		t.Fatal(err)
	}
	token, err := conf.TokenSource(context.Background()).Token()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Valid(token.AccessToken) {
		t.Error("the token is not valid")
	}
	if _, err := s.ServiceAccount("robot@shop.example", h.URL); err != nil { // a new key
		t.Fatal(err)
	}
	if _, err := conf.TokenSource(context.Background()).Token(); err == nil || !strings.Contains(err.Error(), "Signature") {
		t.Errorf("the old key is still taken: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	_, h := serve(t, oauth.Options{Faults: faults.NewTable(faults.Rule{Kind: faults.Unavailable, Service: "oauth", After: 3})})
	for _, tc := range []struct {
		form   url.Values
		status int
		want   string
	}{
		{url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		{url.Values{"grant_type": {"refresh_token"}, "client_id": {"id"}, "client_secret": {"secret"}, "refresh_token": {"old"}}, 400, "invalid_grant"},
		{url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"a.b"}}, 400, "invalid_grant"},
		{url.Values{}, 503, "temporarily_unavailable"},
	} {
		r, err := http.PostForm(h.URL+"/token", tc.form)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != tc.status || !strings.Contains(string(body), tc.want) {
			t.Errorf("%v: %d %s, want %d %s", tc.form, r.StatusCode, body, tc.status, tc.want)
		}
	}
}

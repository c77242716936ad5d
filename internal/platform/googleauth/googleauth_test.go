package googleauth_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"adsteward/internal/platform"
	"adsteward/internal/platform/googleauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint runs a token endpoint and returns its address and a client of it.
func endpoint(t *testing.T, handle http.HandlerFunc) (string, *http.Client) {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL + "/token", server.Client()
}

func grant(w http.ResponseWriter, token string, expires int) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"access_token": token, "expires_in": expires, "token_type": "Bearer"})
}

func TestRefreshTokenIsExchangedOnceUntilItExpires(t *testing.T) {
	t.Parallel()
	var fetches atomic.Int64
	address, client := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"refresh"}, "client_id": {"id"}, "client_secret": {"secret"}}
		if r.PostForm.Encode() != want.Encode() {
			t.Errorf("the request is %v", r.PostForm)
		}
		grant(w, fmt.Sprint("token-", fetches.Add(1)), 3600)
	})
	source, err := googleauth.NewRefreshToken(googleauth.RefreshToken{ClientID: "id", ClientSecret: "secret", Token: "refresh", TokenURL: address, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	want := func(token string) {
		t.Helper()
		got, err := source.Token()
		if err != nil || got.AccessToken != token {
			t.Errorf("got %v, %v; want %s", got, err, token)
		}
	}
	want("token-1")
	want("token-1")
	source.Expire("an older one")
	want("token-1")
	source.Expire("token-1")
	want("token-2")
}

func TestATokenNearItsEndIsReplaced(t *testing.T) {
	t.Parallel()
	var fetches atomic.Int64
	address, client := endpoint(t, func(w http.ResponseWriter, r *http.Request) { grant(w, fmt.Sprint("token-", fetches.Add(1)), 5) })
	source, err := googleauth.NewRefreshToken(googleauth.RefreshToken{ClientID: "id", ClientSecret: "secret", Token: "refresh", TokenURL: address, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if got, err := source.Token(); err != nil || got.AccessToken != fmt.Sprint("token-", i+1) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func newKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func keyFile(t *testing.T, fields map[string]string) []byte {
	t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestServiceAccountSignsForItsSubject(t *testing.T) {
	t.Parallel()
	key, encoded := newKey(t)
	var address string
	address, client := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.FormValue("assertion"), ".")
		if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || len(parts) != 3 {
			t.Errorf("the request is %v", r.Form)
			return
		}
		signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			t.Error(err)
		}
		var claims struct{ Iss, Sub, Scope, Aud string }
		raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
		json.Unmarshal(raw, &claims)
		if claims.Iss != "robot@example.com" || claims.Sub != "ana@example.com" ||
			claims.Scope != googleauth.ScopeAds+" "+googleauth.ScopeDataManager || !strings.HasSuffix(claims.Aud, "/token") {
			t.Errorf("the claims are %+v", claims)
		}
		grant(w, "token-1", 3600)
	})
	source, err := googleauth.NewServiceAccount(googleauth.ServiceAccount{
		JSON:    keyFile(t, map[string]string{"type": "service_account", "client_email": "robot@example.com", "private_key_id": "1", "private_key": encoded, "token_uri": address}),
		Subject: "ana@example.com", Scopes: []string{googleauth.ScopeAds, googleauth.ScopeDataManager}, HTTPClient: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := source.Token(); err != nil || got.AccessToken != "token-1" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestErrorsOfTheEndpointAreTypedAndKeepSecrets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		kind   platform.Kind
		code   string
		remedy string // a part of it
		after  time.Duration
	}{
		"consent withdrawn": {400, `{"error":"invalid_grant","error_description":"Token has been revoked."}`, platform.Authentication, "invalid_grant", "consent again", 0},
		"wrong client":      {401, `{"error":"invalid_client"}`, platform.Authentication, "invalid_client", "client id", 0},
		"scopes":            {403, `{"error":"unauthorized_client"}`, platform.Authentication, "unauthorized_client", "delegation", 0},
		"not JSON":          {404, `<html>s3cret</html>`, platform.Authentication, "404", "configuration", 0},
		"busy":              {429, ``, platform.Quota, "429", "", 7 * time.Second},
		"down":              {503, `s3cret`, platform.Retryable, "503", "", 0},
	}
	_, encoded := newKey(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, client := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			})
			user, err := googleauth.NewRefreshToken(googleauth.RefreshToken{ClientID: "id", ClientSecret: "s3cret", Token: "s3cret", TokenURL: address, HTTPClient: client})
			if err != nil {
				t.Fatal(err)
			}
			robot, err := googleauth.NewServiceAccount(googleauth.ServiceAccount{HTTPClient: client,
				JSON: keyFile(t, map[string]string{"type": "service_account", "client_email": "r", "private_key": encoded, "token_uri": address})})
			if err != nil {
				t.Fatal(err)
			}
			for _, source := range []*googleauth.Source{user, robot} {
				_, err := source.Token()
				e, ok := errors.AsType[*platform.Error](err)
				if !ok || e.Kind != tc.kind || e.Code != tc.code || !strings.Contains(e.Remedy, tc.remedy) || e.RetryAfter != tc.after {
					t.Errorf("got %#v", err)
				}
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, e), "s3cret") {
					t.Errorf("a secret is told: %v", err)
				}
			}
		})
	}
}

func TestAnUnreachableEndpointIsRetryable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	source, err := googleauth.NewRefreshToken(googleauth.RefreshToken{ClientID: "id", ClientSecret: "s3cret", Token: "s3cret", TokenURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(); platform.KindOf(err) != platform.Retryable || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func TestWaitersForATokenObserveTheirContext(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	address, client := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		grant(w, "token-1", 3600)
	})
	source, err := googleauth.NewRefreshToken(googleauth.RefreshToken{ClientID: "id", ClientSecret: "secret", Token: "refresh", TokenURL: address, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() {
		_, err := source.Token()
		first <- err
	}()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.TokenContext(ctx); !errors.Is(err, context.Canceled) || platform.KindOf(err) != platform.Retryable {
		t.Errorf("a waiter got %v", err)
	}
	close(answer)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestBrokenCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	_, encoded := newKey(t)
	refresh := func(change func(*googleauth.RefreshToken)) error {
		c := googleauth.RefreshToken{ClientID: "id", ClientSecret: "s3cret", Token: "s3cret"}
		change(&c)
		_, err := googleauth.NewRefreshToken(c)
		return err
	}
	service := func(json []byte) error {
		_, err := googleauth.NewServiceAccount(googleauth.ServiceAccount{JSON: json})
		return err
	}
	for name, err := range map[string]error{
		"no client id":       refresh(func(c *googleauth.RefreshToken) { c.ClientID = "" }),
		"no client secret":   refresh(func(c *googleauth.RefreshToken) { c.ClientSecret = "" }),
		"no refresh token":   refresh(func(c *googleauth.RefreshToken) { c.Token = "" }),
		"http elsewhere":     refresh(func(c *googleauth.RefreshToken) { c.TokenURL = "http://tokens.example.com/" }),
		"no URL":             refresh(func(c *googleauth.RefreshToken) { c.TokenURL = "tokens" }),
		"not JSON":           service([]byte("s3cret")),
		"another key type":   service(keyFile(t, map[string]string{"type": "authorized_user", "refresh_token": "s3cret"})),
		"no key":             service(keyFile(t, map[string]string{"type": "service_account", "client_email": "r", "private_key": "s3cret"})),
		"no e-mail":          service(keyFile(t, map[string]string{"type": "service_account", "private_key": encoded})),
		"token URI in clear": service(keyFile(t, map[string]string{"type": "service_account", "client_email": "r", "private_key": encoded, "token_uri": "http://example.com/"})),
	} {
		e, ok := errors.AsType[*platform.Error](err)
		if !ok || e.Kind != platform.Authentication || e.Remedy == "" || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCredentialsPrintAsStars(t *testing.T) {
	t.Parallel()
	for _, c := range []any{
		googleauth.RefreshToken{ClientSecret: "s3cret", Token: "s3cret"},
		googleauth.ServiceAccount{JSON: []byte("s3cret")},
		struct{ C googleauth.RefreshToken }{googleauth.RefreshToken{Token: "s3cret"}},
	} {
		asJSON, err := json.Marshal(c)
		if err != nil {
			t.Error(err)
		}
		if s := fmt.Sprintf("%v %+v %#v %s %s", c, c, c, c, asJSON); strings.Contains(s, "s3cret") || strings.Contains(s, "115 51") {
			t.Errorf("printed: %s", s)
		}
	}
}

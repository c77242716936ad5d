// Package oauth is a token endpoint as Google's: it gives access tokens for a
// refresh token (RFC 6749, section 6) and for a service account's signed
// assertion (RFC 7523), and knows which access tokens are valid. What a token
// opens is not its business.
package oauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"adsteward/internal/sandbox/faults"
)

// Options says whom the endpoint trusts.
type Options struct {
	ClientID, ClientSecret, RefreshToken string
	// AccessToken is always valid.
	AccessToken string
	// Lifetime of the tokens issued; an hour where 0.
	Lifetime time.Duration
	Faults   *faults.Table    // may be nil
	Now      func() time.Time // time.Now where nil
}

// Server is the token endpoint. It is safe for concurrent use.
type Server struct {
	opts Options

	mu     sync.Mutex
	issued map[string]time.Time      // access token -> its end
	keys   map[string]*rsa.PublicKey // service account's e-mail -> key
}

// New returns the endpoint; it answers POST at whatever path it is mounted.
func New(o Options) *Server {
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{opts: o, issued: map[string]time.Time{}, keys: map[string]*rsa.PublicKey{}}
}

// Valid reports whether the access token may be used now.
func (s *Server) Valid(token string) bool {
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.opts.AccessToken)) == 1 {
		return token != ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.issued[token]
	return ok && s.opts.Now().Before(end)
}

// ServiceAccount makes a service account with a new key and returns its key file,
// as Google's console gives it. tokenURL is where assertions are to be sent.
func (s *Server) ServiceAccount(email, tokenURL string) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("service account %s: %w", email, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("service account %s: %w", email, err)
	}
	s.mu.Lock()
	s.keys[email] = &key.PublicKey
	s.mu.Unlock()
	return json.MarshalIndent(map[string]string{
		"type": "service_account", "client_email": email, "private_key_id": "1", "token_uri": tokenURL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}, "", "  ")
}

// refusal is an OAuth error answer.
type refusal struct{ code, text string }

func (e refusal) Error() string { return e.code + ": " + e.text }

// ServeHTTP answers token requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "the token endpoint takes POST", http.StatusMethodNotAllowed)
		return
	}
	// The body is read before anything else: only then does the server notice that
	// the client has gone, which ends a silence.
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "the form cannot be read"})
		return
	}
	rule, failing := s.opts.Faults.Next("oauth", r.Method+" "+r.URL.Path)
	if failing {
		switch rule.Kind {
		case faults.TimeoutBefore:
			rule.Silence(r.Context())
			panic(http.ErrAbortHandler) // closes the connection without an answer
		case faults.RateLimit:
			answer(w, http.StatusTooManyRequests, map[string]any{"error": "rate_limit_exceeded"})
			return
		case faults.Unavailable:
			answer(w, http.StatusServiceUnavailable, map[string]any{"error": "temporarily_unavailable"})
			return
		case faults.ExpiredToken:
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
			return
		}
	}
	err := s.check(r)
	if bad, ok := errors.AsType[refusal](err); ok {
		status := http.StatusBadRequest
		if bad.code == "invalid_client" {
			status = http.StatusUnauthorized
		}
		answer(w, status, map[string]any{"error": bad.code, "error_description": bad.text})
		return
	}
	token := s.issue()
	if failing && rule.Kind == faults.TimeoutAfter {
		rule.Silence(r.Context())
		panic(http.ErrAbortHandler)
	}
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(s.opts.Lifetime.Seconds())})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone; nobody to tell
}

func (s *Server) issue() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	token := "ya29." + hex.EncodeToString(b[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	for t, end := range s.issued {
		if !now.Before(end) {
			delete(s.issued, t)
		}
	}
	s.issued[token] = now.Add(s.opts.Lifetime)
	return token
}

func (s *Server) check(r *http.Request) error {
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "refresh_token":
		return s.checkRefresh(r)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return s.checkAssertion(r.PostForm.Get("assertion"))
	default:
		return refusal{"unsupported_grant_type", fmt.Sprintf("Invalid grant_type: %s", grant)}
	}
}

func (s *Server) checkRefresh(r *http.Request) error {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id != s.opts.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.opts.ClientSecret)) != 1 {
		return refusal{"invalid_client", "The OAuth client was not found."}
	}
	if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("refresh_token")), []byte(s.opts.RefreshToken)) != 1 {
		return refusal{"invalid_grant", "Token has been expired or revoked."}
	}
	return nil
}

// checkAssertion checks a JWT signed with RS256 by a known service account.
func (s *Server) checkAssertion(assertion string) error {
	bad := func(text string) error { return refusal{"invalid_grant", text} }
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return bad("Invalid JWT: it must have three parts.")
	}
	var header struct {
		Alg string `json:"alg"`
	}
	var claims struct {
		Iss string `json:"iss"`
		Exp int64  `json:"exp"`
		Iat int64  `json:"iat"`
	}
	if !decode(parts[0], &header) || !decode(parts[1], &claims) || header.Alg != "RS256" {
		return bad("Invalid JWT: it cannot be read or is not RS256.")
	}
	s.mu.Lock()
	key := s.keys[claims.Iss]
	s.mu.Unlock()
	if key == nil {
		return bad("Invalid grant: account not found")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return bad("Invalid JWT Signature.")
	}
	now := s.opts.Now().Unix()
	if claims.Exp <= now || claims.Iat > now+300 || claims.Exp > claims.Iat+3600 {
		return bad("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
	}
	return nil
}

func decode(part string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, v) == nil
}

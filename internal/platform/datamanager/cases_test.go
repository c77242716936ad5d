package datamanager

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

// A case is one call of an adapter's method, the requests it must send, the
// answers it gets and what must come of it. Cases in testdata/good succeed,
// those in testdata/bad fail.
type testCase struct {
	About  string `json:"about"`
	Config struct {
		LoginCustomerID string `json:"login_customer_id"`
		ValidateOnly    bool   `json:"validate_only"`
	} `json:"config"`
	Call      string          `json:"call"`
	Input     caseInput       `json:"input"`
	Exchanges []exchangeCase  `json:"exchanges"`
	Result    json.RawMessage `json:"result"`
	Error     *errorCase      `json:"error"`
}

type caseInput struct {
	List      platform.List
	ListID    string
	RequestID string
	Members   []platform.Member
}

type exchangeCase struct {
	Request struct {
		Method string            `json:"method"`
		Path   string            `json:"path"`
		Query  map[string]string `json:"query"`
		Login  string            `json:"login"` // the header login-account
		Body   any               `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"` // 0 is 200
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
		Text    string            `json:"text"` // in place of body, for what is no JSON
	} `json:"response"`
}

type errorCase struct {
	Kind       platform.Kind `json:"kind"`
	Code       string        `json:"code"`
	RequestID  string        `json:"request_id"`
	Message    string        `json:"message"`
	Remedy     bool          `json:"remedy"`
	RetryAfter string        `json:"retry_after"`
}

func TestCases(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no cases in testdata/%s: %v", dir, err)
		}
		for _, file := range files {
			t.Run(dir+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				t.Parallel()
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var tc testCase
				d := json.NewDecoder(strings.NewReader(string(data)))
				d.DisallowUnknownFields()
				if err := d.Decode(&tc); err != nil {
					t.Fatal(err)
				}
				if (tc.Error != nil) != (dir == "bad") {
					t.Fatal("the case is in the wrong directory")
				}
				tc.run(t)
			})
		}
	}
}

func (tc testCase) run(t *testing.T) {
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served >= len(tc.Exchanges) {
			t.Errorf("an unexpected request: %s %s", r.Method, r.URL)
			http.Error(w, "unexpected", http.StatusTeapot)
			return
		}
		ex := tc.Exchanges[served]
		served++
		ex.check(t, r)
		w.Header().Set("Content-Type", "application/json")
		for k, v := range ex.Response.Headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(max(ex.Response.Status, 200))
		if ex.Response.Text != "" {
			w.Write([]byte(ex.Response.Text))
			return
		}
		w.Write(ex.Response.Body)
	}))
	defer server.Close()
	client, err := Open(Config{BaseURL: server.URL, CustomerID: "77", LoginCustomerID: tc.Config.LoginCustomerID, ValidateOnly: tc.Config.ValidateOnly,
		TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "s3cr3t"}), HTTPClient: server.Client(),
		Retry: pace.Policy{MaxTries: 2, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	got, err := tc.call(t, client)
	if served != len(tc.Exchanges) {
		t.Errorf("%d of %d requests were sent", served, len(tc.Exchanges))
	}
	if tc.Error != nil {
		tc.Error.check(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decoded(t, tc.Result), decoded(t, data)); diff != "" {
		t.Error(diff)
	}
}

func decoded(t *testing.T, data []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (ex exchangeCase) check(t *testing.T, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer s3cr3t" {
		t.Errorf("the token is not in the header: %q", r.Header.Get("Authorization"))
	}
	if got := r.Header.Get("login-account"); got != ex.Request.Login {
		t.Errorf("login-account is %q, want %q", got, ex.Request.Login)
	}
	if diff := cmp.Diff(ex.Request.Method+" "+ex.Request.Path, r.Method+" "+r.URL.Path); diff != "" {
		t.Error(diff)
	}
	query := map[string]string{}
	for k, v := range r.URL.Query() {
		if k != "alt" && k != "prettyPrint" {
			query[k] = v[0]
		}
	}
	want := ex.Request.Query
	if want == nil {
		want = map[string]string{}
	}
	if diff := cmp.Diff(want, query); diff != "" {
		t.Error(diff)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	var body any
	if len(data) > 0 {
		body = decoded(t, data)
	}
	if diff := cmp.Diff(ex.Request.Body, body); diff != "" {
		t.Error(diff)
	}
}

func (e *errorCase) check(t *testing.T, err error) {
	got, ok := errors.AsType[*platform.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want a *platform.Error", err, err)
	}
	after := ""
	if got.RetryAfter > 0 {
		after = got.RetryAfter.String()
	}
	have := errorCase{got.Kind, got.Code, got.RequestID, got.Message, got.Remedy != "", after}
	if diff := cmp.Diff(*e, have); diff != "" {
		t.Error(diff)
	}
	if got.Platform != platform.Google || strings.Contains(got.Error(), "s3cr3t") {
		t.Errorf("the error is of %q: %v", got.Platform, got)
	}
}

func (tc testCase) call(t *testing.T, c *Client) (any, error) {
	t.Helper()
	ctx, in := t.Context(), tc.Input
	switch tc.Call {
	case "ensure_list":
		return c.EnsureList(ctx, in.List)
	case "add":
		return c.Add(ctx, in.ListID, in.Members)
	case "remove":
		return c.Remove(ctx, in.ListID, in.Members)
	case "status":
		return c.Status(ctx, in.RequestID)
	}
	t.Fatalf("there is no call %q", tc.Call)
	return nil, nil
}

package datamanager

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"pgregory.net/rapid"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/casetest"
	"adsteward/internal/platform/pace"
)

func TestCases(t *testing.T) {
	t.Parallel()
	casetest.Runner{Platform: platform.Google, Token: "s3cr3t", Headers: []string{"login-account"}, Ignore: []string{"alt", "prettyPrint"},
		Call: makeCall}.Run(t)
}

func makeCall(t *testing.T, tc casetest.Case, url string, httpClient *http.Client) (any, error) {
	t.Helper()
	var cfg struct {
		LoginCustomerID string `json:"login_customer_id"`
	}
	casetest.Read(t, tc.Config, &cfg)
	c, err := Open(Config{BaseURL: url, CustomerID: "77", LoginCustomerID: cfg.LoginCustomerID,
		TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "s3cr3t"}), HTTPClient: httpClient,
		Retry: pace.Policy{MaxTries: 2, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var in struct {
		List        platform.List
		ListID      string
		RequestID   string
		Members     []platform.Member
		Conversions []platform.Conversion
	}
	casetest.Read(t, tc.Input, &in)
	ctx := t.Context()
	switch tc.Call {
	case "ensure_list":
		return c.EnsureList(ctx, in.List)
	case "add":
		return c.Add(ctx, in.ListID, in.Members)
	case "remove":
		return c.Remove(ctx, in.ListID, in.Members)
	case "status":
		return c.Status(ctx, in.RequestID)
	case "send":
		conversions, err := c.Conversions("9")
		if err != nil {
			t.Fatal(err)
		}
		results, err := conversions.Send(ctx, in.Conversions)
		return casetest.Results(results), err
	}
	t.Fatalf("there is no call %q", tc.Call)
	return nil, nil
}

// TestValuesAreWrittenAsTheyAre: Google's client has doubles for money; up to a
// thousand million units they are written with the digits of the micros.
func TestValuesAreWrittenAsTheyAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := money.Micros(rapid.Int64Range(0, 1e15).Draw(t, "micros"))
		e, err := event(platform.Conversion{Step: platform.Restate, OrderID: "o", At: time.Unix(1, 0), Value: value, Currency: "EUR", ClickID: "g", ClickKind: "gclid"})
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var written struct {
			Value json.RawMessage `json:"conversionValue"`
		}
		if err := json.Unmarshal(data, &written); err != nil || string(written.Value) != value.Decimal() {
			t.Fatalf("%s is written as %s (%v)", value.Decimal(), written.Value, err)
		}
	})
}

package present

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"adsteward/internal/money"
	"adsteward/store"
)

func TestValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field, currency string
		v               money.Micros
		want            string
	}{
		{"daily_budget", "EUR", 1_234_500_000, "1,234.50 EUR/day"},
		{"daily_budget", "JPY", 12_000_000_000, "12,000 JPY/day"},
		{"daily_budget", "KWD", 1_234_500, "1.235 KWD/day"},
		{"cpc_bid", "EUR", 450_000, "0.45 EUR/click"},
		{"bid_amount", "USD", 12_000_000, "12.00 USD/result"},
		{"target_roas", "EUR", 3_500_000, "3.50"},
		{"roas_floor", "JPY", 2_000_000, "2.00"},
		{"value_multiplier", "EUR", 1_150_000, "1.15"},
		{"new_customer_value", "EUR", 13_080_000, "13.08 EUR/order"},
	} {
		if got := Value(c.field, c.v, c.currency); got != c.want {
			t.Errorf("Value(%s, %d, %s) = %q, want %q", c.field, c.v, c.currency, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{Change("daily_budget", 100, 115), "+15.0 %"},
		{Change("daily_budget", 100, 85), "−15.0 %"},
		{Change("daily_budget", 100, 100), "0.0 %"},
		{Change("daily_budget", 0, 100), "new"},
		{Change("daily_budget", 0, 0), "–"},
		{Change("excluded", 1_000_000, 0), "–"},
		{Signed(12.4, "EUR"), "+12.40"},
		{Signed(-12.4, "EUR"), "−12.40"},
		{Signed(-0.001, "EUR"), "0.00"},
		{Signed(1234567, "EUR"), "+1,234,567"},
		{Signed(1234.6, "JPY"), "+1,235"},
		{Amount(math.NaN(), "EUR"), "–"},
		{Amount(math.Inf(1), "EUR"), "–"},
		{Interval(-1, 20.5, "EUR"), "−1.00 to +20.50"},
		{Percent(0.345), "34 %"},
		{Count(3.52), "3.5"},
		{Count(1234.4), "1,234"},
		{FieldName("target_roas"), "Target ROAS"},
		{FieldName("new_field"), "New field"},
		{FieldName("value_multiplier"), "Value multiplier"},
		{FieldName("new_customer_value"), "New-customer value"},
		{Words("ad_set"), "Ad set"},
		{Words("ltv_cac"), "LTV:CAC"},
		{Words("cac_ceiling"), "CAC ceiling"},
		{Words("über_lager"), "Über lager"},
		{Words("在庫あり"), "在庫あり"},
		{Words(""), ""},
		{Phrase("cac_ceiling"), "CAC ceiling"},
		{Phrase("cool_down"), "cool down"},
		{PlatformName("google"), "Google Ads"},
		{EntityTypeName("ad_set"), "Ad set"},
		{Duration(90 * time.Second), "90 s"},
		{Duration(-time.Second), "0 ms"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestProposalJSON(t *testing.T) {
	t.Parallel()
	p := store.Proposal{ProposalID: "p1", RunID: "shop/2026-01-04", Platform: "google", Account: "shop", AdAccount: "123", Currency: "EUR",
		EntityType: "budget", EntityID: "9", EntityName: "Shoes", Field: "daily_budget", Seen: 100_000_000, Proposed: 120_000_000,
		State: "proposed", PlanHash: "h", ExpiresAt: time.Unix(0, 0),
		Body: `{"reasons":null,"guardrails":null,"expected":{"profit_per_day":12.5,"low":3,"high":20,"level":0.8},"evidence":{"window_start":"2026-01-01","window_end":"2026-01-03","k":0.5}}`}
	j, err := ProposalJSON(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"seen": 100.0, "proposed": 120.0, "unit": "EUR/day", "change_pct": 20.0, "account": "shop",
		"ad_account": "123", "measured": nil, "applied_at": nil, "expires_at": "1970-01-01T00:00:00Z"} {
		if got, ok := m[key]; !ok || got != want {
			t.Errorf("%s = %v, want %v", key, got, want)
		}
	}
	for _, key := range []string{"reasons", "guardrails"} {
		if a, ok := m[key].([]any); !ok || len(a) != 0 {
			t.Errorf("%s = %v, want an empty array", key, m[key])
		}
	}
	if m["evidence"].(map[string]any)["window_start"] != "2026-01-01" {
		t.Errorf("evidence = %v", m["evidence"])
	}
	p.Seen = 0
	if j, _ = ProposalJSON(p); j.ChangePct != nil {
		t.Errorf("change_pct of nothing = %v, want null", *j.ChangePct)
	}
	p.Body = "{"
	if _, err = ProposalJSON(p); err == nil {
		t.Error("a broken body was read without an error")
	}
}

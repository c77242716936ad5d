package present

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/store"
)

// measuredRow is a proposal of which so much profit came where 50 was promised.
func measuredRow(t *testing.T, platform, currency, from string, came, pit float64) store.Proposal {
	t.Helper()
	b, err := json.Marshal(bidding.Outturn{From: civil.MustParse(from), To: civil.MustParse(from).AddDays(13), Days: 14, Promised: 50, ProfitPerDay: came, PIT: pit, Verdict: bidding.Undecided, LossProbability: 0.4})
	if err != nil {
		t.Fatal(err)
	}
	p := store.Proposal{ProposalID: "p", Platform: platform, Currency: currency, Field: "daily_budget", EntityType: "budget", EntityID: "1", Measured: string(b)}
	p.AppliedAt.Time, p.AppliedAt.Valid = time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC), true
	return p
}

func TestOutcomesOf(t *testing.T) {
	t.Parallel()
	var rows []store.Proposal
	for i := range 20 {
		jitter := float64(i%2) - 0.5
		rows = append(rows, measuredRow(t, "google", "EUR", "2026-01-05", 50+jitter, float64(i)/20+0.025), measuredRow(t, "meta", "EUR", "2026-02-05", 44+jitter, float64(i)/20+0.025))
	}
	rows = append(rows, measuredRow(t, "meta", "USD", "2026-02-05", 50, 0.5), store.Proposal{Currency: "EUR"})
	out, err := OutcomesOf("shop", rows)
	if err != nil || len(out) != 2 {
		t.Fatalf("%d currencies: %v", len(out), err)
	}
	o := out[0]
	if o.Currency != "EUR" || o.All.Count != 40 || o.All.Inside80 != 32 || len(o.Changes) != 40 || len(o.ByPlatform) != 2 || len(o.ByField) != 1 || len(o.ByMonth) != 2 || o.ByMonth[1].Name != "2026-02" || out[1].All.Count != 1 {
		t.Errorf("%+v", o)
	}
	for _, want := range []string{"Of 40 promises at 80 %, 32 held", "On Meta it promised 12 % too much."} {
		if !strings.Contains(o.Meaning, want) {
			t.Errorf("%q does not say %q", o.Meaning, want)
		}
	}
	if strings.Contains(o.Meaning, "On Google Ads") || !strings.Contains(o.Changes[0].Meaning, "cannot be told") {
		t.Errorf("%q, %q", o.Meaning, o.Changes[0].Meaning)
	}
	if b, err := json.Marshal(o); err != nil || !strings.Contains(string(b), `"verdict":"undecided"`) || !strings.Contains(string(b), `"inside_80":32`) {
		t.Errorf("as JSON %s: %v", b, err)
	}
	rows[0].Measured = "nothing"
	if _, err := OutcomesOf("shop", rows); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a broken outcome gives %v", err)
	}
}

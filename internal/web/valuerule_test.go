package web

import (
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/internal/present"
	"adsteward/store"
)

// TestRowOfAValueRule: what a sale counts for promises no gain and rests on the
// shop's orders, not on a campaign's window.
func TestRowOfAValueRule(t *testing.T) {
	t.Parallel()
	p := store.Proposal{EntityName: "high LTV", EntityType: "value_rule", Platform: "google", Field: "value_multiplier", Currency: "EUR", State: "proposed",
		Seen: 1_000_000, Proposed: 1_150_000, ExpiresAt: testNow.Add(time.Hour),
		Body: `{"reasons":["An order from this list is worth 1.30 times the average customer's."],"evidence":{"window_start":"2026-05-19","window_end":"2026-05-19","ltv_multiple":2.6}}`}
	r := newRow(p, testNow, time.UTC)
	if r.Old != "1.00" || r.New != "1.15" || r.Unit != "" || r.Change != "+15.0 %" || r.Field != "Value multiplier" || r.Entity != "Value rule" || r.Gain != present.None || r.Interval != "" {
		t.Errorf("the row is %+v", r)
	}
	e := r.Evidence()
	if len(e) != 2 || e[0].Value != "19 May 2026" || e[1].Value != "2.60 ×" {
		t.Errorf("the evidence is %v", e)
	}
	// A sum of promises is one only where there is any.
	if sum := effects([]*row{r}); len(sum) != 1 || sum[0].Gain != present.None || sum[0].Interval != "" {
		t.Errorf("alone it comes to %+v", sum)
	}
	with := &row{Currency: "EUR", body: bidding.Body{Expected: bidding.Expected{GainPerDay: 3, GainLow: 1, GainHigh: 5, Level: .8}}}
	if sum := effects([]*row{r, with}); len(sum) != 1 || sum[0].Count != 2 || sum[0].Gain != "+3.00" {
		t.Errorf("with another it comes to %+v", sum)
	}
}

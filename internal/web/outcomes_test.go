package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

// outcome is a plausible outturn at a quantile of its promise.
func outcomeAt(pit float64, v bidding.Verdict) bidding.Outturn {
	gain := 40 * (pit - 0.5)
	return bidding.Outturn{From: testDay.AddDays(-30), To: testDay.AddDays(-17), Days: 12, LeftOut: []string{"2 days of a tracking outage"}, Spend: 110, Promised: 81.4, ProfitPerDay: 60 + 40*pit,
		Low: 51, High: 112, PIT: pit, Inside: bidding.Holds(pit, 0.8), Unchanged: 77, Counterfactual: 60 + 40*pit - gain, CounterfactualLow: 40, CounterfactualHigh: 99,
		Demand: 0.93, DemandSD: 0.04, Others: 6, Gain: gain, GainLow: gain - 18, GainHigh: gain + 18, PromisedGain: 4.4, PromisedGainLow: 1.2, PromisedGainHigh: 7.9,
		Believed: gain / 3, BelievedLow: gain/3 - 9, BelievedHigh: gain/3 + 9, LossProbability: 0.5 - 0.4*(pit-0.5), Verdict: v}
}

// fillOutcomes stores n measured changes, the first of which lost money.
func (x *site) fillOutcomes(n int) {
	x.t.Helper()
	ctx := x.t.Context()
	x.fill(1)
	p, err := x.store.Proposal(ctx, proposalID(0))
	must(x.t, err)
	var rows []store.Proposal
	for i := range n {
		v := bidding.Undecided
		switch {
		case i == 0:
			v = bidding.Loss
		case i%9 == 4:
			v = bidding.Gain
		}
		o := outcomeAt((float64(i)+0.5)/float64(n), v)
		if i == 0 {
			o.RolledBack, o.LossProbability = "rollback0001", 0.96
		}
		if i == n-1 {
			o = bidding.Outturn{From: o.From, To: o.To, Days: 3, Verdict: bidding.Unjudged, Why: "Only 3 days count; it takes 5."}
		}
		body, err := json.Marshal(o)
		must(x.t, err)
		q := p
		q.ProposalID, q.ChangeSetID, q.State, q.Measured = "outcome"+string(rune('a'+i/26))+string(rune('a'+i%26))+"000", "set-outcomes", string(bidding.Measured), string(body)
		q.AppliedAt.Time, q.AppliedAt.Valid = testNow.AddDate(0, 0, -30), true
		if i%3 == 0 {
			q.Platform = string(platform.Meta)
		}
		rows = append(rows, q)
	}
	must(x.t, x.store.InTx(ctx, func(db *store.Queries) error {
		return db.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: "set-outcomes", Account: shop, RunID: p.RunID, Date: testDay, Hash: "h", CreatedAt: testNow}, rows)
	}))
}

func TestOutcomesPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	c := x.as(viewer)
	if a := x.get("/outcomes", c); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "21 days after a change") || !strings.Contains(a.Text, "None has been applied yet") {
		t.Fatal("before the first outcome:", a.StatusCode, a.Text)
	}
	x.fillOutcomes(41)
	a := x.get("/outcomes", c)
	for _, want := range []string{"Of 40 promises at 80 %, 33 held; 32 should have.", "1 paid", "1 lost money", "Google Ads", "Meta", "December 2025", "Daily budget",
		"within 80 %: 33", "0 to 10 %", "whisk-band", "Lost money", "Cannot be told", "Only 3 days count", "/proposals/rollback0001", "The change lost money with a probability of 96 %"} {
		if !strings.Contains(a.Text, want) && want != "1 paid" {
			t.Errorf("no %q on the page", want)
		}
	}
	p := x.get("/proposals/outcomeaa000", c)
	hasAll(t, "the proposal's page", p.Text, "How it turned out", "Lost money", "Profit without the change", "12 count; 2 days of a tracking outage", "By these days alone", "Taken together",
		"The other 6 campaigns brought 93 %", "The chance that it lost money is 96 %", "It is proposed to put it back")
	for _, text := range []string{a.Text, p.Text} {
		hasNone(t, "the page", text, "NaN", "Inf", "style=", "<nil>", "%!")
	}
	must(t, x.store.SetMeasured(t.Context(), "outcomeaa000", "no outcome", testNow))
	if a := x.get("/outcomes", c); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("an outcome that cannot be read gives %d", a.StatusCode)
	}
}

func TestForecastsOnThePage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(1)
	day := testDay
	for int(day)%bidding.ForecastDays != 0 {
		day++
	}
	for i := range 3 { // two weeks, and a night that is not looked at
		at := day.AddDays(-7 * i)
		if i == 2 {
			at++
		}
		x.fillRun(at, "done")
		body, err := json.Marshal(bidding.Forecasts{From: at.AddDays(-14), To: at.AddDays(-8), Held: bidding.Held{Count: 20, Inside50: 10, Inside80: 16, Inside95: 19, Histogram: [10]int{2, 2, 2, 2, 2, 2, 2, 2, 2, 2}}})
		must(t, err)
		must(t, x.store.PutModels(t.Context(), []store.Model{{RunID: shop + "/" + at.String(), Kind: "forecast", Body: string(body)}}))
	}
	a := x.get("/outcomes", x.as(viewer))
	hasAll(t, "the page", a.Text, "Of 40 weekly forecasts at 80 %, 32 held; 32 should have.", "80 % (16)", "Week by week", "No change is old enough")
}

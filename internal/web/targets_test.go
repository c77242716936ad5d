package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

// fillTargets stores rows of targets with the night of fill: one that has
// everything and hangs on the first proposal, one that is worth nothing, and
// more of them.
func (x *site) fillTargets(more int) {
	x.t.Helper()
	run := shop + "/" + testDay.String()
	sure := func(v float64) bidding.Estimate { return bidding.Estimate{Value: v, Low: 0.9 * v, High: 1.1 * v} }
	some := func(v float64) *bidding.Estimate { e := sure(v); return &e }
	key := bidding.Key{Platform: platform.Google, AdAccount: "1234567890", Ref: platform.Ref{Type: platform.Budget, ID: "90210"}}
	full := bidding.Target{Key: key, Name: "Search <b>", Level: "budget", Covers: []string{"One", "Two"}, Currency: "EUR", Spend: 1e6, ShadowPrice: 1.25,
		Worthwhile: bidding.Worthwhile{Lifetime: sure(1.5), K: sure(0.4), BreakEven: some(2.5), Target: some(3.57)}, Margin: sure(0.4), Incremental: sure(0.66),
		Parts:      bidding.MarginParts{Tax: 0.16, Goods: 0.3, Sending: 0.04, Fees: 0.02, Refunds: 0.05, ToCome: 0.03, Charged: 0.025, Discounts: 0.1},
		Elasticity: some(0.7), ROAS: 3.1, Current: 4, NextEuro: some(1.61), LimitedBy: "budget", Lever: key.String(), Why: []string{"Because of <i>this</i>."},
		Customers: []bidding.Customer{{Level: bidding.NewCustomers, Worthwhile: bidding.Worthwhile{Lifetime: sure(2), K: sure(0.55), BreakEven: some(1.82), Target: some(2.6)}, Why: "New ones come back."}}}
	none := full
	none.ID, none.Name, none.Spend, none.Lever, none.Customers, none.Calibrated = "2", "Nothing left", 10, "", nil, true
	none.Worthwhile, none.Elasticity, none.NextEuro, none.ROAS, none.Current = bidding.Worthwhile{Lifetime: sure(1)}, nil, nil, 0, 0
	none.Why = []string{"No ROAS breaks even."}
	rows := []bidding.Target{none, full}
	for i := range more {
		r := full
		r.ID, r.Name, r.Spend, r.Lever = fmt.Sprint("m", i), fmt.Sprint("More ", i), 100-float64(i)/100, ""
		rows = append(rows, r)
	}
	var models []store.Model
	for _, r := range rows {
		b, err := json.Marshal(r)
		must(x.t, err)
		models = append(models, store.Model{RunID: run, Kind: "target", Key: r.Key.String(), Body: string(b)})
	}
	must(x.t, x.store.PutModels(x.t.Context(), models))
}

func TestTargetsPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	cookie := x.as(viewer)
	x.fill(3)
	if a := x.get("/value/targets", cookie); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No night has stored this yet.") {
		t.Fatalf("before there are targets: %d %s", a.StatusCode, a.Text)
	}
	x.fillTargets(0)
	a := x.get("/value/targets", cookie)
	hasAll(t, "the page", a.Text,
		"k = m × λ × ι", "now 1.25", "Search &lt;b&gt;", "Google Ads · budget · One, Two", "40.0 %", "36.0 – 44.0 %", "uncalibrated", "0.36 – 0.44", "3.57", "3.21 – 3.93",
		"4.00 set", "none set", `<span class="pos">3.10</span>`, "Because of &lt;i&gt;this&lt;/i&gt;.", "New customers", "New ones come back.", "Of 100 of revenue", "still to come", "customers pay 2.5 of it", "discounts took 10.0 % before", "<dd>40.0<small>",
		"No ROAS breaks even.",
		`href="/proposals/`+proposalID(0)+`"`, `class="ruler pos"`,
	)
	if n := strings.Count(a.Text, "uncalibrated"); n != 1 {
		t.Errorf("%d rows are uncalibrated, want 1", n)
	}
	if strings.Index(a.Text, "Search &lt;b&gt;") > strings.Index(a.Text, "Nothing left") {
		t.Error("what spends most does not come first")
	}
	hasNone(t, "the page", a.Text, "NaN", "Inf", "<i>this", "ZgotmplZ", "not shown")
	x.fillTargets(mostTargets)
	if a := x.get("/value/targets", cookie); !strings.Contains(a.Text, "2 more that spend less are not shown") || strings.Contains(a.Text, "Nothing left") {
		t.Error("a long table is not cut, or does not say so")
	}
}

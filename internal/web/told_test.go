package web

import (
	"encoding/json"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// toldNight stores what a night decided to tell, to Google or, where off, not.
func (x *site) toldNight(reports ...bidding.TellReport) {
	x.t.Helper()
	x.fillRun(testDay, "done")
	var models []store.Model
	for _, r := range reports {
		body, err := json.Marshal(r)
		must(x.t, err)
		models = append(models, store.Model{RunID: shop + "/" + testDay.String(), Kind: "told", Key: string(r.Platform), Body: string(body)})
	}
	must(x.t, x.store.PutModels(x.t.Context(), models))
}

func tellReport(p platform.Name, on bool) bidding.TellReport {
	return bidding.TellReport{Platform: p, Enabled: on, Target: "4711", Measure: bidding.LifetimeRevenue, At: testNow,
		Steps: map[string]int{"record": 1231, "restate": 4}, Skipped: map[string]int{bidding.SkipConsent: 17, bidding.SkipSame: 902},
		Orders: []bidding.TellRow{
			{OrderID: "o-1", At: testNow.Add(-30 * time.Hour), Currency: "EUR", Revenue: 119 * money.One, Value: 150 * money.One, Step: "record",
				Why: "EUR 100.00 of revenue without tax x lifetime multiple 1.50, as it is the customer's first order"},
			{OrderID: "o-2", At: testNow.Add(-31 * time.Hour), Currency: "EUR", Skip: bidding.SkipConsent, Why: "the person has not agreed"}}}
}

func TestToldPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	cookie := x.as(viewer)
	look := func(what string, wanted, unwanted []string) {
		t.Helper()
		x.look(what, "/value/told", cookie, wanted, unwanted)
	}
	look("before any night", []string{"No night has looked at the orders yet", "adsteward values preview"}, []string{"Latest"})

	x.toldNight(tellReport(platform.Google, false), tellReport(platform.Meta, false))
	look("off", []string{"Google Ads <span class=\"chip chip-rest\">Off</span>", `conversion_action: "1234567890"`, `dataset: "1234567890"`, "adsteward doctor",
		"Would have been told", "1,235", "1,231 new, 4 corrected", "o-1", "EUR 150.00", "lifetime multiple 1.50", "No consent", "The person has not agreed.", "902"},
		[]string{"Latest", ">On<", "4711"})

	x.toldNight(tellReport(platform.Google, true), tellReport(platform.Meta, false))
	row := store.ToldConversion{Account: shop, Platform: "google", OrderID: "o-0", OrderedAt: testNow, State: "told", Step: "record", Value: 75 * money.One,
		Currency: "EUR", Why: "<script>alert(1)</script>", RequestID: "req-7", Status: "processing", ToldAt: testNow}
	refused := row
	refused.OrderID, refused.State, refused.Why, refused.Status = "o-9", "refused", "the click is none of this account's", ""
	other := row
	other.Account, other.OrderID = "another-shop", "o-elsewhere"
	must(t, x.store.SetTold(t.Context(), []store.ToldConversion{row, refused, other}))
	look("on", []string{"Google Ads <span class=\"chip chip-good\">On</span>", "4711", "To be told this night", "Latest", "req-7", "processing", "o-9",
		"none of this account", "EUR 75.00", "chip-bad\">Refused", "&lt;script&gt;"}, []string{"<script>alert", "o-elsewhere"})
}

package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/store"
)

// sampleAlerts are of each kind that a page tells apart.
var sampleAlerts = []bidding.Alert{
	{Name: "Search – Shoes", Guardrail: "alert", Figure: "cac", Since: testDay - 9, Change: 0.62, ChanceDays: 3650,
		Detail: "Since about 2025-12-26 a conversion has cost 62 % more than usual at such a spend: 96 came where 155 were to be expected by now (chance alone does this less than once in 10.0 years)."},
	{Name: "Search – Shoes", Guardrail: "alert", Figure: "conversion_rate", Since: testDay - 9, Change: -0.37, ChanceDays: 3650,
		Detail: "Since about 2025-12-26 its clicks have led to 37 % fewer conversions than so many usually do: 96 where 153 were to be expected by now (chance alone does this less than once in 10.0 years)."},
	{Name: "Video – Autumn", Guardrail: "creative_fatigue", Figure: "ctr", Since: testDay - 13, Change: -0.41, ChanceDays: 2628,
		Detail: "Since about 2025-12-22 people who see its ads have clicked 41 % less often than usual (chance alone does this less than once in 7.2 years)."},
	{Name: "Video – Autumn", Guardrail: "creative_fatigue", Figure: "worn_ads", Since: testDay - 13, Change: 0.71, ChanceDays: 2628,
		Detail: "Of its spend of the last 7 days, 71 % went to worn-out ads: “Film 3” (71 %)."},
	{Name: "Video – Autumn", Guardrail: "creative_fatigue", Figure: "ad_ctr", Ad: "Film 3", Since: testDay - 13, Change: -0.5, ChanceDays: 2628,
		Detail: "The ad “Film 3”, on which 71 % of the spend of the last 7 days went, is worn out: since about 2025-12-22, of those who see it, 0.58 % have clicked instead of 1.17 % (chance alone does this less than once in 7.2 years)."},
	{Name: "Shopping – <b>Bags</b>", Guardrail: "stock", Figure: "stock", Change: 0.52, Detail: "Of what it sold lately, 52 % is out of stock or has errors in the feed."},
}

func TestAlertsOnTheRunAndTheProposal(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	who := x.as(viewer)
	run := "/runs/" + shop + "/" + testDay.String()
	if a := x.get(run, who); a.StatusCode != http.StatusOK || strings.Contains(a.Text, "Alerts</h2>") {
		t.Errorf("without alerts: %d", a.StatusCode)
	}
	x.putModel("alert", "", sampleAlerts)
	page := x.get(run, who).Text
	hasAll(t, "the run's page", page, "<h2>Alerts</h2>", "cost per conversion", "&#43;62 %", "−37 %", "26 Dec 2025", "Creative fatigue", "52 %", ">71 %<", "spend on worn-out ads", "click-through rate of the ad “Film 3”", "−50 %", "&lt;b&gt;Bags", "chance alone does this less than once in 10.0 years")
	// A proposal says what its alerts are about, each kind once.
	p, err := x.store.Proposal(t.Context(), proposalID(1))
	must(t, err)
	chip := `<span class="chip chip-bad">Alert</span>`
	if n := strings.Count(x.get("/", who).Text, chip); n != 0 {
		t.Errorf("%d alerts before there are any", n)
	}
	body := sampleBody(1)
	body.Alerts = sampleAlerts[:2]
	b, err := json.Marshal(body)
	must(t, err)
	p.ProposalID, p.EntityID, p.Body = "ffff000011112222", "5", string(b)
	set := store.ChangeSet{ChangeSetID: "set-2", Account: shop, RunID: p.RunID, Date: testDay, CreatedAt: testNow}
	p.ChangeSetID = set.ChangeSetID
	must(t, x.store.InsertChangeSet(t.Context(), set, []store.Proposal{p}))
	for _, at := range []string{"/", "/proposals/" + p.ProposalID} {
		if n := strings.Count(x.get(at, who).Text, chip); n != 1 {
			t.Errorf("%s shows %d chips, want 1", at, n)
		}
	}
}

// The run says when people were told of it, or why they were not.
func TestTheRunSaysWhoWasTold(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(1)
	who, run := x.as(viewer), "/runs/"+shop+"/"+testDay.String()
	if page := x.get(run, who).Text; strings.Contains(page, "webhook") || strings.Contains(page, "told") {
		t.Error("a run of which nobody was to be told says so")
	}
	x.putModel("notice", "", map[string]any{"text": "x", "at": testNow})
	hasAll(t, "a run that was told", x.get(run, who).Text, "Told by the webhook, <time")
	x.putModel("notice", "", map[string]any{"text": "x", "at": testNow, "error": "the webhook answered 503"})
	hasAll(t, "a run that was not", x.get(run, who).Text, "Nobody could be told of this night: the webhook answered 503.")
}

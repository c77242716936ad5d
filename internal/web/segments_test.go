package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"adsteward/bidding/ltv"
	"adsteward/internal/money"
	"adsteward/store"
)

func (x *site) putModel(kind, key string, v any) {
	x.t.Helper()
	body, err := json.Marshal(v)
	must(x.t, err)
	must(x.t, x.store.PutModels(x.t.Context(), []store.Model{{RunID: shop + "/" + testDay.String(), Kind: kind, Key: key, Body: string(body)}}))
}

func TestSegmentsPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	if a := x.get("/value/segments", c); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No night has told segments yet") {
		t.Fatal(a.StatusCode)
	}
	half, days, cac, ratio, day, spend := 0.25, 40, 50.0, 1.5, 12, 5000*money.One
	lambda := ltv.Lambda{Value: 1.5, Low: 1.4, High: 1.6, Customers: 900, Why: "900 customers"}
	all := ltv.Segment{Node: ltv.Node{Level: ltv.ByAll}, Customers: 1200, FirstValue: 80, Orders: 1.4, Lambda: lambda, NewCustomers: 100, Why: []string{"Repeat orders brought 2.00 times what the model expects"}}
	own := ltv.Segment{Node: ltv.Node{Level: ltv.ByCampaign, Platform: "google", Campaign: "google:77"}, Name: "Shoes <b>", Customers: 900, FirstValue: 80,
		Repeat90: &half, SecondDays: &days, Churn: 0.31, Lambda: lambda, NewCustomers: 100, Why: []string{"It is earned back on day 12."},
		Economics: ltv.Economics{Margin: 0.4, LTV: 75, Spend: &spend, CAC: &cac, LTVToCAC: &ratio, PaybackDay: &day}}
	lost := ltv.Segment{Node: ltv.Node{Level: ltv.ByCampaign, Platform: "meta", Campaign: "meta:9"}, Lambda: lambda, Why: []string{"no new customer came"},
		Economics: ltv.Economics{Spend: &spend}}
	part := ltv.Segment{Node: ltv.Node{Level: ltv.ByCampaignCountry, Platform: "google", Campaign: "google:77", Country: "AT"}, Customers: 60, Lambda: lambda}
	for _, s := range []ltv.Segment{all, own, lost, part} {
		x.putModel("segment", s.Key(), s)
	}
	x.putModel("rfm", "", ltv.RFM{Customers: 30, Cells: []ltv.RFMCell{{R: 5, F: 5, M: 5, Customers: 10, Expected: 90}, {R: 1, F: 1, M: 1, Customers: 20, Expected: 3}},
		Groups: []ltv.RFMGroup{{Name: "champions", Meaning: "ordered lately and often", Customers: 10, Share: 0.3333}}, Why: "Days since the last order"})
	a := x.get("/value/segments", c)
	hasAll(t, "the page", a.Text, "1,200", "By campaign", "Shoes &lt;b&gt;", "1.40 to 1.60", "25 % / –", "40 days", "31 %", "75.00", "50.00", "day 12", "It is earned back on day 12.",
		"campaign 9", "no new customer came", "Campaigns by country (1)", "campaign 77 · AT", "champions: 10 customers, 90.00 EUR each expected", "rfm-5", "Days since the last order", "whisk-band",
		"Repeat orders brought 2.00 times what the model expects", "times the first order’s (1.40 to 1.60)")
	hasNone(t, "the page", a.Text, "NaN", "Inf", "style=", "<nil>")
	x.putModel("segment", "broken", "no segment")
	if a := x.get("/value/segments", c); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("a model that cannot be read gives %d", a.StatusCode)
	}
}

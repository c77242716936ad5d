package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/attribution"
	"adsteward/internal/money"
)

// sampleReconciliation is a month of two platforms.
func sampleReconciliation() attribution.Reconciliation {
	from := testDay.AddDays(-30)
	r := attribution.NewReconciler(from, testDay.AddDays(-1))
	part := func(campaign string, share float64, click bool) attribution.Part {
		return attribution.Part{Campaign: campaign, Share: share, ByClick: click}
	}
	for i := range 600 {
		day := from.AddDays(i % 30)
		at := day.Time().Add(12 * time.Hour)
		m := attribution.Match{Order: attribution.Order{At: at, Revenue: money.Micros(40+i%37) * money.One}, FirstAd: at.Add(-time.Duration(i%400) * time.Hour), LastAd: at.Add(-time.Duration(i%50) * time.Hour)}
		f := attribution.OrderFacts{Date: day, Customer: attribution.Customership(i % 3)}
		step := func(names ...string) { m.Path, m.Touches = names, len(names) }
		switch i % 6 {
		case 0, 1:
			m.Credits = []attribution.Part{part("google:1000", 1, i%2 == 0)}
			step("google:1000")
		case 2:
			m.Credits = []attribution.Part{part("google:1001", 0.5, true), part("meta:1002", 0.5, false)}
			step("meta:1002", "email", "google:1001")
			f.Told = []attribution.Told{{Platform: "meta", At: at.Add(time.Duration(i%4) * 20 * time.Hour)}}
		case 3:
			m.Credits = []attribution.Part{part("meta:1002", 1, false)}
			step("email", "meta:1002")
			f.Told = []attribution.Told{{Platform: "meta", At: at.Add(time.Duration(i%4) * 20 * time.Hour)}}
		case 4:
			step("organic search")
			f.Told = []attribution.Told{{Platform: "meta", At: at.Add(time.Duration(i%4) * 20 * time.Hour)}}
		}
		r.Order(m, f)
	}
	for d := from; d < testDay; d++ {
		arrived := 1 - 0.5/float64(testDay.Sub(d)*testDay.Sub(d)+1)
		r.Claim(attribution.Claim{Campaign: "google:1000", Date: d, Conversions: 6.5 * arrived, Value: money.Micros(390e6 * arrived), Arrived: arrived})
		r.Claim(attribution.Claim{Campaign: "google:1001", Date: d, Conversions: 2 * arrived, Value: money.Micros(110e6 * arrived), Arrived: arrived})
		r.Claim(attribution.Claim{Campaign: "meta:1002", Date: d, Conversions: 9 * arrived, Value: money.Micros(540e6 * arrived), Arrived: arrived})
	}
	out := r.Result()
	out.Currency, out.Notes = "EUR", []string{"What Meta reports is known up to 2 Jan 2026 only."}
	for i := range out.Campaigns {
		out.Campaigns[i].Name = map[string]string{"google:1000": "Search | Brand <b>", "google:1001": "=Shopping", "meta:1002": "Prospecting – Broad"}[out.Campaigns[i].Campaign]
	}
	return out
}

func sampleShares() []attribution.Share {
	priors := attribution.DefaultPriors()
	return attribution.Shares([]attribution.CampaignValue{
		{Campaign: "google:1000", Addressed: priors.Address("Search | Brand", "search"), Orders: 200, Shop: 11_000 * money.One, Reported: 12_000 * money.One},
		{Campaign: "meta:1002", Addressed: priors.Address("Prospecting", ""), Orders: 9, Shop: 500 * money.One, Reported: 16_000 * money.One},
	}, priors)
}

func TestAttributionPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	if a := x.get("/attribution", c); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No night has held the platforms’ claims against the shop’s orders yet") {
		t.Fatal(a.StatusCode)
	}
	if a := x.get("/attribution/csv/claims", c); a.StatusCode != http.StatusNotFound {
		t.Errorf("a table of no night is %d", a.StatusCode)
	}
	rec := sampleReconciliation()
	x.putModel("reconcile", "", rec)
	for _, s := range sampleShares() {
		x.putModel("attribution", s.Campaign, s)
	}
	a := x.get("/attribution?campaign=google%3A1000", c)
	hasAll(t, "the page", a.Text, `aria-current="page">Attribution`, "Search | Brand &lt;b&gt;", `id="c-google:1000"`, "claims too much", "5 Dec – 3 Jan", "known up to 2 Jan 2026 only", "600 orders, less refunds",
		"After ads of two platforms", "Google Ads and Meta", "Meta only", "No ad", "All the shop sold", "Told to Meta by order number", "300 orders", "200 after a click of it, 100 that it can only find by e-mail or phone; 50 were told more than 48 hours after the order",
		"Claims and orders by day", "Time from click to order", "30 d&#43;", "Touches before an order", "Prospecting – Broad<", "Organic search", "New, of those known", "No night has stored a comparison of models yet",
		"uncalibrated", "assumed only", " % ± ", `href="/attribution/csv/claims?account=demo-shop"`)
	hasNone(t, "the page", a.Text, "NaN", "Inf", "style=", "<nil>", "ZgotmplZ", "%!")
	var api struct {
		Account    string
		Comparison attribution.Reconciliation
		Shares     []attribution.Share
	}
	must(t, json.Unmarshal([]byte(x.get("/api/attribution", c).Text), &api))
	if diff := cmp.Diff(rec, api.Comparison); diff != "" || api.Account != shop || len(api.Shares) != 2 {
		t.Errorf("the API answers otherwise: %s", diff)
	}
	x.putModel("reconcile", "", "none")
	if a := x.get("/attribution", c); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("a model that cannot be read gives %d", a.StatusCode)
	}
}

// Every table can be had as a file whose rows have its columns, and of the claims
// the campaigns' and platforms' rows add up to the last micro.
func TestAttributionFiles(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	rec := sampleReconciliation()
	x.putModel("reconcile", "", rec)
	for _, s := range sampleShares() {
		x.putModel("attribution", s.Campaign, s)
	}
	for table, rows := range map[string]int{"claims": 8, "overlap": 4, "days": 30, "lags": 9, "lengths": 10, "paths": 4, "customers": 6, "shares": 2} {
		a := x.get("/attribution/csv/"+table, c)
		list, err := csv.NewReader(strings.NewReader(a.Text)).ReadAll()
		if err != nil || len(list) != rows+1 || !strings.Contains(a.Header.Get("Content-Disposition"), fmt.Sprintf("attribution-%s-2026-01-03.csv", table)) {
			t.Errorf("%s: %v, %d rows as %s", table, err, len(list)-1, a.Header.Get("Content-Disposition"))
		}
		if table != "claims" {
			continue
		}
		for _, column := range []string{"reported_value", "claimed_value", "clicked_value", "credited_value", "over_value", "unmatched_value", "shared_value"} {
			sums := map[string]money.Micros{}
			for _, row := range list[1:] {
				for i, name := range list[0] {
					if name == column && row[i] != "" {
						v, err := money.Parse(row[i])
						if err != nil {
							t.Fatal(err)
						}
						sums[row[0]] += v
					}
				}
			}
			if sums["campaign"] != sums["ads"] || sums["platform"] != sums["ads"] || sums["ads"] == 0 || column == "credited_value" && sums["ads"]+sums["no_ad"] != sums["shop"] {
				t.Errorf("%s: %v", column, sums)
			}
		}
		if !strings.Contains(a.Text, "'=Shopping") {
			t.Error("a name is taken for a formula")
		}
	}
	if a := x.get("/attribution/csv/nothing", c); a.StatusCode != http.StatusNotFound {
		t.Error(a.StatusCode)
	}
	if a := x.get("/attribution/csv/claims"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("without a session: %d", a.StatusCode)
	}
}

func TestProposalLinksToItsClaim(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	if a := x.get("/proposals/"+proposalID(0), x.as(viewer)); !strings.Contains(a.Text, `href="/attribution?account=demo-shop&amp;campaign=google%3A1000#c-google:1000"`) {
		i := strings.Index(a.Text, "/attribution?")
		t.Errorf("no link to the claim: %s", a.Text[max(i, 0):min(len(a.Text), max(i, 0)+120)])
	}
}

func samplePaths(by string) attribution.PathReport {
	one := 1
	result := func(model string, order *int, google float64) attribution.PathResult {
		share := func(v float64) *attribution.Interval {
			return &attribution.Interval{Share: v, Low: v - 0.02, High: v + 0.02}
		}
		return attribution.PathResult{Result: attribution.Result{Model: model, Order: order, Channels: []attribution.Credit{
			{Channel: "email", Conversions: 10 - google, Value: 1000 - 100*google, ValueShare: share(1 - google/10)}, {Channel: "google:1000", Conversions: google, Value: 100 * google, ValueShare: share(google / 10)}}},
			Margins: []float64{300 - 30*google, 30 * google}}
	}
	return attribution.PathReport{By: by, Orders: "all", Totals: attribution.Totals{Journeys: 90, Conversions: 10, Value: 1000}, Margin: 300,
		Models: []attribution.PathResult{result("last_click", nil, 6), result("first_click", nil, 8), result("markov", &one, 5.9)}}
}

// fillAttribution stores what a night does of attribution.
func (x *site) fillAttribution() {
	x.putModel("reconcile", "", sampleReconciliation())
	for _, s := range sampleShares() {
		x.putModel("attribution", s.Campaign, s)
	}
	x.putModel("journeys", "", map[string]any{"from": testDay.AddDays(-90), "to": testDay.AddDays(-1)})
	x.putModel("journeys", "channel/all", samplePaths("channel"))
	x.putModel("journeys", "campaign/all", samplePaths("campaign"))
}

// The models stand side by side, by what was asked for, from the newest night that
// compared them.
func TestModelsSideBySide(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	x.fillAttribution()
	a := x.get("/attribution", c)
	hasAll(t, "the page", a.Text, "6 Oct – 3 Jan", "Last click", "First click", "Markov", `title="90 %: 58.0 to 62.0 %"><span class="fig"><span class="model-same">60 %</span><small class="interval">600.00</small>`,
		`<span class="model-more">80 %</span>`, `<span class="model-same">59 %</span>`, `<span class="model-less">20 %</span>`, `<span class="name">Search | Brand &lt;b&gt;</span><small>Google Ads</small>`,
		`href="/attribution?account=demo-shop&amp;by=campaign%2Fall&amp;measure=value#models"`)
	if a := x.get("/attribution?by=campaign%2Fall&measure=margin", c); !strings.Contains(a.Text, "180.00") || !strings.Contains(a.Text, `<th scope="col">Campaign</th><th scope="col" class="num">Last click</th>`) || strings.Contains(a.Text, "NaN") {
		t.Error("margins by campaign are not shown")
	}
	// Of what was asked for and is not there, or is nothing, the page says so.
	if a := x.get("/attribution?by=channel%2Ffirst&measure=x", c); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No night has stored a comparison of models yet") {
		t.Errorf("%d", a.StatusCode)
	}
	x.putModel("journeys", "channel/first", attribution.PathReport{By: "channel", Models: []attribution.PathResult{}})
	if a := x.get("/attribution?by=channel%2Ffirst&measure=orders", c); !strings.Contains(a.Text, "None of these orders had a click before it") {
		t.Error("of no journey there is no word")
	}
	list, err := csv.NewReader(strings.NewReader(x.get("/attribution/csv/models?by=campaign%2Fall", c).Text)).ReadAll()
	if err != nil || len(list) != 7 || strings.Join(list[2], ",") != "all,last_click,,google:1000,Search | Brand <b>,6,600,180,0.6,0.58,0.62" {
		t.Errorf("%v %v", err, list)
	}
}

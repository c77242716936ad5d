package web

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/platform"
)

// sampleAds are ads of each kind that the page tells apart, of a unit that has a
// proposal.
func sampleAds(key bidding.Key, name string) bidding.UnitAds {
	weeks := func(ctr func(i int) float64) (out []bidding.AdWeek) {
		for i := range 13 {
			out = append(out, bidding.AdWeek{From: testDay.AddDays(-91 + 7*i), Impressions: 100_000, Clicks: 100_000 * ctr(i)})
		}
		return out
	}
	steady := weeks(func(i int) float64 { return 0.0112 + 0.0006*math.Sin(float64(i)) })
	young := steady[10:]
	young[1].Impressions, young[1].Clicks = 0, 0
	return bidding.UnitAds{Key: key, Name: name, Currency: "EUR", Worn: 0.71, More: 3, Ads: []bidding.AdReport{
		{ID: "1", Name: "Film – Autumn <b>sale</b>", Spend: 812.4, Share: 0.71, CTR: 0.0117, CTRNow: 0.0055, Weeks: weeks(func(i int) float64 { return 0.012 * math.Exp2(-float64(max(i-6, 0))/5) }),
			Falls: []bidding.AdFall{{Figure: "ad_ctr", Since: testDay - 33, Then: 0.0117, Now: 0.0058, ChanceDays: 3650}, {Figure: "ad_conversion_rate", Since: testDay - 20, Then: 0.031, Now: 0.018, ChanceDays: 2000}}},
		{ID: "2", Name: "Carousel – Shoes", Spend: 240, Share: 0.21, CTR: 0.0112, CTRNow: 0.0109, Weeks: weeks(func(i int) float64 { return 0.0112 + 0.0006*math.Sin(float64(i)) })},
		{ID: "3", Name: "ad 120200000003", Spend: 92, Share: 0.08, CTR: 0, CTRNow: 0.014, Why: "Too new or too seldom clicked to be judged: shown on 9 days of the last 84.", Weeks: young},
	}}
}

// fillAds stores ads of the unit of a proposal, and a unit whose ads hold.
func (x *site) fillAds(proposal int) {
	x.t.Helper()
	p, err := x.store.Proposal(x.t.Context(), proposalID(proposal))
	must(x.t, err)
	key := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Ref: platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID}}
	x.putModel("ads", key.String(), sampleAds(key, p.EntityName))
	other := key
	other.ID = "999"
	fresh := sampleAds(other, "A fresh one")
	fresh.Worn, fresh.Ads, fresh.More = 0, fresh.Ads[1:2], 0
	x.putModel("ads", other.String(), fresh)
}

func TestAdsOfTheNightAndOfAChange(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(6)
	who := x.as(viewer)
	run := "/runs/" + shop + "/" + testDay.String()
	if a := x.get(run+"/ads", who); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No ad is known of this night") {
		t.Errorf("without ads: %d", a.StatusCode)
	}
	if strings.Contains(x.get(run, who).Text, run+"/ads") {
		t.Error("the run points to ads that there are not")
	}
	x.fillAds(1)
	wants := []string{"Film – Autumn &lt;b&gt;sale", "71 % ", "1.17 %", "0.55 %", "−53 %", "Worn out", "Holds", "Not judged", "Too new",
		"0.58 % of those who see it click instead of 1.17 %", "1.80 % of its clicks lead to a conversion instead of 3.10 %", "And 3 that spend less", "<polyline points="}
	for _, at := range []string{run + "/ads", "/proposals/" + proposalID(1)} {
		page := x.get(at, who).Text
		hasAll(t, at, page, wants...)
	}
	page := x.get(run+"/ads", who).Text
	hasAll(t, "the weeks of an ad", page, ">1,200</td>") // clicks are whole
	if worn, holds := strings.Index(page, "71 % on worn-out ads"), strings.Index(page, "A fresh one"); worn < 0 || holds < worn {
		t.Error("units with worn-out ads come first")
	}
	if strings.Contains(x.get("/proposals/"+proposalID(2), who).Text, "worn-out ones") {
		t.Error("a change shows another unit's ads")
	}
	if !strings.Contains(x.get(run, who).Text, run+"/ads") {
		t.Error("the run does not point to its ads")
	}
}

func TestSparkline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		weeks []bidding.AdWeek
		want  string
	}{
		"none":          {nil, ""},
		"one":           {[]bidding.AdWeek{{Impressions: 10, Clicks: 1}}, ""},
		"never clicked": {[]bidding.AdWeek{{Impressions: 10}, {Impressions: 10}}, ""},
		"half":          {[]bidding.AdWeek{{Impressions: 10, Clicks: 2}, {}, {Impressions: 10, Clicks: 1}}, "3,3 93,12"},
	} {
		if got := sparkline(c.weeks); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

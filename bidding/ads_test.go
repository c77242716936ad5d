package bidding_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// testAd is what an ad truly does: its share of the campaign's spend, its rates,
// and how they fall from a day on.
type testAd struct {
	id          string
	share       float64
	age         int     // days it has been shown; 0: 90
	ctr         float64 // from the day fell on times wear
	rate        float64 // of conversions, times wear too where sells is false
	fell        civil.Date
	wear, sells float64 // what is left of each; 0: all
}

// shows draws the days of the ads of a campaign that shows films, which spend
// all it spends; clicks cost half a euro.
func shows(in bidding.Input, campaign string, ads ...testAd) bidding.Input {
	src := rand.NewPCG(3, 4)
	a := &in.Accounts[0]
	for i := range a.Entities {
		if a.Entities[i].Type == platform.Campaign {
			a.Entities[i].Channel = "video"
		}
	}
	var days []response.Day
	for _, s := range a.Performance {
		if s.Entity.ID == campaign {
			days = s.Days
		}
	}
	for _, ad := range ads {
		s := bidding.AdSeries{ID: ad.id, Name: "Film " + ad.id, Campaign: campaign, AdSet: "g" + ad.id}
		for _, d := range days {
			if ad.age > 0 && today.Sub(d.Date) > ad.age {
				continue
			}
			ctr, rate := ad.ctr, ad.rate
			if !ad.fell.IsZero() && d.Date >= ad.fell {
				if ad.wear > 0 {
					ctr *= ad.wear
				}
				if ad.sells > 0 {
					rate *= ad.sells
				}
			}
			spend := d.Spend * ad.share
			shown := math.Round(2 * spend / ad.ctr)
			clicks := distuv.Poisson{Lambda: shown * ctr, Src: src}.Rand()
			s.Days = append(s.Days, response.Day{Date: d.Date, Spend: spend, Clicks: clicks, Impressions: shown,
				Conversions: distuv.Poisson{Lambda: clicks * rate, Src: src}.Rand()})
		}
		a.Ads = append(a.Ads, s)
	}
	return in
}

func reportOf(t *testing.T, out bidding.Output, unit, ad string) bidding.AdReport {
	t.Helper()
	for _, r := range adsOf(out, unit) {
		if r.ID == ad {
			return r
		}
	}
	t.Fatalf("nothing is said of the ad %s: %+v", ad, out.Ads)
	return bidding.AdReport{}
}

func adsOf(out bidding.Output, unit string) []bidding.AdReport {
	for _, u := range out.Ads {
		if u.ID == unit {
			return u.Ads
		}
	}
	return nil
}

func TestAdsThatAreNotWornOutStopNothing(t *testing.T) {
	t.Parallel()
	out := plan(t, shows(twoCampaigns(), "strong", testAd{id: "a", share: 0.6, ctr: 0.01, rate: 0.1}, testAd{id: "b", share: 0.4, ctr: 0.02, rate: 0.1}))
	if len(out.Alerts) > 0 || draftOf(out, "bstrong") == nil {
		t.Errorf("alerts %v, blocked %v", out.Alerts, out.Blocked)
	}
	r := reportOf(t, out, "bstrong", "a")
	if w := r.Weeks; len(w) != 13 || w[12].From != today-7 || w[0].From != today-91 || math.Abs(w[12].Clicks/w[12].Impressions-r.CTRNow) > 1e-12 || w[0].Clicks >= w[1].Clicks {
		t.Errorf("weeks %+v", w) // the oldest has six days
	}
	if math.Abs(r.Share-0.6) > 0.01 || math.Abs(r.CTR-0.01) > 0.001 || math.Abs(r.CTRNow-0.01) > 0.002 || r.Why != "" || len(r.Falls) > 0 {
		t.Errorf("%+v", r)
	}
}

func TestAWornOutAdOnWhichMostRestsStopsGrowth(t *testing.T) {
	t.Parallel()
	worn := testAd{id: "a", share: 0.7, ctr: 0.012, rate: 0.1, fell: today - 14, wear: 0.5}
	fine := testAd{id: "b", share: 0.3, ctr: 0.012, rate: 0.1}
	in := shows(twoCampaigns(), "strong", worn, fine)
	out := plan(t, in)
	if got := figuresOf(out); got != "bstrong worn_ads, bstrong ad_ctr" || heldBy(out, "bstrong") != "creative_fatigue" {
		t.Fatalf("alerts %q; held by %q", got, heldBy(out, "bstrong"))
	}
	f := reportOf(t, out, "bstrong", "a").Falls
	if len(f) != 1 || math.Abs(f[0].Then-0.012) > 0.001 || math.Abs(f[0].Now-0.006) > 0.001 || f[0].Since.Sub(worn.fell) > 3 || f[0].Since.Sub(worn.fell) < -3 || f[0].ChanceDays < 1000 {
		t.Errorf("%+v", f)
	}
	if r := adsOf(out, "bstrong"); len(r) != 2 || r[0].ID != "a" {
		t.Errorf("the worn-out one comes first: %+v", r)
	}
	all, one := out.Alerts[0], out.Alerts[1]
	if math.Abs(all.Change-0.7) > 0.01 || !strings.Contains(all.Detail, "“Film a” (70 %)") || all.Ad != "" {
		t.Errorf("%v: %s", all.Change, all.Detail)
	}
	if one.Ad != "Film a" || one.Change > -0.4 || one.Change < -0.6 || !strings.Contains(one.Detail, "instead of 1.1") {
		t.Errorf("%s, %v: %s", one.Ad, one.Change, one.Detail)
	}
	for _, b := range out.Blocked {
		if v := b.Verdicts[len(b.Verdicts)-1]; b.ID == "bstrong" && (v.Setting != "alerts.max_worn_spend" || !strings.Contains(v.Detail, "Film a")) {
			t.Errorf("%+v", v)
		}
	}
	// Where the policy lets more rest on worn-out ads, it grows, and says so.
	in.Policy.Alerts.MaxWornSpend = 0.75
	out = plan(t, in)
	if got := figuresOf(out); got != "bstrong ad_ctr" || draftOf(out, "bstrong") == nil {
		t.Errorf("alerts %q, blocked %v", got, out.Blocked)
	} else if d := draftOf(out, "bstrong"); !strings.Contains(strings.Join(d.Reasons, " "), "Film a") {
		t.Errorf("reasons %q", d.Reasons)
	}
	// Paused ads spend nothing any more, and are no matter.
	in.Policy.Alerts.MaxWornSpend = guard.Default().Alerts.MaxWornSpend
	late := in
	late.Accounts = slices.Clone(in.Accounts)
	late.Accounts[0].Ads = slices.Clone(in.Accounts[0].Ads)
	for i := range late.Accounts[0].Ads {
		s := &late.Accounts[0].Ads[i]
		s.Days = s.Days[:len(s.Days)-6]
	}
	if out = plan(t, late); heldBy(out, "bstrong") != "creative_fatigue" {
		t.Errorf("where ads are not told for six days, alerts %q, held by %q", figuresOf(out), heldBy(out, "bstrong"))
	}
	a := &in.Accounts[0].Ads[0]
	a.Days = a.Days[:len(a.Days)-7]
	if out = plan(t, in); len(out.Alerts) > 0 || draftOf(out, "bstrong") == nil {
		t.Errorf("after a week's pause: alerts %v, blocked %v", out.Alerts, out.Blocked)
	}
}

func TestOneOfManySmallAdsIsOnlyPointedOut(t *testing.T) {
	t.Parallel()
	ads := []testAd{{id: "old", share: 0.1, ctr: 0.012, rate: 0.1, fell: today - 20, wear: 0.4}}
	for i := range 9 {
		ads = append(ads, testAd{id: string(rune('a' + i)), share: 0.1, ctr: 0.012, rate: 0.1})
	}
	out := plan(t, shows(twoCampaigns(), "strong", ads...))
	if got := figuresOf(out); got != "bstrong ad_ctr" || draftOf(out, "bstrong") == nil {
		t.Errorf("alerts %q, held by %q", got, heldBy(out, "bstrong"))
	}
}

// A worn-out ad is shown ever oftener for its few clicks and pulls the rate of all
// down: that stops nothing as long as the ads tell it one by one.
func TestASmallAdThatPullsAllDownIsOnlyPointedOut(t *testing.T) {
	t.Parallel()
	build := func(share float64) bidding.Input {
		in := shows(twoCampaigns(), "strong", testAd{id: "old", share: 0.2 * share, ctr: 0.012, rate: 0.1, fell: today - 20, wear: 0.1},
			testAd{id: "a", share: 0.8 * share, ctr: 0.012, rate: 0.1})
		for i := range in.Accounts[0].Performance[0].Days {
			d := &in.Accounts[0].Performance[0].Days[i]
			d.Clicks = math.Round(2 * d.Spend)
			if d.Impressions = d.Clicks / 0.012; d.Date >= today-20 {
				d.Impressions *= 0.8 + 0.2/0.1
			}
		}
		return in
	}
	if out := plan(t, build(1)); figuresOf(out) != "bstrong ad_ctr" || draftOf(out, "bstrong") == nil {
		t.Errorf("alerts %q, held by %q", figuresOf(out), heldBy(out, "bstrong"))
	}
	// Where little is known of single ads, that of all together holds.
	if out := plan(t, build(0.5)); figuresOf(out) != "bstrong ctr, bstrong ad_ctr" || heldBy(out, "bstrong") != "creative_fatigue" {
		t.Errorf("half known: alerts %q, held by %q", figuresOf(out), heldBy(out, "bstrong"))
	}
	in := build(1)
	in.Policy.Alerts.MaxWornSpend = 1
	if out := plan(t, in); heldBy(out, "bstrong") != "creative_fatigue" {
		t.Errorf("the limit is off: alerts %q, held by %q", figuresOf(out), heldBy(out, "bstrong"))
	}
}

func TestClicksThatBuyNoMoreAreWearToo(t *testing.T) {
	t.Parallel()
	out := plan(t, shows(twoCampaigns(), "strong", testAd{id: "a", share: 0.9, ctr: 0.012, rate: 0.1, fell: today - 21, sells: 0.4}))
	if got := figuresOf(out); got != "bstrong worn_ads, bstrong ad_conversion_rate" {
		t.Fatalf("alerts %q", got)
	}
	if f := reportOf(t, out, "bstrong", "a").Falls[0]; math.Abs(f.Then-0.1) > 0.01 || math.Abs(f.Now-0.04) > 0.015 {
		t.Errorf("%+v", f)
	}
}

// An ad of five weeks is held against its own first weeks.
func TestAYoungAdIsJudgedByItsFirstWeeks(t *testing.T) {
	t.Parallel()
	young := testAd{id: "a", share: 0.9, age: 36, ctr: 0.012, rate: 0.1, fell: today - 12, wear: 0.5}
	if got := figuresOf(plan(t, shows(twoCampaigns(), "strong", young))); got != "bstrong worn_ads, bstrong ad_ctr" {
		t.Errorf("alerts %q", got)
	}
	for _, young.age = range []int{30, 50, 58, 75} {
		if got := figuresOf(plan(t, shows(twoCampaigns(), "strong", young))); got != "bstrong worn_ads, bstrong ad_ctr" {
			t.Errorf("of %d days: alerts %q", young.age, got)
		}
	}
	// One that has been worn out for five weeks still is.
	old := testAd{id: "a", share: 0.9, ctr: 0.012, rate: 0.1, fell: today - 37, wear: 0.5}
	if got := figuresOf(plan(t, shows(twoCampaigns(), "strong", old))); got != "bstrong worn_ads, bstrong ad_ctr" {
		t.Errorf("five weeks worn: alerts %q", got)
	}
	young.age = 20
	out := plan(t, shows(twoCampaigns(), "strong", young))
	if r := reportOf(t, out, "bstrong", "a"); len(out.Alerts) > 0 || !strings.Contains(r.Why, "Too new") {
		t.Errorf("of 20 days: alerts %v, %+v", out.Alerts, r)
	}
}

func TestAdsWhoseFiguresCannotBeAreLeftAlone(t *testing.T) {
	t.Parallel()
	worn := testAd{id: "a", share: 0.7, ctr: 0.012, rate: 0.1, fell: today - 14, wear: 0.5}
	for name, spoil := range map[string]func(d *response.Day){
		"clicks without impressions": func(d *response.Day) { d.Impressions = 0 },
		"clicks above impressions":   func(d *response.Day) { d.Clicks = d.Impressions + 6 },
		"negative":                   func(d *response.Day) { d.Impressions = -1 },
		"no number":                  func(d *response.Day) { d.Clicks = math.NaN() },
		"without end":                func(d *response.Day) { d.Spend = math.Inf(1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := shows(twoCampaigns(), "strong", worn, testAd{id: "b", share: 0.3, ctr: 0.012, rate: 0.1})
			spoil(&in.Accounts[0].Ads[0].Days[85])
			out := plan(t, in)
			r := reportOf(t, out, "bstrong", "a")
			if len(out.Alerts) > 0 || draftOf(out, "bstrong") == nil || !strings.Contains(r.Why, "left alone") || math.IsInf(r.Spend, 0) || !(r.Share >= 0 && r.Share <= 1) {
				t.Errorf("alerts %v, blocked %v, %+v", out.Alerts, out.Blocked, r)
			}
		})
	}
	// Days without anything are no fault, nor are clicks after midnight, and an ad that was never shown is not spoken of.
	in := shows(twoCampaigns(), "strong", worn)
	for i := 40; i < 45; i++ {
		in.Accounts[0].Ads[0].Days[i] = response.Day{Date: in.Accounts[0].Ads[0].Days[i].Date}
	}
	in.Accounts[0].Ads[0].Days[41].Clicks = 3
	in.Accounts[0].Ads = append(in.Accounts[0].Ads, bidding.AdSeries{ID: "never", Campaign: "strong"})
	out := plan(t, in)
	if got := figuresOf(out); got != "bstrong worn_ads, bstrong ad_ctr" || len(adsOf(out, "bstrong")) != 1 {
		t.Errorf("alerts %q", got)
	}
}

// Ads of what nobody watches are no matter: searchers ask for the ad.
func TestAdsOfSearchersAreNotWatched(t *testing.T) {
	t.Parallel()
	in := shows(twoCampaigns(), "strong", testAd{id: "a", share: 1, ctr: 0.012, rate: 0.1, fell: today - 14, wear: 0.5})
	for i := range in.Accounts[0].Entities {
		if in.Accounts[0].Entities[i].Channel != "" {
			in.Accounts[0].Entities[i].Channel = "search"
		}
	}
	if out := plan(t, in); len(out.Alerts) > 0 || len(adsOf(out, "bstrong")) > 0 {
		t.Errorf("%v", out.Alerts)
	}
}

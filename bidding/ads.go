package bidding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"adsteward/bidding/response"
	"adsteward/bidding/watch"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// AdSeries is the daily performance of one ad, ascending; days on which it was
// not shown may be missing. Campaign and AdSet are the ids of where it belongs;
// an AdSet of Google is an ad group.
type AdSeries struct {
	ID, Name        string
	Campaign, AdSet string
	Days            []response.Day
}

// UnitAds are the ads that spend most of a unit's money, worn-out ones first.
type UnitAds struct {
	Key
	Name     string     `json:"name"`
	Currency string     `json:"currency"`
	Worn     float64    `json:"worn"` // share of the unit's newest spend on worn-out ads
	Ads      []AdReport `json:"ads"`
	More     int        `json:"more,omitempty"` // that are left out
}

// AdReport is what is made of one ad that spends money of a unit.
type AdReport struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Spend float64 `json:"spend"` // of the newest seven days
	Share float64 `json:"share"` // that of what the unit spent in them
	// CTR is clicks per impression before the newest seven days, CTRNow in them;
	// 0 where it was not shown.
	CTR    float64  `json:"ctr"`
	CTRNow float64  `json:"ctr_now"`
	Falls  []AdFall `json:"falls,omitempty"` // empty: it is not worn out
	Why    string   `json:"why,omitempty"`   // it is not judged; empty: it is
	Weeks  []AdWeek `json:"weeks,omitempty"` // the newest last, from the first in which it was shown
}

// AdWeek is what seven days of an ad came to.
type AdWeek struct {
	From        civil.Date `json:"from"`
	Impressions float64    `json:"impressions"`
	Clicks      float64    `json:"clicks"`
}

// AdFall is a rate of an ad that has fallen further than chance explains.
type AdFall struct {
	Figure     string     `json:"figure"` // ad_ctr or ad_conversion_rate
	Since      civil.Date `json:"since"`  // the most likely first day
	Then       float64    `json:"then"`   // the rate before
	Now        float64    `json:"now"`    // and since
	ChanceDays float64    `json:"chance_days"`
}

// The figures that are watched of an ad, and that of all worn-out ads of a unit.
const (
	adCTR            = "ad_ctr"
	adConversionRate = "ad_conversion_rate"
	wornAds          = "worn_ads"
)

const (
	// adDays are the newest days whose spend says how much rests on an ad.
	adDays = 7
	// An ad is watched with a window of half its age, so that the first half of its
	// days says what is usual of it: from leastAdWindow, of which it takes two to be
	// judged, to mostAdWindow, since a worn-out ad does not become fresh by being
	// shown for longer.
	leastAdWindow = 14
	mostAdWindow  = 42
	// mostJudged is the share of a unit's spend on ads that are judged from which
	// these tell of its click-through rate.
	mostJudged = 0.8
	// strayClicks is how many clicks a day may have beyond its impressions: some
	// click after midnight, or twice.
	strayClicks = 5
	// mostAdAlerts and mostAdReports bound what is said of one unit's ads.
	mostAdAlerts  = 5
	mostAdReports = 20
)

// adWatch gathers the series of all ads, so that they are tested together.
type adWatch struct {
	*watcher
	policy  float64                 // share of the spend on worn-out ads from which a unit is held
	newest  map[*Account]civil.Date // first of the newest days, as far as ads are told
	reports map[*unit][]*AdReport
	series  []watch.Series
	tested  []adTest
}

// adTest is what one series is about.
type adTest struct {
	report *AdReport
	ad     *AdSeries
	figure string
	today  civil.Date
}

// watchAds tells which ads are worn out and how much of each unit's spend rests
// on them. However many ads a unit has, together they raise a false alarm as
// seldom as a figure of the unit itself does.
func (p *planner) watchAds(x *watcher) {
	w := adWatch{watcher: x, policy: p.in.Policy.Alerts.MaxWornSpend, newest: map[*Account]civil.Date{}, reports: map[*unit][]*AdReport{}}
	type place struct {
		account *Account
		ref     platform.Ref
	}
	of := map[place]*unit{}
	for _, u := range p.units {
		if u.Curve.Unit == "" || !u.hasCreatives() { // another currency; nothing that wears out
			continue
		}
		for _, m := range u.members {
			of[place{u.account, m.Ref}] = u
		}
	}
	for i := range p.in.Accounts {
		a := &p.in.Accounts[i]
		w.newest[a] = newestDays(a)
		for j := range a.Ads {
			ad := &a.Ads[j]
			u := of[place{a, platform.Ref{Type: platform.AdSet, ID: ad.AdSet}}]
			if u == nil {
				u = of[place{a, platform.Ref{Type: platform.Campaign, ID: ad.Campaign}}]
			}
			if u != nil {
				w.take(u, ad)
			}
		}
	}
	w.test()
	for _, u := range p.units { // in their order
		if reports := w.reports[u]; len(reports) > 0 {
			p.ads = append(p.ads, w.tell(u, reports))
		}
	}
}

// newestDays is the first of the newest days of which an account's ads are told.
// Where they could not be asked for lately, what was known of them still holds.
func newestDays(a *Account) civil.Date {
	var last civil.Date
	for i := range a.Ads {
		for _, d := range a.Ads[i].Days {
			if d.Date < a.Today {
				last = max(last, d.Date)
			}
		}
	}
	return last.AddDays(1 - adDays)
}

// take prepares the tests of an ad that still spends money.
func (w *adWatch) take(u *unit, ad *AdSeries) {
	today, from := u.account.Today, w.newest[u.account]
	r := &AdReport{ID: ad.ID, Name: cmp.Or(ad.Name, "ad "+ad.ID)}
	for _, d := range ad.Days {
		if d.Date >= from && d.Date < today {
			r.Spend += d.Spend
		}
	}
	if r.Why = unreadable(ad.Days); r.Why == "" && !(r.Spend > 0) {
		return
	}
	w.reports[u] = append(w.reports[u], r)
	if r.Why != "" {
		if !(r.Spend >= 0) || math.IsInf(r.Spend, 0) {
			r.Spend = 0
		}
		return
	}
	r.CTR, r.CTRNow = rates(ad.Days, from, today, clickRate)
	r.Weeks = weeks(ad.Days, from, today)
	ctr := watch.Series{Pool: string(u.Platform) + "/" + adCTR, Grain: 1, Family: u.Key.String() + "/" + adCTR, Window: adWindow(ad, today), Slides: true}
	conversions := ctr
	conversions.Slides = false // whether a click leads to a sale changes with demand
	conversions.Pool, conversions.Family = string(u.Platform)+"/"+adConversionRate, u.Key.String()+"/"+adConversionRate
	lag, mean := u.account.lag(), meanClicks(ad.Days)
	for _, d := range ad.Days {
		if d.Date >= today {
			continue
		}
		ctr.Days = append(ctr.Days, watch.Day{Date: d.Date, Count: d.Clicks, Exposure: d.Impressions})
		arrived := lag.At(today.Sub(d.Date))
		if arrived < leastArrived || w.out[string(u.Platform)][d.Date] || w.out[u.Key.String()][d.Date] {
			continue
		}
		// Where the platform shows an ad to more people, what the next click
		// brings falls as it does for the unit; that is no wear. Where it shows it
		// to fewer, nothing is gained.
		clicks := d.Clicks
		if clicks > mean {
			clicks = mean * math.Pow(clicks/mean, u.follows())
		}
		conversions.Days = append(conversions.Days, watch.Day{Date: d.Date, Count: d.Conversions, Exposure: clicks * arrived})
	}
	if !ctr.Tells(today) {
		r.Why = fmt.Sprintf("Too new or too seldom clicked to be judged: shown on %d days of the last %d.", shown(ad.Days), 2*mostAdWindow)
		return
	}
	for _, s := range []struct {
		figure string
		series watch.Series
	}{{adCTR, ctr}, {adConversionRate, conversions}} {
		w.series, w.tested = append(w.series, s.series), append(w.tested, adTest{r, ad, s.figure, today})
	}
}

// adWindow is half an ad's age in days, within bounds.
func adWindow(ad *AdSeries, today civil.Date) int {
	for _, d := range ad.Days {
		if d.Impressions > 0 {
			return min(max(today.Sub(d.Date)/2, leastAdWindow), mostAdWindow)
		}
	}
	return leastAdWindow
}

// unreadable says why an ad's figures cannot be believed; empty where they can.
func unreadable(days []response.Day) string {
	for _, d := range days {
		for _, v := range []float64{d.Spend, d.Clicks, d.Impressions, d.Conversions} {
			if !(v >= 0) || math.IsInf(v, 0) {
				return fmt.Sprintf("The platform's figures of %s are below zero or no numbers: it is left alone.", d.Date)
			}
		}
		if d.Clicks > d.Impressions+strayClicks {
			return fmt.Sprintf("On %s the platform reports %.0f clicks on %.0f impressions, which cannot be: it is left alone.", d.Date, d.Clicks, d.Impressions)
		}
	}
	return ""
}

func shown(days []response.Day) (n int) {
	for _, d := range days {
		if d.Impressions > 0 {
			n++
		}
	}
	return n
}

// meanClicks is that of the days with any.
func meanClicks(days []response.Day) float64 {
	var sum, n float64
	for _, d := range days {
		if d.Clicks > 0 {
			sum, n = sum+d.Clicks, n+1
		}
	}
	return sum / max(n, 1)
}

func clickRate(d response.Day) (count, of float64)      { return d.Clicks, d.Impressions }
func conversionRate(d response.Day) (count, of float64) { return d.Conversions, d.Clicks }

// rates are a rate before a date and from it on; 0 over nothing.
func rates(days []response.Day, since, today civil.Date, rate func(response.Day) (count, of float64)) (before, after float64) {
	var count, of [2]float64
	for _, d := range days {
		if d.Date >= today {
			continue
		}
		k := 0
		if d.Date >= since {
			k = 1
		}
		c, o := rate(d)
		count[k], of[k] = count[k]+c, of[k]+o
	}
	for k := range of {
		if of[k] > 0 {
			count[k] /= of[k]
		} else {
			count[k] = 0
		}
	}
	return count[0], count[1]
}

// weeks adds up the days to weeks of which the newest begins on a date.
func weeks(days []response.Day, newest, today civil.Date) []AdWeek {
	var out []AdWeek
	for _, d := range days {
		if d.Impressions <= 0 || d.Date >= today {
			continue
		}
		// Days before newest count back from it: -1 to -7 are the week before.
		from := newest.AddDays(-7 * ((newest.Sub(d.Date) + 6) / 7))
		if d.Date >= newest {
			from = newest
		}
		if len(out) == 0 {
			out = append(out, AdWeek{From: from})
		}
		for out[len(out)-1].From < from { // a week in which it was not shown
			out = append(out, AdWeek{From: out[len(out)-1].From.AddDays(7)})
		}
		w := &out[len(out)-1]
		w.Impressions, w.Clicks = w.Impressions+d.Impressions, w.Clicks+d.Clicks
	}
	return out
}

func (w *adWatch) test() {
	if len(w.series) == 0 {
		return
	}
	today := w.tested[0].today
	for _, t := range w.tested {
		today = max(today, t.today)
	}
	for i, fall := range watch.Find(w.rule, today, w.series) {
		if fall == nil {
			continue
		}
		t := w.tested[i]
		f := AdFall{Figure: t.figure, Since: fall.Since, ChanceDays: fall.ChanceDays}
		if t.figure == adCTR {
			f.Then, f.Now = rates(t.ad.Days, f.Since, t.today, clickRate)
		} else { // what is still to come is in what was to be expected
			f.Then, _ = rates(t.ad.Days, f.Since, t.today, conversionRate)
			f.Now = f.Then * fall.Ratio
		}
		t.report.Falls = append(t.report.Falls, f)
	}
}

// tell sums up the ads of a unit, weighs how much of its spend rests on worn-out
// ones, and raises their alerts.
func (w *adWatch) tell(u *unit, reports []*AdReport) UnitAds {
	out := UnitAds{Key: u.Key, Name: u.Name, Currency: u.Currency, More: max(0, len(reports)-mostAdReports)}
	spent, all := 0.0, 0.0
	from := w.newest[u.account]
	for _, d := range u.days {
		if d.Date >= from && d.Date < min(from.AddDays(adDays), u.account.Today) {
			spent += d.Spend
		}
	}
	for _, r := range reports {
		all += r.Spend
	}
	spent = max(spent, all) // what has no ads of its own counts too
	slices.SortStableFunc(reports, func(a, b *AdReport) int {
		return cmp.Or(cmp.Compare(min(len(b.Falls), 1), min(len(a.Falls), 1)), cmp.Compare(b.Spend, a.Spend))
	})
	var worn []*AdReport
	judged := 0.0
	for _, r := range reports {
		if spent > 0 {
			r.Share = r.Spend / spent
		}
		if r.Why == "" {
			judged += r.Share
		}
		if len(r.Falls) > 0 {
			worn = append(worn, r)
			u.worn = min(u.worn+r.Share, 1)
		}
		if len(out.Ads) < mostAdReports {
			out.Ads = append(out.Ads, *r)
		}
	}
	if out.Worn = u.worn; len(worn) > 0 {
		w.alert(u, worn, judged)
	}
	return out
}

// alert says which ads of a unit are worn out, the largest first, of whose spend
// so much is on ads that are judged.
func (w *adWatch) alert(u *unit, worn []*AdReport, judged float64) {
	// That people click less on all ads together is then told ad by ad: a small
	// one that is shown ever oftener pulls it down as well.
	if judged >= mostJudged && w.policy < 1 {
		u.alerts = slices.DeleteFunc(u.alerts, func(a Alert) bool { return a.Figure == "ctr" })
	}
	u.wornWords = fmt.Sprintf("Of its spend of the last %d days, %.0f %% went to worn-out ads: %s.", adDays, 100*u.worn, named(worn))
	if u.worn > w.policy {
		first := worn[0].Falls[0]
		for _, r := range worn {
			for _, f := range r.Falls {
				first.Since, first.ChanceDays = min(first.Since, f.Since), min(first.ChanceDays, f.ChanceDays)
			}
		}
		u.alert(Alert{Guardrail: "creative_fatigue", Figure: wornAds, Since: first.Since, Change: u.worn, ChanceDays: first.ChanceDays, Detail: u.wornWords})
	}
	for _, r := range worn[:min(len(worn), mostAdAlerts)] {
		for _, f := range r.Falls {
			u.alert(Alert{Guardrail: "creative_fatigue", Figure: f.Figure, Ad: r.Name, Since: f.Since, Change: f.Now/f.Then - 1, ChanceDays: f.ChanceDays, Detail: f.words(r)})
		}
	}
}

// named lists ads for people, the largest first.
func named(ads []*AdReport) string {
	var names []string
	for _, r := range ads[:min(len(ads), 3)] {
		names = append(names, fmt.Sprintf("“%s” (%.0f %%)", r.Name, 100*r.Share))
	}
	if more := len(ads) - len(names); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), more)
	}
	return strings.Join(names, ", ")
}

func (f AdFall) words(r *AdReport) string {
	what := "of those who see it, %s have clicked instead of %s"
	if f.Figure == adConversionRate {
		what = "of its clicks, about %s have led to a conversion instead of %s"
	}
	return fmt.Sprintf("The ad “%s”, on which %.0f %% of the spend of the last %d days went, is worn out: since about %s, "+what+" (%s).",
		r.Name, 100*r.Share, adDays, f.Since, percent(f.Now), percent(f.Then), chance(f.ChanceDays))
}

// percent writes a share, a small one with two decimals.
func percent(share float64) string {
	digits := 1
	if share < 0.02 {
		digits = 2
	}
	return fmt.Sprintf("%.*f %%", digits, 100*share)
}

package bidding

import (
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/bidding/watch"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// Alert is something wrong with one unit of control that its guardrail looks at.
type Alert struct {
	Key
	Name      string `json:"name"`
	Guardrail string `json:"guardrail"` // alert, creative_fatigue, bid_pressure, spend_anomaly, stock or item_spend
	// Figure is conversion_rate, cac, roas, ctr, cpc, spend, stock, unfit_items,
	// losing_items, worn_ads, or of the one ad that Ad names ad_ctr or
	// ad_conversion_rate: these two are only pointed out, and stop nothing.
	Figure string     `json:"figure"`
	Ad     string     `json:"ad,omitempty"`
	Since  civil.Date `json:"since,omitzero"` // the most likely first day; zero: not known
	// Change is how the figure stands against what is usual, as a share: -0.3 is
	// 30 % less. For stock it is the share of sales that cannot be sold, for items
	// and worn-out ads the share of the spend on them.
	Change float64 `json:"change"`
	// ChanceDays: chance alone raises such an alert once in so many days at most;
	// 0 where chance has no part in it.
	ChanceDays float64 `json:"chance_days"`
	Detail     string  `json:"detail"` // in words
}

// watch finds what is wrong with each unit before anything is decided.
func (p *planner) watch(outages []response.Outage) {
	x := watcher{index: newIndex(p.in), rule: watch.Rule{DaysPerFalseAlarm: p.in.Policy.Alerts.DaysPerFalseAlarm, Fall: p.in.Policy.Alerts.Fall}, out: map[string]map[civil.Date]bool{}}
	for _, o := range outages {
		k := o.Platform
		if o.Unit != "" {
			k = o.Unit
		}
		if x.out[k] == nil {
			x.out[k] = map[civil.Date]bool{}
		}
		x.out[k][o.Date] = true
	}
	for _, u := range p.units {
		if u.Curve.Unit == "" { // another currency: left alone
			continue
		}
		x.spend(u, p.in)
		x.stock(u, p.in)
		x.items(u, p.in)
		for _, f := range figures {
			x.add(u, f)
		}
	}
	x.test()
	p.watchAds(&x)
}

// figure is one thing watched.
type figure struct {
	name      string
	guardrail string
	of        func(u *unit, d response.Day, due float64) (count, exposure float64)
	matures   bool                           // what is counted arrives late
	grain     func(all response.Day) float64 // how much of what is counted comes at once; nil: 1, events
	slides    bool                           // it wears out slowly, and demand has little part in it
	about     func(u *unit) bool
}

// figures are watched with one test. A conversion rate, a cost per conversion or
// a return becomes worse when what clicks and spend bring falls short of what
// they should bring along the unit's curve, since a higher budget has lower
// returns. due is what the days' age and conditions leave to expect.
var figures = []figure{
	{name: "conversion_rate", guardrail: "alert", matures: true, of: func(u *unit, d response.Day, due float64) (float64, float64) {
		return d.Conversions, math.Pow(d.Clicks, u.follows()) * due
	}},
	{name: "cac", guardrail: "alert", matures: true, of: func(u *unit, d response.Day, due float64) (float64, float64) {
		return d.Conversions, math.Pow(d.Spend, u.follows()) * due
	}},
	{name: "roas", guardrail: "alert", matures: true, grain: perConversion, of: func(u *unit, d response.Day, due float64) (float64, float64) {
		return d.Value, math.Pow(d.Spend, u.follows()) * due
	}},
	// Where the budget decides the spend, less of it says that something else does now.
	// The rules for single days come first (see spend).
	{name: "spend", guardrail: "alert", about: (*unit).spendsItsBudget, grain: func(all response.Day) float64 { return all.Spend / all.Clicks }, of: func(_ *unit, d response.Day, _ float64) (float64, float64) {
		return d.Spend, d.Budget
	}},
	{name: "ctr", guardrail: "creative_fatigue", slides: true, about: (*unit).hasCreatives, of: func(_ *unit, d response.Day, _ float64) (float64, float64) {
		return d.Clicks, d.Impressions
	}},
	// Where people see pictures or films, a click grows dearer when they tire of them
	// too; what an impression costs is the auction's doing.
	{name: "cpc", guardrail: "bid_pressure", about: func(u *unit) bool { return !u.hasCreatives() }, of: func(_ *unit, d response.Day, _ float64) (float64, float64) {
		return d.Clicks, d.Spend
	}},
	{name: "cpm", guardrail: "bid_pressure", about: (*unit).hasCreatives, of: func(_ *unit, d response.Day, _ float64) (float64, float64) {
		return d.Impressions, d.Spend
	}},
}

func perConversion(all response.Day) float64 { return all.Value / all.Conversions }

// follows is how what is bought follows spend: by the curve where the budget
// decides the spend, in proportion where demand does.
func (u *unit) follows() float64 {
	if u.bound {
		e, _, _ := u.Curve.ElasticityAt(u.Spend)
		return e
	}
	return 1
}

// spendsItsBudget reports whether the budget alone decides what it spends (a target or
// a bid that is changed would look like a fall), and no day of it is odd already.
func (u *unit) spendsItsBudget() bool {
	return u.bound && !slices.ContainsFunc(u.alerts, func(a Alert) bool { return a.Figure == "spend" }) &&
		!slices.ContainsFunc(u.members, func(m platform.Entity) bool {
			return m.Strategy.ID != "" || m.Fields[platform.TargetROAS] > 0 || m.Fields[platform.ROASFloor] > 0 || m.Fields[platform.BidAmount] > 0
		})
}

// hasCreatives reports whether people see pictures or films that wear out;
// whoever searches has asked for the ad.
func (u *unit) hasCreatives() bool {
	return u.Platform == platform.Meta || slices.Contains([]string{"demand_gen", "display", "video"}, u.kind())
}

// watcher gathers the series of all units, so that they are tested together.
type watcher struct {
	index   index
	rule    watch.Rule
	out     map[string]map[civil.Date]bool // days of outages, by platform or unit
	series  []watch.Series
	units   []*unit
	figures []figure
}

// leastArrived is the share of a day's conversions that must have arrived before
// the day is judged: of younger days the correction says more than the day.
const leastArrived = 0.5

func (x *watcher) add(u *unit, f figure) {
	if f.about != nil && !f.about(u) {
		return
	}
	s := watch.Series{Pool: string(u.Platform) + "/" + f.name, Grain: 1, Slides: f.slides}
	lag := u.account.lag()
	var all response.Day
	for _, d := range u.days {
		age := u.account.Today.Sub(d.Date)
		arrived := lag.At(age)
		if age < 1 || f.matures && (arrived < leastArrived || x.out[string(u.Platform)][d.Date] || x.out[u.Key.String()][d.Date]) {
			continue
		}
		count, exposure := f.of(u, d, arrived*u.Curve.Effect.Factor(d.Conditions))
		s.Days = append(s.Days, watch.Day{Date: d.Date, Count: count, Exposure: exposure})
		all.Value, all.Conversions = all.Value+d.Value, all.Conversions+d.Conversions
		all.Spend, all.Clicks = all.Spend+d.Spend, all.Clicks+d.Clicks
	}
	if f.grain != nil {
		s.Grain = f.grain(all) // the test leaves alone what is no number
	}
	x.series, x.units, x.figures = append(x.series, s), append(x.units, u), append(x.figures, f)
}

func (x *watcher) test() {
	if len(x.series) == 0 {
		return
	}
	today := x.units[0].account.Today
	for _, u := range x.units {
		today = max(today, u.account.Today)
	}
	for i, fall := range watch.Find(x.rule, today, x.series) {
		if u, f := x.units[i], x.figures[i]; fall != nil {
			if seen, less := u.seen(fall.Since); f.guardrail != "bid_pressure" || less {
				u.alert(Alert{Guardrail: f.guardrail, Figure: f.name, Since: fall.Since, Change: f.change(*fall), ChanceDays: fall.ChanceDays, Detail: f.words(*fall, seen)})
			}
		}
	}
}

// change is how the figure stands against what is usual.
func (f figure) change(fall watch.Fall) float64 {
	if f.name != "cac" && f.guardrail != "bid_pressure" {
		return fall.Ratio - 1
	}
	const most = 99 // a hundredfold price says all there is to say
	return min(1/max(fall.Ratio, 1e-9)-1, most)
}

// words says what a fall is; seen is how its ads were seen meanwhile.
func (f figure) words(fall watch.Fall, seen string) string {
	since := "Since about " + fall.Since.String()
	sure := chance(fall.ChanceDays)
	percent := math.Abs(100 * f.change(fall))
	switch f.name {
	case "conversion_rate":
		return fmt.Sprintf("%s its clicks have led to %.0f %% fewer conversions than so many usually do: %.0f where %.0f were to be expected by now (%s).", since, percent, fall.Counted, fall.Expected, sure)
	case "cac":
		return fmt.Sprintf("%s a conversion has cost %.0f %% more than usual at such a spend: %.0f came where %.0f were to be expected by now (%s).", since, percent, fall.Counted, fall.Expected, sure)
	case "roas":
		return fmt.Sprintf("%s its spend has brought %.0f %% less value than usual at such a spend: %.0f where %.0f was to be expected by now (%s).", since, percent, fall.Counted, fall.Expected, sure)
	case "spend":
		return fmt.Sprintf("%s it has spent %.0f %% less of its budget than usual (%s).", since, percent, sure)
	case "ctr":
		return fmt.Sprintf("%s people who see its ads have clicked %.0f %% less often than usual (%s).", since, percent, sure)
	}
	bought := "a click has"
	if f.name == "cpm" {
		bought = "a thousand impressions have"
	}
	return fmt.Sprintf("%s %s cost %.0f %% more than usual while %s (%s).", since, bought, percent, seen, sure)
}

// leastShareDays is how many days' impression share are compared at least.
const leastShareDays = 3

// seen says whether its ads are seen less since a day than before, and how much:
// of the impressions they could have had, where the platform says what these are,
// so that a season that brings more people does not hide it; else on a day.
func (u *unit) seen(since civil.Date) (words string, less bool) {
	now, days := u.impressionShare(since, u.account.Today)
	before, daysBefore := u.impressionShare(0, since)
	if days >= leastShareDays && daysBefore >= leastShareDays {
		return fmt.Sprintf("its ads had %.0f %% of the impressions they could have had, after %.0f %% before", 100*now, 100*before), now < before
	}
	return "its ads were seen less", u.impressions(since, u.account.Today) < u.impressions(0, since)
}

// impressionShare is the share of from <= date < to, and of how many days it is
// known.
func (u *unit) impressionShare(from, to civil.Date) (share float64, days int) {
	var had, could float64
	for _, d := range u.days {
		if from <= d.Date && d.Date < to && d.Eligible > 0 {
			had, could, days = had+d.Impressions, could+d.Eligible, days+1
		}
	}
	return min(had/max(could, 1), 1), days
}

func chance(days float64) string {
	if days >= 365 {
		return fmt.Sprintf("chance alone does this less than once in %.1f years", days/365)
	}
	return fmt.Sprintf("chance alone does this less than once in %.0f days", days)
}

// impressions is the mean a day of from <= date < to.
func (u *unit) impressions(from, to civil.Date) float64 {
	var sum, n float64
	for _, d := range u.days {
		if from <= d.Date && d.Date < to {
			sum, n = sum+d.Impressions, n+1
		}
	}
	return sum / max(n, 1)
}

func (u *unit) alert(a Alert) {
	a.Key, a.Name = u.Key, u.Name
	u.alerts = append(u.alerts, a)
}

// warn tells the guardrails what is wrong; where several figures are, the one
// that chance explains least.
func (u *unit) warn(f *guard.Facts) {
	if u.worn > f.WornSpend {
		f.WornSpend, f.WornAds = u.worn, u.wornWords
	}
	sure := map[string]float64{}
	for _, a := range u.alerts {
		if a.Ad != "" || a.Figure == wornAds { // told by WornSpend
			continue
		}
		if a.ChanceDays < sure[a.Guardrail] {
			continue
		}
		sure[a.Guardrail] = a.ChanceDays
		switch a.Guardrail {
		case "alert":
			f.Alert = a.Detail
		case "creative_fatigue":
			f.Fatigue = a.Detail
		case "bid_pressure":
			f.BidPressure = a.Detail
		case "spend_anomaly":
			f.SpendAnomaly = a.Detail
		case "stock":
			f.Unsellable = max(f.Unsellable, a.Change)
		case "item_spend":
			if a.Figure == "unfit_items" {
				f.UnfitSpend = max(f.UnfitSpend, a.Change)
			} else {
				f.LosingSpend = max(f.LosingSpend, a.Change)
			}
		}
	}
	if o := u.overlap; o != nil && o.share > f.Overlap {
		f.Overlap, f.OverlapWith = o.share, o.with
	}
}

// Sold is what the shop's orders of one campaign held, in units of the currency.
type Sold struct {
	Goods      float64 `json:"goods"`                 // of products that the feed knows
	Unsellable float64 `json:"unsellable"`            // of these, what is now out of stock or has errors in the feed
	MarkedDown float64 `json:"marked_down,omitempty"` // by how much less they now sell than their regular price
}

// Conditions are the shares that the curves look at.
func (s Sold) Conditions() response.Conditions {
	if s.Goods <= 0 {
		return response.Conditions{}
	}
	share := func(part float64) float64 { return min(max(part/s.Goods, 0), 1) }
	return response.Conditions{OutOfStock: share(s.Unsellable), Markdown: share(s.MarkedDown)}
}

// stock weighs how much of what the unit's campaigns sold cannot be sold now.
func (x *watcher) stock(u *unit, in *Input) {
	sold := map[string]Sold{} // ad sets share their campaign's
	for _, m := range u.members {
		c := campaign(u.Platform, m)
		sold[c] = in.Sold[c]
	}
	var goods, bad float64
	for _, s := range sold {
		goods, bad = goods+s.Goods, bad+s.Unsellable
	}
	if share := bad / goods; share > in.Policy.Stock.MaxUnsellable && share <= 1 {
		u.alert(Alert{Guardrail: "stock", Figure: "stock", Change: share,
			Detail: fmt.Sprintf("Of what it sold lately, %.0f %% is out of stock or has errors in the feed.", 100*share)})
	}
}

// ItemMoney is where what one campaign spent on single items of the feeds went, in
// units of the currency; see feeds.CampaignItems.
type ItemMoney struct{ Spend, Unfit, Losing float64 }

// items weighs how much of what the unit's campaigns spent on items went to those
// that should not be advertised, where that is enough money to speak of.
func (x *watcher) items(u *unit, in *Input) {
	seen := map[string]bool{} // ad sets share their campaign's
	var sum ItemMoney
	for _, m := range u.members {
		if c := campaign(u.Platform, m); !seen[c] {
			seen[c] = true
			i := in.Items[c]
			sum = ItemMoney{sum.Spend + i.Spend, sum.Unfit + i.Unfit, sum.Losing + i.Losing}
		}
	}
	if sum.Spend <= 0 || sum.Spend < in.Policy.Minimum.Spend {
		return
	}
	limits := in.Policy.Stock
	if share := sum.Unfit / sum.Spend; limits.MaxUnfitSpend < 1 && share > limits.MaxUnfitSpend {
		u.alert(Alert{Guardrail: "item_spend", Figure: "unfit_items", Change: share,
			Detail: fmt.Sprintf("Of its spend on single items, %.0f %% went to items that are missing from the feed, wrong in it, out of stock or sold at their cost.", 100*share)})
	}
	if share := sum.Losing / sum.Spend; limits.MaxLosingSpend < 1 && share > limits.MaxLosingSpend {
		u.alert(Alert{Guardrail: "item_spend", Figure: "losing_items", Change: share,
			Detail: fmt.Sprintf("Of its spend on single items, %.0f %% went to items whose price does not carry their cost and their advertising at break-even.", 100*share)})
	}
}

// mostOfBudget is the share of the day's budget that a platform may spend on one day.
var mostOfBudget = map[platform.Name]float64{platform.Google: 2, platform.Meta: 1.75}

const (
	// A unit has stopped where a day spent at most stoppedShare of the median of
	// the four weeks before, in which no day spent less than steadyShare of it.
	stoppedShare = 0.05
	steadyShare  = 0.2
	stopDays     = 28
)

// spend looks for days far beyond what the budget rules allow and sudden stops.
func (x *watcher) spend(u *unit, in *Input) {
	rule, a := in.Policy.SpendAnomaly, u.account
	most, known := mostOfBudget[u.Platform]
	if rule.Days == 0 || !known || len(u.days) == 0 {
		return
	}
	from := a.Today.AddDays(-rule.Days)
	spent := map[civil.Date]float64{}
	for _, d := range u.days {
		spent[d.Date] = d.Spend
	}
	steady, usual := u.steady(spent, from)
	budgets := x.index.changes[u.Key]
	for d := from; d <= min(a.LastData, a.Today-1); d++ {
		budget := highestBudget(u.Budget.Float(), budgets, d)
		switch s := spent[d]; {
		case budget > 0 && s > most*(1+rule.Beyond)*budget:
			u.alert(Alert{Guardrail: "spend_anomaly", Figure: "spend", Since: d, Change: s/budget - 1,
				Detail: fmt.Sprintf("On %s it spent %.2f %s, %.1f times its daily budget; the platform's rules allow %g times.", d, s, u.Currency, s/budget, most)})
			return
		case steady && s <= stoppedShare*usual:
			u.alert(Alert{Guardrail: "spend_anomaly", Figure: "spend", Since: d, Change: s/usual - 1,
				Detail: fmt.Sprintf("On %s it spent %.2f %s, although it had spent about %.2f on every day of the four weeks before.", d, s, u.Currency, usual)})
			return
		}
	}
}

// steady reports whether money was spent on every day of the weeks before a
// date, and the median.
func (u *unit) steady(spent map[civil.Date]float64, before civil.Date) (bool, float64) {
	days := make([]float64, stopDays)
	for i := range days {
		days[i] = spent[before.AddDays(-1-i)]
	}
	slices.Sort(days)
	usual := (days[stopDays/2-1] + days[stopDays/2]) / 2
	return usual > 0 && days[0] >= steadyShare*usual, usual
}

// highestBudget is the highest that was set on a day: that is what a platform
// may spend a multiple of. changes are newest first.
func highestBudget(now float64, changes []PastChange, d civil.Date) float64 {
	at := now // at the end of the day
	for _, c := range changes {
		if c.Field != platform.DailyBudget || c.Old <= 0 {
			continue
		}
		if c.Date > d {
			at = c.Old.Float()
		} else if c.Date == d {
			at = max(at, c.Old.Float())
		}
	}
	return at
}

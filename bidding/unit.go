package bidding

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// unit is one unit of control under way: whatever owns a daily budget, with
// the campaigns or ad sets that spend it.
type unit struct {
	UnitReport
	account *Account
	owner   platform.Entity
	members []platform.Entity
	groups  []platform.Entity // ad groups of the members, where they have bids; ad sets, where the campaign has the budget
	lever   platform.Entity   // whose value Lever is
	merged  []*unit           // those whose spend a portfolio's target holds back, where this one decides for it
	beside  []*unit           // and the others under that strategy
	days    []response.Day    // summed over the members
	// simulated is the platform's estimate of other budgets, of a unit of one member.
	simulated []response.Simulated
	// What a budget that binds earns, spend not taken off: the mean of the draws, and by the policy's risk.
	mean, weighed allocate.Curve
	// bound: the budget holds spend back.
	bound     bool
	full      int // of the days compared, those on which at least boundShare was spent
	over      int // and those on which the whole budget was, or more
	compared  int
	cycle     int
	last      civil.Date // newest change of anything
	steeredOn civil.Date // and of a target or bid
	lastOther time.Time
	otherName string
	outage    civil.Date
	overlap   *overlapping // with the campaign of another budget that shares most people; nil: none
	months    []guard.Pace // the monthly budgets it spends from
	// bears is what part of what it spends those bear, by name: 1, or less where they
	// are of some of its campaigns.
	bears     map[string]float64
	month     string  // the one of them that asks most of it
	allowed   float64 // what part of its budget that one allows
	gives     float64 // what its target or bid is to spend less a day for that one, its budget staying
	price     float64 // what money earns elsewhere in them; 0: they leave money free
	alerts    []Alert
	parent    *unit      // whose budget it shares; nil where it has its own
	within    []*unit    // that share the budget, each steered by a value of its own; see split.go
	scarcity  float64    // of a unit within a budget, or held back in a month: what the next unit of that money earns; 1: there is room; 0: neither
	worn      float64    // share of its newest spend on worn-out ads
	wornWords string     // and which these are
	above     []string   // ids and names of the campaigns that its ad sets or ad group lie in
	odd       string     // what is wrong with its figures; empty: nothing
	noWorth   bool       // what its sales are worth is no number
	silent    civil.Date // the newest day, where nothing is reported of it; zero: something is
	holes     []hole     // of its account
}

const (
	// boundShare is the share of the budget from which it counts as binding.
	boundShare = 0.9
	// overShare is the share of days on which at least the whole budget is spent
	// from which it counts as binding too: what demand holds back never gets
	// there, and a platform that spreads a budget that binds does half the time.
	overShare = 0.2
	// compareDays is how many days spend and budget are compared over.
	compareDays = 28
	// matured is the share of value by which a conversion cycle has passed.
	matured = 0.9
	// leastK is where a sale counts as worth nothing.
	leastK = 1e-6
	// mostCycle keeps a slow platform from never being changed, in days.
	mostCycle = 14
)

// index finds what the units are made of.
type index struct {
	in      *Input
	changes map[Key][]PastChange // newest first
}

func newIndex(in *Input) index {
	x := index{in: in, changes: map[Key][]PastChange{}}
	for _, c := range in.Changes {
		x.changes[c.Key] = append(x.changes[c.Key], c)
	}
	for _, cs := range x.changes {
		slices.SortStableFunc(cs, func(a, b PastChange) int { return b.At.Compare(a.At) })
	}
	return x
}

// units finds every unit of control that serves, in the order of its key.
func units(in *Input) []*unit {
	x := newIndex(in)
	var out []*unit
	for i := range in.Accounts {
		out = append(out, x.accountUnits(&in.Accounts[i])...)
	}
	slices.SortFunc(out, func(a, b *unit) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return out
}

func (x index) accountUnits(a *Account) []*unit {
	entities := make(map[platform.Ref]platform.Entity, len(a.Entities))
	for _, e := range a.Entities {
		entities[e.Ref] = e
	}
	series, odd := make(map[platform.Ref]Series, len(a.Performance)), map[platform.Ref]string{}
	for _, s := range a.Performance {
		if s.Days, odd[s.Entity] = numbers(s.Days); odd[s.Entity] == "" {
			delete(odd, s.Entity)
		}
		series[s.Entity] = s
	}
	by, ofMember := map[platform.Ref]*unit{}, map[platform.Ref]*unit{}
	holes, bidders := a.holes(x.in.Policy.Freshness.MaxAgeDays), Bidders(a.Entities)
	var out []*unit
	for _, e := range a.Entities {
		owner, ok := entities[e.Budget]
		if e.Type != platform.Campaign && e.Type != platform.AdSet || !ok || e.Status != platform.Enabled || owner.Status != platform.Enabled {
			continue
		}
		// An ad set under a campaign that owns the budget is seen through the campaign.
		if e.Type == platform.AdSet && e.Budget != e.Ref {
			continue
		}
		if p, ok := entities[e.Parent]; ok && p.Status != platform.Enabled {
			continue
		}
		u := by[e.Budget]
		if u == nil {
			u = &unit{account: a, owner: owner, holes: holes, bears: map[string]float64{}}
			u.Key = Key{a.Platform, a.ID, owner.Ref}
			u.Name, u.Currency, u.Budget = owner.Name, a.Currency, owner.Fields[platform.DailyBudget]
			by[e.Budget] = u
			out = append(out, u)
		}
		u.members = append(u.members, e)
		if why, ok := odd[e.Ref]; ok {
			u.odd = why
		}
		if p, ok := entities[e.Parent]; ok && !slices.Contains(u.above, p.ID) {
			u.above = append(u.above, p.ID, p.Name)
		}
		u.Campaigns = append(u.Campaigns, e.Ref)
		ofMember[e.Ref] = u
	}
	for _, e := range a.Entities {
		if u := ofMember[e.Parent]; u != nil && (e.Type == platform.AdGroup || e.Type == platform.AdSet) && e.Status == platform.Enabled {
			u.groups = append(u.groups, e)
		}
	}
	for _, u := range out {
		if u.Name == "" {
			u.Name = u.members[0].Name
		}
		u.sum(series)
		x.weigh(u, series)
		x.history(u)
		x.budgets(u)
		u.compare()
		u.cycle = cycle(a.lag())
		u.setLever(entities)
		x.split(u, entities, bidders, series, odd)
	}
	return out
}

// sum adds up the members' days.
func (u *unit) sum(series map[platform.Ref]Series) {
	if len(u.members) == 1 {
		s := series[u.members[0].Ref]
		u.days, u.simulated = s.Days, s.Simulated
		return
	}
	at := map[civil.Date]int{}
	partly := map[int]bool{} // days of which it is not known for every member what could have been
	for _, m := range u.members {
		for _, d := range series[m.Ref].Days {
			i, ok := at[d.Date]
			if !ok {
				i = len(u.days)
				at[d.Date] = i
				u.days = append(u.days, response.Day{Date: d.Date})
			}
			s := &u.days[i]
			s.Spend, s.Value, s.Conversions = s.Spend+d.Spend, s.Value+d.Value, s.Conversions+d.Conversions
			s.Clicks, s.Impressions, s.Eligible = s.Clicks+d.Clicks, s.Impressions+d.Impressions, s.Eligible+d.Eligible
			if s.Spend > 0 { // conditions weigh by the spend that meets them
				share := d.Spend / s.Spend
				s.Conditions.OutOfStock += share * (d.Conditions.OutOfStock - s.Conditions.OutOfStock)
				s.Conditions.Markdown += share * (d.Conditions.Markdown - s.Conditions.Markdown)
			}
			partly[i] = partly[i] || d.Impressions > 0 && d.Eligible <= 0
		}
	}
	for i := range partly {
		if partly[i] {
			u.days[i].Eligible = 0
		}
	}
	slices.SortFunc(u.days, func(a, b response.Day) int { return a.Date.Sub(b.Date) })
}

// numbers are the days whose figures are numbers, and of the others what is wrong.
func numbers(days []response.Day) (fine []response.Day, wrong string) {
	bad := func(d response.Day) bool {
		sum := d.Spend + d.Value + d.Conversions + d.Clicks + d.Impressions + d.Eligible
		return math.IsNaN(sum) || math.IsInf(sum, 0)
	}
	i := slices.IndexFunc(days, bad)
	if i < 0 {
		return days, ""
	}
	wrong = fmt.Sprintf("a figure reported of %s is no number", days[i].Date)
	return slices.DeleteFunc(slices.Clone(days), bad), wrong
}

// campaign is the campaign whose orders and worth an entity shares.
func campaign(p platform.Name, e platform.Entity) string {
	if e.Parent.ID != "" {
		return CampaignKey(p, e.Parent.ID)
	}
	return CampaignKey(p, e.ID)
}

// weigh gives the unit the worth of its members, weighted by the value they
// reported in the window, and the window's totals.
func (x index) weigh(u *unit, series map[platform.Ref]Series) {
	a := u.account
	from := a.Today.AddDays(-x.in.Policy.Minimum.WindowDays)
	weights := make([]float64, len(u.members))
	worths := make([]Worth, len(u.members))
	var total float64
	for i, m := range u.members {
		w, ok := x.in.Worth[campaign(a.Platform, m)]
		if !ok {
			w = x.in.DefaultWorth
		}
		worths[i] = w
		for _, d := range series[m.Ref].Days {
			if d.Date >= from {
				weights[i] += d.Value
			}
		}
		total += weights[i]
	}
	if total == 0 {
		for i := range weights {
			weights[i], total = 1, total+1
		}
	}
	for i := range weights {
		weights[i] /= total
	}
	u.Worth, u.K = blend(worths, weights)
	if math.IsNaN(u.K) || math.IsInf(u.K, 0) || !(u.Worth.RelSD >= 0 && u.Worth.RelSD < 10) {
		u.Worth, u.K, u.noWorth = Worth{Sources: []string{"Its worth is not a number."}}, 0, true
	}
	if u.K < leastK {
		u.K = 0
	}
	n := 0.0
	first := a.Today
	for _, d := range u.days {
		first = min(first, d.Date)
	}
	spend, value, conversions := a.sum(u.days, from)
	if last := min(a.LastData, a.Today-1); last >= max(first, from) {
		n = float64(last.Sub(max(first, from)) + 1 - u.unreported(max(first, from)))
	}
	if n > 0 {
		u.Spend, u.Value = spend/n, value/n
	}
	u.Conversions = conversions
	if spend > 0 {
		u.ROAS = value / spend
	}
	if u.K > 0 {
		u.BreakEven = 1 / u.K
	}
	u.WindowSpend, u.WindowValue = spend, value
	u.WindowStart, u.WindowEnd = from, a.Today-1
}

// sum adds up the complete days from a date on, corrected for what has not
// arrived yet.
func (a *Account) sum(days []response.Day, from civil.Date) (spend, value, conversions float64) {
	lag := a.lag()
	for _, d := range days {
		if from <= d.Date && d.Date < a.Today {
			f := lag.At(a.Today.Sub(d.Date))
			spend, value, conversions = spend+d.Spend, value+d.Value/f, conversions+d.Conversions/f
		}
	}
	return spend, value, conversions
}

func (a *Account) lag() response.Lag {
	if len(a.Lag.Share) == 0 {
		return response.PriorLag()
	}
	return a.Lag
}

// blend averages worths by weight. The product of the averages is not the
// average of the products, so the lifetime multiple takes up the difference.
func blend(ws []Worth, weights []float64) (Worth, float64) {
	if len(ws) == 1 {
		return ws[0], ws[0].K()
	}
	out := Worth{Calibrated: true, Audience: ws[0].Audience}
	var k, orders, margin, incremental float64
	for i, w := range ws {
		g := weights[i]
		k += g * w.K()
		out.Margin += g * w.Margin
		out.NewShare += g * w.NewShare
		out.Lambda += g * w.Lambda
		out.LambdaRelSD += g * w.Lambda * w.LambdaRelSD
		out.LTVRelSD += g * w.LTVRelSD
		out.IncrementalShare += g * w.IncrementalShare
		out.AverageOrder += g * w.AverageOrder
		margin += square(g * w.Margin * w.MarginRelSD)
		incremental += square(g * w.IncrementalShare * w.IncrementalRelSD)
		out.Parts = out.Parts.plus(w.Parts, g)
		out.Calibrated = out.Calibrated && w.Calibrated
		if w.Audience != out.Audience {
			out.Audience = ""
		}
		orders += float64(w.Orders)
	}
	out.Orders = int(orders)
	// One lifetime model serves all of them: its errors are common, those of the
	// others are each campaign's own.
	if k > 0 {
		out.MarginRelSD = math.Sqrt(margin) / out.Margin
		out.IncrementalRelSD = math.Sqrt(incremental) / out.IncrementalShare
		out.LambdaRelSD /= out.Lambda
		out.RelSD = math.Sqrt(square(out.MarginRelSD) + square(out.LTVRelSD) + square(out.IncrementalRelSD))
	}
	if d := out.Margin * out.IncrementalShare; d > 0 {
		out.LTVMultiple = k / d
	}
	out.Sources = []string{"Averages over its campaigns, weighted by the value they reported."}
	return out, k
}

func square(x float64) float64 { return x * x }

// history finds when anything of the unit was last changed, and by whom.
func (x index) history(u *unit) {
	refs := map[platform.Ref]bool{u.owner.Ref: true}
	for _, m := range u.members {
		refs[m.Ref] = true
		refs[m.Strategy] = true
		refs[m.Parent] = true
	}
	for _, g := range u.groups {
		refs[g.Ref] = true
	}
	for r := range refs {
		for _, c := range x.changes[Key{u.Platform, u.AdAccount, r}] {
			u.last = max(u.last, c.Date)
			if c.Field != platform.DailyBudget {
				u.steeredOn = max(u.steeredOn, c.Date)
			}
			if !c.Ours && c.At.After(u.lastOther) {
				u.lastOther, u.otherName = c.At, c.Actor
			}
		}
	}
}

// budgets notes of every day the budget that it had, as far back as changes of it
// are known.
func (x index) budgets(u *unit) {
	u.days = slices.Clone(u.days) // they may be the account's own
	for i, d := range u.days {
		budget := u.Budget
		for _, c := range x.changes[u.Key] {
			if c.Field == platform.DailyBudget && d.Date < c.Date && c.Old > 0 {
				budget = c.Old
			}
		}
		u.days[i].Budget = budget.Float()
	}
}

// compare compares spend with the budget of the day.
func (u *unit) compare() {
	var spent, allowed float64
	for _, d := range slices.Backward(u.days) {
		if u.compared == compareDays {
			break
		}
		if d.Date >= u.account.Today || d.Spend <= 0 {
			continue
		}
		if d.Budget <= 0 {
			return
		}
		u.compared++
		spent, allowed = spent+d.Spend, allowed+d.Budget
		if d.Spend >= boundShare*d.Budget {
			u.full++
		}
		if d.Spend >= d.Budget {
			u.over++
		}
	}
	if allowed > 0 {
		u.Utilisation = spent / allowed
	}
	u.bound = u.compared >= 3 && (u.Utilisation >= boundShare || float64(u.over) >= overShare*float64(u.compared))
}

// cycle is the age in days at which most of a day's value has arrived.
func cycle(l response.Lag) int {
	for age := range mostCycle {
		if l.At(age) >= matured {
			return age
		}
	}
	return mostCycle
}

// kind is what the unit's elasticity pools with first.
func (u *unit) kind() string { return u.members[0].Channel }

// facts is what the guardrails look at for one entity of the unit.
func (u *unit) facts(in *Input, e platform.Entity) guard.Facts {
	a := u.account
	f := guard.Facts{Name: e.Name, Platform: a.Platform, Currency: a.Currency, TimeZone: a.TimeZone,
		ExpectedCurrency: a.ExpectedCurrency, ExpectedTimeZone: a.ExpectedTimeZone, BudgetUnit: a.BudgetUnit, MinBudget: a.MinBudget,
		Today: a.Today, Now: in.Now, KillSwitch: in.KillSwitch, ReadOnly: e.ReadOnly, Learning: e.Learning,
		LastChange: u.last, Cycle: u.cycle, LastChangeByOther: u.lastOther, OtherActor: u.otherName,
		LastData: u.lastData(), LastOutage: u.outage, Silent: u.silent, Conversions: u.Conversions, Spend: u.WindowSpend, ROAS: u.ROAS, BreakEven: u.BreakEven,
		Refused: in.Refused[Key{a.Platform, a.ID, e.Ref}], Months: u.months}
	if f.ExpectedCurrency == "" {
		f.ExpectedCurrency = in.Currency
	}
	u.warn(&f)
	f.Experiment = u.experiment(in, e)
	f.Campaigns = slices.Clone(u.above)
	for _, m := range u.members {
		f.Campaigns = append(f.Campaigns, m.ID, m.Name)
		if f.Learning == "" {
			f.Learning = m.Learning
		}
		if f.ReadOnly == "" {
			f.ReadOnly = m.ReadOnly
		}
		f.Frequency = max(f.Frequency, m.Frequency)
	}
	if w := u.Worth; w.Orders >= leastOrders && u.WindowSpend > 0 {
		if w.NewShare > 0 {
			f.LTVCAC = w.Lambda * w.IncrementalShare * u.ROAS
		}
		if sold := w.IncrementalShare * u.WindowValue; sold > 0 {
			f.CAC = u.WindowSpend * w.AverageOrder / sold
		}
	}
	return f
}

// leastOrders of a campaign's own are needed to speak of its acquisition cost.
const leastOrders = 20

// owned is the budget as money that counts towards the total.
func (u *unit) owned(in *Input) money.Micros {
	if u.Currency != in.Currency {
		return 0
	}
	return max(u.Budget, in.Experiments[Key{u.Platform, u.AdAccount, u.owner.Ref}.String()].Budget)
}

// experiment names the experiment running on an entity or on one of the unit's
// campaigns.
func (u *unit) experiment(in *Input, e platform.Entity) string {
	of := append([]platform.Entity{e}, u.members...)
	if u.parent != nil { // what one of several under a budget spends, the others cannot
		of = slices.Concat(of, []platform.Entity{u.owner}, u.parent.members)
	}
	for _, x := range of {
		if name := in.Experiments[Key{u.Platform, u.AdAccount, x.Ref}.String()].Name; name != "" {
			return name
		}
	}
	return ""
}

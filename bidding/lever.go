package bidding

import (
	"cmp"
	"math"
	"slices"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Lever is the one value of a unit that holds its spend back tonight, and so
// the one worth moving: the budget where that binds, else the target ROAS or
// ROAS floor, else a bid.
type Lever struct {
	Key
	Name  string         `json:"name"`
	Field platform.Field `json:"field"`
	Seen  money.Micros   `json:"seen"`
	// Idle is true of a budget of which part is never spent: a cut down to what is
	// spent leaves the spend as it is.
	Idle bool `json:"idle,omitempty"`
	// CostCap is true of a bid that bounds what a result costs on average, and so
	// the ROAS, and not what the next one may cost.
	CostCap bool `json:"cost_cap,omitempty"`
	// Parts are the units whose spend hangs on it, where it is not the unit
	// alone: a portfolio strategy's campaigns.
	Parts []Part `json:"parts,omitempty"`
}

// Part is what is needed to predict one unit's profit.
type Part struct {
	Curve  response.Curve `json:"curve"`
	K      float64        `json:"k"`
	RelSD  float64        `json:"rel_sd"` // of K
	Spend  float64        `json:"spend"`  // a day, as things are
	Budget float64        `json:"budget"`
	// Idle and CostCap are the lever's.
	Idle    bool `json:"idle,omitempty"`
	CostCap bool `json:"cost_cap,omitempty"`
}

// part describes the unit itself.
func (u *UnitReport) part() Part {
	p := Part{Curve: u.Curve, K: u.K, RelSD: u.Worth.RelSD, Spend: u.Spend, Budget: u.Budget.Float()}
	if u.Within != nil {
		p.Budget = u.Room
	}
	if u.Lever == nil {
		return p
	}
	p.Idle, p.CostCap = u.Lever.Idle, u.Lever.CostCap
	if u.Lever.Field == platform.DailyBudget && !p.Idle {
		p.Spend = p.Budget * min(u.Utilisation, 1) // what today's budget spends, not the window's
	}
	return p
}

// roas is what the curve says of the present spend.
func (p Part) roas() float64 { return p.Curve.Value(p.Spend) / p.Spend }

// parts are the units that hang on the unit's lever.
func (u *UnitReport) parts() []Part {
	if u.Lever == nil || len(u.Lever.Parts) == 0 {
		return []Part{u.part()}
	}
	return u.Lever.Parts
}

const (
	// slackTarget: where the ROAS is this much better than the target, or results
	// this much cheaper than the cost cap, that is not what holds spend back.
	slackTarget = 1.25
	// costCap is Meta's word for a bid that bounds the average cost of a result.
	costCap = "COST_CAP"
)

// setLever finds what holds the unit back.
func (u *unit) setLever(entities map[platform.Ref]platform.Entity) {
	switch {
	case u.Budget <= 0:
		u.LimitedBy = "it has no daily budget"
	case len(u.days) == 0:
		u.LimitedBy = "it has not spent anything yet"
	case u.bound:
		u.LimitedBy = "budget"
		u.use(u.owner, platform.DailyBudget)
	default:
		u.setTargetLever(entities)
	}
}

// setTargetLever looks for the target or bid of a unit whose budget leaves room.
func (u *unit) setTargetLever(entities map[platform.Ref]platform.Entity) {
	found := map[Key]Lever{}
	owners := map[Key]platform.Entity{}
	add := func(e platform.Entity, fields ...platform.Field) {
		for _, f := range fields {
			if v := e.Fields[f]; v > 0 {
				k := Key{u.Platform, u.AdAccount, e.Ref}
				found[k], owners[k] = Lever{Key: k, Name: e.Name, Field: f, Seen: v}, e
				return
			}
		}
	}
	for _, m := range u.members {
		if s, ok := entities[m.Strategy]; ok && m.Strategy.ID != "" {
			add(s, platform.TargetROAS)
		} else {
			add(m, platform.TargetROAS, platform.ROASFloor)
		}
	}
	for _, g := range u.groups {
		add(g, platform.ROASFloor)
	}
	if len(found) == 0 {
		for _, m := range u.members {
			add(m, platform.CPCBid, platform.BidAmount)
		}
		for _, g := range u.groups {
			add(g, platform.CPCBid, platform.BidAmount)
		}
	}
	u.LimitedBy = "demand"
	n := len(found)
	if n == 1 && u.adSets() > 1 { // one of several ad sets of a campaign, which has figures as a whole alone
		n = u.adSets()
	}
	switch n {
	case 0:
	case 1:
		for k, l := range found {
			u.setFound(owners[k], l.Field)
		}
	default:
		// Which of them holds the unit back cannot be told from its figures.
		u.LimitedBy = "several targets or bids under one budget"
	}
}

// setFound makes the only target or bid of a unit its lever, unless it has slack.
func (u *unit) setFound(e platform.Entity, f platform.Field) {
	u.use(e, f)
	seen, slack := u.Lever.Seen.Float(), false
	switch u.Current = 0; {
	case f.IsRatio():
		u.LimitedBy, u.Current = "target", seen
		slack = u.ROAS > slackTarget*seen
	case u.Lever.CostCap:
		u.LimitedBy = "bid"
		slack = slackTarget*u.WindowSpend < seen*u.Conversions
	default:
		u.LimitedBy = "bid"
	}
	if slack {
		u.LimitedBy, u.Lever, u.lever = "demand", nil, platform.Entity{}
	}
}

// adSets is how many ad sets spend budgets of their campaigns.
func (u *unit) adSets() (n int) {
	for _, g := range u.groups {
		if g.Type == platform.AdSet {
			n++
		}
	}
	return n
}

// use makes a field of an entity the unit's lever.
func (u *unit) use(e platform.Entity, f platform.Field) {
	name := e.Name
	if name == "" {
		name = u.Name
	}
	u.lever = e
	u.Lever = &Lever{Key: Key{u.Platform, u.AdAccount, e.Ref}, Name: name, Field: f, Seen: e.Fields[f],
		CostCap: f == platform.BidAmount && e.Bidding == costCap}
}

// sharePortfolios leaves each portfolio strategy to the unit that spends most of
// those that its target holds back, with these as parts. The guardrails look at all
// units under the strategy, whatever holds them back, since its target is theirs too.
func sharePortfolios(us []*unit) {
	by, under := map[Key][]*unit{}, underStrategies(us)
	for _, u := range us {
		if u.Lever != nil && u.lever.Type == platform.Portfolio {
			by[u.Lever.Key] = append(by[u.Lever.Key], u)
		}
	}
	for strategy, members := range by {
		first := members[0]
		for _, u := range members {
			if u.Spend > first.Spend {
				first = u
			}
		}
		var parts []Part
		for _, u := range members {
			parts = append(parts, u.part())
		}
		if len(parts) > 1 {
			first.Lever.Parts = parts
		}
		first.merged = members
		for _, u := range under[strategy] {
			if !slices.Contains(members, u) {
				first.beside = append(first.beside, u)
			}
		}
		for _, u := range members {
			if u != first {
				u.Lever = nil
				u.LimitedBy = "target of " + first.lever.Name + ", which is decided with " + first.Name
			}
		}
	}
}

// underStrategies are the units with a campaign under each portfolio strategy; in
// place of a unit that is split, those within it.
func underStrategies(us []*unit) map[Key][]*unit {
	out := map[Key][]*unit{}
	for _, u := range us {
		if len(u.within) > 0 {
			continue
		}
		for _, m := range u.members {
			k := Key{u.Platform, u.AdAccount, m.Strategy}
			if of := out[k]; m.Strategy.ID != "" && (len(of) == 0 || of[len(of)-1] != u) {
				out[k] = append(of, u)
			}
		}
	}
	return out
}

// target is the profit-maximising value of a ratio at a shadow price:
// mu/(elasticity k) with the elasticity that it leads to, averaged over the parts by
// spend (DESIGN: What a sale is worth). 0 where nothing sold is worth anything.
func target(parts []Part, mu float64) float64 {
	var sum, weight float64
	for _, p := range parts {
		if p.K > 0 && p.Spend > 0 && p.Curve.Elasticity > 0 {
			sum += p.Spend * p.Curve.Mode().ROASAtSlope(mu/p.K)
			weight += p.Spend
		}
	}
	if weight == 0 {
		return 0
	}
	return sum / weight
}

// wanted is what the lever should be at a shadow price if nothing held it back,
// at most double and at least half of what it is: curves say little beyond.
func (u *unit) wanted(mu float64) money.Micros {
	l := u.Lever
	seen := l.Seen.Float()
	var w float64
	switch p := u.part(); {
	case l.Field == platform.DailyBudget:
		w = allocate.Best(u.weighed, mu, seen/2, 2*seen)
	case l.Field.IsRatio():
		if w = target(u.parts(), mu); w == 0 && u.K == 0 {
			w = 2 * seen // what sells at a loss buys less
		}
	case l.CostCap:
		// What a result costs is its value over the ROAS. Where no sale is worth anything
		// no ROAS is best, and the cap goes as low as it may.
		if best := target([]Part{p}, mu); best > 0 {
			w = seen * p.roas() / best
		}
	case p.Spend > 0:
		// A bid is worth what the marginal click brings: value per click times
		// k times the elasticity, over mu. Against the present bid that is the
		// ratio of the marginal return to mu.
		w = seen * p.K * p.Curve.Slope(p.Spend) / mu
	}
	if math.IsNaN(w) {
		return l.Seen
	}
	v, err := money.FromFloat(min(max(w, seen/2), 2*seen))
	if err != nil {
		return l.Seen
	}
	return v
}

// leverFacts is what the guardrails look at for the lever's entity: of a portfolio
// strategy what speaks of any campaign under it. The evidence, and how long ago it was
// changed, is of those that its target holds back.
func (u *unit) leverFacts(in *Input) guard.Facts {
	f := u.facts(in, u.lever)
	for _, m := range u.merged {
		if m == u {
			continue
		}
		o := m.facts(in, u.lever)
		f.Conversions, f.Spend = f.Conversions+o.Conversions, f.Spend+o.Spend
		f.LastChange = max(f.LastChange, o.LastChange)
		m.join(&f, o)
	}
	for _, m := range u.beside {
		m.join(&f, m.facts(in, u.lever))
	}
	for _, m := range slices.Concat(u.merged, u.beside) {
		if m.WindowSpend >= leastPart*f.Spend { // a small one may well serve on few days
			f.LastData = min(f.LastData, m.lastData())
		}
	}
	return f
}

// leastPart is the share of a portfolio's spend from which a campaign's newest figures
// have to be there before its target is changed.
const leastPart = 0.1

// join adds a unit under a portfolio strategy, with facts of its own, to what the
// guardrails see of the strategy: what bars a change of one bars it for all.
func (u *unit) join(f *guard.Facts, o guard.Facts) {
	f.Campaigns = append(f.Campaigns, o.Campaigns...)
	u.warn(f)
	f.LastOutage, f.Silent = max(f.LastOutage, o.LastOutage), max(f.Silent, o.Silent)
	if o.LastChangeByOther.After(f.LastChangeByOther) {
		f.LastChangeByOther, f.OtherActor = o.LastChangeByOther, o.OtherActor
	}
	f.Learning = cmp.Or(f.Learning, o.Learning)
	f.ReadOnly = cmp.Or(f.ReadOnly, o.ReadOnly)
	f.Experiment = cmp.Or(f.Experiment, o.Experiment)
	f.Frequency, f.CAC = max(f.Frequency, o.Frequency), max(f.CAC, o.CAC)
	if o.LTVCAC > 0 && (f.LTVCAC == 0 || o.LTVCAC < f.LTVCAC) {
		f.LTVCAC = o.LTVCAC
	}
	// Worse is what is further below its own break-even.
	if o.ROAS > 0 && o.BreakEven > 0 && (f.ROAS == 0 || f.BreakEven == 0 || o.ROAS*f.BreakEven < f.ROAS*o.BreakEven) {
		f.ROAS, f.BreakEven = o.ROAS, o.BreakEven
	}
	for _, m := range o.Months {
		if !slices.Contains(f.Months, m) {
			f.Months = append(slices.Clip(f.Months), m)
		}
	}
}

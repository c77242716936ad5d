package bidding

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"adsteward/bidding/response"
	"adsteward/internal/platform"
)

// Estimate is a figure with its central 80 %.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Level says what a row of the table of targets is of: the type of its entity,
// or a campaign's customers of one kind.
type Level string

// Levels that are no type of an entity.
const (
	NewCustomers       Level = "new_customers"
	ReturningCustomers Level = "returning_customers"
)

// Worthwhile is what a sale is worth and what ROAS that asks for. BreakEven, 1/k,
// is nil where nothing sold is worth anything; Target, the ROAS that earns most,
// mu/(elasticity k), also where nothing is known of how sales follow spend.
type Worthwhile struct {
	Lifetime  Estimate  `json:"lifetime"` // lambda, blended over new and returning customers
	K         Estimate  `json:"k"`
	BreakEven *Estimate `json:"break_even"`
	Target    *Estimate `json:"target"`
}

// Target is one row of the table of targets: what a reported sale of an entity
// is worth, what ROAS that asks for, what it has, and why. Intervals are the
// central 80 %: of k and its factors log-normal by their standard errors, of what
// rests on the curve by its posterior draws.
type Target struct {
	Key
	Worthwhile
	Name        string      `json:"name"`
	Level       Level       `json:"level"`
	Covers      []string    `json:"covers"` // names of the campaigns or budgets under it
	Under       string      `json:"under"`  // Key.String() of the budget it shares; "" where it has its own
	Currency    string      `json:"currency"`
	Margin      Estimate    `json:"margin"`
	Parts       MarginParts `json:"margin_parts"` // of its own orders; the margin leans on the shop's
	Incremental Estimate    `json:"incremental_share"`
	Calibrated  bool        `json:"calibrated"` // Incremental is from a lift experiment
	NewShare    float64     `json:"new_share"`
	Elasticity  *Estimate   `json:"elasticity"` // nil: nothing is known of it
	ShadowPrice float64     `json:"shadow_price"`
	Current     float64     `json:"current"` // target ROAS or floor set now; 0: none
	ROAS        float64     `json:"roas"`    // of the window; 0: nothing was spent
	Spend       float64     `json:"spend"`   // of the window
	NextEuro    *Estimate   `json:"next_euro"`
	LimitedBy   string      `json:"limited_by"`
	Lever       string      `json:"lever"` // Key.String() of what the night may change for it; "" nothing
	Customers   []Customer  `json:"customers"`
	Why         []string    `json:"why"`
}

// Customer is a campaign's row for customers of one kind.
type Customer struct {
	Worthwhile
	Level Level  `json:"level"`
	Why   string `json:"why"`
}

// mostROAS is where a ROAS is no target any more: nobody could set it.
const mostROAS = 1e4

// targets makes the table: every unit of control, the campaigns of those that
// have several, the ad groups or ad sets that steer themselves, and every portfolio
// strategy.
func (p *planner) targets() []Target {
	var out []Target
	for i := range p.in.Accounts {
		t := newTabler(p, &p.in.Accounts[i])
		for _, u := range t.units {
			out = append(out, t.unit(u))
			if len(u.members) > 1 {
				for _, m := range u.members {
					out = append(out, t.member(u, m))
				}
			}
			for _, s := range u.within {
				if m := s.members[0]; u.of(m) {
					out = append(out, t.member(u, m))
				}
			}
		}
		out = append(out, t.portfolios()...)
	}
	return out
}

// tabler makes the rows of one ad account.
type tabler struct {
	p        *planner
	mu       float64 // what the next unit of money earns elsewhere
	account  *Account
	units    []*unit
	entities map[platform.Ref]platform.Entity
	days     map[platform.Ref][]response.Day
}

func newTabler(p *planner, a *Account) tabler {
	t := tabler{p: p, mu: p.mu, account: a, entities: map[platform.Ref]platform.Entity{}, days: map[platform.Ref][]response.Day{}}
	for _, e := range a.Entities {
		t.entities[e.Ref] = e
	}
	for _, s := range a.Performance {
		t.days[s.Entity], _ = numbers(s.Days)
	}
	for _, u := range p.units {
		if u.account == a {
			t.units = append(t.units, u)
		}
	}
	return t
}

// row is what all rows have: what a sale is worth, as a worth says, and what that
// asks for along the curves of parts.
func (t tabler) row(key Key, name string, w Worth, k float64, parts []Part) Target {
	r := Target{Key: key, Name: name, Level: Level(key.Type), Currency: t.account.Currency, Calibrated: w.Calibrated, NewShare: w.NewShare,
		Parts: w.Parts, ShadowPrice: t.mu, Why: append([]string{}, w.Sources...), Covers: []string{}, Customers: []Customer{}}
	r.Margin = capped(estimate(w.Margin, w.MarginRelSD), 0, 1)
	r.Incremental = capped(estimate(w.IncrementalShare, w.IncrementalRelSD), 0, 1)
	r.Worthwhile = worthwhile(k, w.RelSD, parts, t.mu)
	r.Lifetime = capped(estimate(w.LTVMultiple, w.LTVRelSD), 1, math.Inf(1))
	r.Elasticity = elasticity(parts)
	if r.BreakEven == nil {
		r.Why = append(r.Why, "Nothing it sells leaves anything after its costs: no ROAS breaks even, and no target makes it pay.")
	}
	switch {
	case r.Elasticity == nil:
		r.Why = append(r.Why, "Nothing is known of how its sales follow its spend, so no target can be told.")
	case r.BreakEven != nil && r.Target == nil:
		r.Why = append(r.Why, "The ROAS that would earn most is beyond what can be set.")
	case r.Elasticity != nil:
		e := r.Elasticity
		why := fmt.Sprintf("Elasticity %.2f (80 %%: %.2f to %.2f): 1 %% more spend brings %.2f %% more reported value", e.Value, e.Low, e.High, e.Value)
		if r.Target != nil {
			why += fmt.Sprintf("; at the spend that the target leads to it is %.2f", t.elasticityThere(r, k))
		}
		r.Why = append(r.Why, why+".")
	}
	if r.Target != nil && t.mu > 1 {
		r.Why = append(r.Why, fmt.Sprintf("Money is scarce: elsewhere the next %s earns %.2f, and the target asks for as much.", t.p.in.Currency, t.mu))
	}
	if r.Target != nil && r.Elasticity != nil && t.elasticityThere(r, k) > response.MaxElasticity-0.005 {
		r.Why = append(r.Why, "Its sales grow about as fast as its spend, so that the target is hardly above break-even.")
	}
	return r
}

// elasticityThere is the elasticity at the spend that a row's target leads to.
func (t tabler) elasticityThere(r Target, k float64) float64 { return t.mu / (r.Target.Value * k) }

// unit is the row of a unit of control.
func (t tabler) unit(u *unit) Target {
	r := t.row(u.Key, u.Name, u.Worth, u.K, u.known())
	for _, m := range u.members {
		r.Covers = append(r.Covers, m.Name)
	}
	r.ROAS, r.Spend, r.LimitedBy = u.ROAS, u.WindowSpend, u.LimitedBy
	if parts := u.known(); len(parts) > 0 && parts[0].Spend > 0 {
		r.NextEuro = along(parts, u.NextEuro, nextEuro)
	}
	if u.Curve.Note != "" {
		r.Why = append(r.Why, u.Curve.Note)
	}
	if u.Lever != nil {
		r.Lever = u.Lever.Key.String()
	}
	var why string
	if r.Current, why = t.current(u.members); why != "" {
		r.Why = append(r.Why, why)
	}
	if r.Current == 0 {
		r.Current = u.Current // on an ad set under a campaign's budget
	}
	if len(u.members) == 1 {
		r.Customers = t.customers(u.Worth, u.known())
	}
	return r
}

// member is the row of one of several campaigns, ad groups or ad sets under a budget:
// the worth is its campaign's, the curve its own where it has one, else the budget's.
func (t tabler) member(u *unit, m platform.Entity) Target {
	w, ok := t.p.in.Worth[campaign(t.account.Platform, m)]
	if !ok {
		w = t.p.in.DefaultWorth
	}
	parts, limited, lever, next := u.known(), u.LimitedBy, "", 0.0
	how := fmt.Sprintf("It shares the budget of %s; the elasticity is of all under it.", u.Name)
	s := u.withinOf(m.Ref)
	if s != nil {
		limited = s.LimitedBy
	}
	if s != nil && s.known() != nil {
		parts, t.mu = s.known(), max(t.mu, s.price)
		how = fmt.Sprintf("It shares the budget of %s: the next %s of that budget is to earn the same in each of its %s.", u.Name, u.Currency, sharers(u.within))
		if next = s.NextEuro; s.Lever != nil {
			lever = s.Lever.Key.String()
		}
	}
	for i := range parts {
		parts[i].K, parts[i].RelSD = w.K(), w.RelSD
	}
	r := t.row(Key{t.account.Platform, t.account.ID, m.Ref}, m.Name, w, w.K(), parts)
	r.Under = u.Key.String()
	spend, value, _ := t.account.sum(t.days[m.Ref], u.WindowStart)
	if r.Spend = spend; spend > 0 {
		r.ROAS = value / spend
	}
	if r.LimitedBy, r.Lever = limited, lever; next > 0 && parts[0].Spend > 0 {
		r.NextEuro = along(parts, next, nextEuro)
	}
	r.Current, _ = t.current([]platform.Entity{m})
	if !u.of(m) { // an ad group's are its campaign's
		r.Customers = t.customers(w, parts)
	}
	r.Why = append(r.Why, how)
	return r
}

// customers tells new from returning customers of a campaign that has sold to
// both often enough.
func (t tabler) customers(w Worth, parts []Part) []Customer {
	if w.Orders < leastOrders || !(w.NewShare > 0 && w.NewShare < 1) || !(w.Lambda > 1) {
		return []Customer{}
	}
	kind := func(l Level, lifetime Estimate, relSD float64, why string) Customer {
		k := w.Margin * lifetime.Value * w.IncrementalShare
		sd := math.Sqrt(square(w.MarginRelSD) + square(relSD) + square(w.IncrementalRelSD))
		of := make([]Part, len(parts))
		for i, p := range parts {
			p.K, p.RelSD = k, sd
			of[i] = p
		}
		c := Customer{Level: l, Worthwhile: worthwhile(k, sd, of, t.mu), Why: why}
		c.Lifetime = lifetime
		return c
	}
	return []Customer{
		kind(NewCustomers, capped(estimate(w.Lambda, w.LambdaRelSD), 1, math.Inf(1)), w.LambdaRelSD,
			fmt.Sprintf("A sale to a new customer brings %.2f times its own margin over the customer's lifetime; they are %.0f %% of the revenue.", w.Lambda, 100*w.NewShare)),
		kind(ReturningCustomers, Estimate{1, 1, 1}, 0, "A sale to a customer it already has counts once: the lifetime was counted with the first order."),
	}
}

// portfolios are the rows of the portfolio strategies that units bid under.
func (t tabler) portfolios() []Target {
	by := map[platform.Ref][]*unit{}
	var order []platform.Ref
	for _, u := range t.units {
		seen := map[platform.Ref]bool{}
		for _, m := range u.members {
			if _, ok := t.entities[m.Strategy]; ok && m.Strategy.ID != "" && !seen[m.Strategy] {
				if seen[m.Strategy] = true; by[m.Strategy] == nil {
					order = append(order, m.Strategy)
				}
				if s := u.withinOf(m.Ref); s != nil && s.known() != nil {
					by[m.Strategy] = append(by[m.Strategy], s)
				} else {
					by[m.Strategy] = append(by[m.Strategy], u)
				}
			}
		}
	}
	out := make([]Target, 0, len(order))
	for _, ref := range order {
		out = append(out, t.portfolio(t.entities[ref], by[ref]))
	}
	return out
}

// portfolio averages worths by the value reported and curves by spend.
func (t tabler) portfolio(e platform.Entity, us []*unit) Target {
	var spend, value float64
	var parts []Part
	weights, worths := make([]float64, len(us)), make([]Worth, len(us))
	limits, names := map[string]int{}, []string{}
	for i, u := range us {
		spend, value = spend+u.WindowSpend, value+u.WindowValue
		worths[i], weights[i] = u.Worth, u.WindowValue
		parts = append(parts, u.known()...)
		names = append(names, u.Name)
		switch {
		case u.bound || u.parent != nil && u.parent.bound:
			limits["budget"]++
		case u.lever.Type == platform.Portfolio:
			limits["target"]++
		default:
			limits[u.LimitedBy]++
		}
	}
	for i := range weights {
		if value > 0 {
			weights[i] /= value
		} else {
			weights[i] = 1 / float64(len(us))
		}
	}
	w, k := blend(worths, weights)
	r := t.row(Key{t.account.Platform, t.account.ID, e.Ref}, e.Name, w, k, parts)
	r.Covers = names
	if r.Spend = spend; spend > 0 {
		r.ROAS = value / spend
		r.NextEuro = along(parts, bySpend(parts, func(p Part) float64 { return p.K * p.Curve.Slope(p.Spend) }), nextEuro)
	}
	r.Current = e.Fields[platform.TargetROAS].Float()
	for _, l := range slices.Sorted(maps.Keys(limits)) {
		if r.LimitedBy != "" {
			r.LimitedBy += ", "
		}
		if r.LimitedBy += l; len(limits) > 1 {
			r.LimitedBy += fmt.Sprintf(" (%d of %d)", limits[l], len(us))
		}
	}
	if t.p.movesPortfolio(r.Key) {
		r.Lever = r.Key.String()
	}
	if len(us) > 1 {
		r.Why = append(r.Why, fmt.Sprintf("Its target steers %d budgets: the target is their own targets' average, by what they spend.", len(us)))
	}
	return r
}

// movesPortfolio reports whether a portfolio strategy is some unit's lever.
func (p *planner) movesPortfolio(k Key) bool {
	for _, u := range all(p.units) {
		if u.Lever != nil && u.Lever.Key == k {
			return true
		}
	}
	return false
}

// current is the target ROAS or floor that all members have; 0 and why where
// they have none or several.
func (t tabler) current(members []platform.Entity) (roas float64, why string) {
	for i, m := range members {
		if s, ok := t.entities[m.Strategy]; ok && m.Strategy.ID != "" {
			m = s
		}
		v := m.Fields[platform.TargetROAS]
		if v == 0 {
			v = m.Fields[platform.ROASFloor]
		}
		if i > 0 && v.Float() != roas {
			return 0, "Its campaigns have several targets."
		}
		roas = v.Float()
	}
	return roas, ""
}

// known is the unit as a part, if it has a curve.
func (u *unit) known() []Part {
	if p := u.part(); p.Curve.Elasticity > 0 && p.Curve.Elasticity < 1 {
		return []Part{p}
	}
	return nil
}

// worthwhile is what k and the curves ask for at a shadow price.
func worthwhile(k, relSD float64, parts []Part, mu float64) Worthwhile {
	w := Worthwhile{K: estimate(k, relSD)}
	if k < leastK {
		w.K = Estimate{}
		return w
	}
	w.BreakEven = &Estimate{1 / k, 1 / w.K.High, 1 / w.K.Low}
	best := bySpend(parts, func(p Part) float64 { return p.Curve.Mode().ROASAtSlope(mu / p.K) })
	if best > 0 && best < mostROAS {
		w.Target = along(parts, best, func(_ Part, k float64, d response.Draw) float64 { return d.ROASAtSlope(mu / k) })
	}
	return w
}

// nextEuro is what the next unit of money spent earns.
func nextEuro(p Part, k float64, d response.Draw) float64 {
	return k * d.Slope(p.Spend)
}

// weights of parts in an average: by spend, or all alike where none spends. What
// sells at a loss has no weight, for it has no target.
func weigh(parts []Part) []float64 {
	weights := make([]float64, len(parts))
	var total float64
	for i, p := range parts {
		if p.K >= leastK && p.Spend > 0 {
			weights[i] = p.Spend
			total += p.Spend
		}
	}
	if total > 0 {
		for i := range weights {
			weights[i] /= total
		}
		return weights
	}
	n := 0.0
	for _, p := range parts {
		if p.K >= leastK {
			n++
		}
	}
	for i, p := range parts {
		if p.K >= leastK {
			weights[i] = 1 / n
		}
	}
	return weights
}

// bySpend averages a figure over the parts by their weights.
func bySpend(parts []Part, f func(Part) float64) (sum float64) {
	for i, g := range weigh(parts) {
		if g > 0 {
			sum += g * f(parts[i])
		}
	}
	return sum
}

// along is a figure with the central 80 % of the parts' draws of k and curve, as
// Expect draws them.
func along(parts []Part, value float64, f func(p Part, k float64, d response.Draw) float64) *Estimate {
	drawn := make([]float64, draws)
	for i, g := range weigh(parts) {
		if g == 0 {
			continue
		}
		p := parts[i]
		rng := rand.New(rand.NewPCG(p.Curve.Seed, 0xe59ec7))
		for j, d := range p.Curve.Draws(draws) {
			k := p.K * math.Exp(p.RelSD*rng.NormFloat64()-p.RelSD*p.RelSD/2)
			drawn[j] += g * f(p, k, d)
		}
	}
	low, high := central(drawn)
	return finite(Estimate{value, min(low, value), max(high, value)})
}

// elasticity is the parts' own, by spend; nil without parts.
func elasticity(parts []Part) *Estimate {
	if len(parts) == 0 {
		return nil
	}
	weights := weigh(parts)
	if !slices.ContainsFunc(weights, func(w float64) bool { return w > 0 }) { // nothing sold is worth anything: the curves are known all the same
		weights = slices.Repeat([]float64{1 / float64(len(parts))}, len(parts))
	}
	var e Estimate
	for i, p := range parts {
		value, low, high := p.Curve.ElasticityAt(cmp.Or(p.Spend, p.Curve.Spend)) // what spends nothing has none yet
		e.Value, e.Low, e.High = e.Value+weights[i]*value, e.Low+weights[i]*low, e.High+weights[i]*high
	}
	e.Low, e.High = min(e.Low, e.Value), max(e.High, e.Value)
	return finite(e)
}

// estimate is a mean with its central 80 %.
func estimate(value, relSD float64) Estimate {
	low, high := interval(value, relSD)
	return Estimate{value, low, high}
}

// capped keeps an interval within what a figure can be.
func capped(e Estimate, least, most float64) Estimate {
	return Estimate{e.Value, min(max(e.Low, least), e.Value), max(min(e.High, most), e.Value)}
}

// finite is the estimate, or nil where it is not of numbers.
func finite(e Estimate) *Estimate {
	if s := e.Value + e.Low + e.High; math.IsNaN(s) || math.IsInf(s, 0) {
		return nil
	}
	return &e
}

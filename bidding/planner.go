package bidding

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// planner is a plan under way.
type planner struct {
	in         *Input
	units      []*unit
	spend      map[*unit]float64 // budgets the allocation chose for tonight
	aim        map[*unit]float64 // and where they are to go
	wary       map[*unit]bool    // which of them would go further, but for caution
	explored   map[*unit]exploration
	mu         float64 // what the next unit of money earns
	spending   float64 // what it has to earn in a budget, in view of doubt
	allocation Allocation
	audiences  *Audiences
	candidates []*candidate
	blocked    []Blocked
	months     []Month
	full       bool         // the budgets that bind take all room that the total leaves them
	lent       []idleBudget // that give room to others, or come down for a limit
	over       float64      // by how much budgets that hold nothing back keep a limit exceeded
	lentPrice  float64      // what the next unit of money earns there without that room
	ads        []UnitAds
}

// candidate is a change that the guardrails on a single change allow.
type candidate struct {
	u        *unit
	change   platform.Change
	wanted   money.Micros
	verdicts []guard.Verdict
	expected Expected
	gains    []float64
}

// take gives the units their curves and the outages that concern them.
func (p *planner) take(fit *response.Result) {
	curves := make(map[string]response.Curve, len(fit.Curves))
	for _, c := range fit.Curves {
		curves[c.Unit] = c
	}
	last := map[string]civil.Date{}
	for _, o := range fit.Outages {
		k := o.Platform
		if o.Unit != "" {
			k = o.Unit
		}
		last[k] = max(last[k], o.Date)
	}
	for _, u := range all(p.units) {
		u.outage = max(last[string(u.Platform)], last[u.Key.String()])
		c, ok := curves[u.Key.String()]
		u.Curve = c
		if why := u.unknown(ok, p.in.Currency); why != "" {
			u.Lever, u.LimitedBy = nil, why
		}
	}
}

// leastHistory is how many reported days a unit has before it is changed.
const leastHistory = 14

// unknown says why too little is known of how a unit answers to be changed; empty
// where enough is.
func (u *unit) unknown(fitted bool, currency string) string {
	c := u.Curve
	switch {
	case !fitted && u.Currency != currency:
		return fmt.Sprintf("its currency is %s; the plan is made in %s", u.Currency, currency)
	case !fitted:
		return "it has no curve"
	case u.odd != "":
		return u.odd
	case c.Refused != "":
		return c.Refused
	case u.noWorth:
		return "what its sales are worth is not known"
	case u.Lever == nil:
		return ""
	case len(u.days) < leastHistory:
		return fmt.Sprintf("only %d days of it are reported; it is changed from %d on", len(u.days), leastHistory)
	case u.Lever.Field == platform.DailyBudget && c.SimulatedShare == 0 && c.PoolShare > 1-1e-6 && u.constantSpend():
		return "its spend has not varied, and nothing else tells what another budget would bring"
	}
	return ""
}

// constantSpend says whether a unit spent the same on all of its days.
func (u *unit) constantSpend() bool {
	const same = 1e-6
	least, most := math.Inf(1), 0.0
	for _, d := range u.days {
		if d.Spend > 0 {
			least, most = min(least, d.Spend), max(most, d.Spend)
		}
	}
	return most-least <= same*most
}

// listen marks the units of whose newest day nothing is reported although it
// cost money: a whole platform that is silent, or a unit of which at least half
// a conversion was due by now, that day and the silent ones right before it taken
// together. That may be chance, and the days stay in the fit, or an outage
// too small to be told from chance: a change can wait some days to know.
func (p *planner) listen() {
	const leastDue = 0.5
	heard := map[platform.Name]bool{}
	for _, u := range p.units {
		if n := len(u.days); n > 0 && u.days[n-1].Date == u.account.LastData && u.days[n-1].Conversions > 0 {
			heard[u.Platform] = true
		}
	}
	for _, u := range all(p.units) {
		day, due := u.silence()
		if !day.IsZero() && (!heard[u.Platform] || due >= leastDue) {
			u.silent = day
		}
	}
}

// silence is the newest reported day, where money was spent on it and no
// conversion is reported, and how many should have been by now, since the last
// one; the zero day where it is not silent.
func (u *unit) silence() (day civil.Date, due float64) {
	perSpend := 0.0
	if u.WindowSpend > 0 {
		perSpend = u.Conversions / u.WindowSpend
	}
	for _, d := range slices.Backward(u.days) {
		if day.IsZero() && d.Date != u.account.LastData || d.Spend <= 0 || d.Conversions > 0 {
			break
		}
		if day.IsZero() {
			day = d.Date
		}
		due += perSpend * d.Spend * u.account.lag().At(u.account.Today.Sub(d.Date))
	}
	return day, due
}

func (p *planner) change(u *unit, v money.Micros) platform.Change {
	return platform.Change{Entity: u.Lever.Ref, Field: u.Lever.Field, Seen: u.Lever.Seen, Value: v}
}

// consider asks what the unit's lever should be and what the guardrails say.
func (p *planner) consider(u *unit) {
	u.describe(max(p.mu, u.price))
	if u.Lever == nil {
		return
	}
	f := u.leverFacts(p.in)
	u.Facts = map[string]guard.Facts{u.Lever.Key.String(): f}
	wanted := u.wanted(p.priceOf(u))
	explored, exploring := p.explored[u]
	if exploring {
		wanted = explored.chosen
	}
	tonight, still := wanted, func(v money.Micros) bool { return share(u.Lever.Seen, v) < p.in.Policy.DeadBand.Change }
	if u.Lever.Field == platform.DailyBudget {
		var err error
		if tonight, err = money.FromFloat(p.spend[u]); err != nil {
			return
		}
		if p.wary[u] && !exploring {
			if wanted, err = money.FromFloat(p.aim[u]); err != nil {
				return
			}
		}
		if still(wanted) || p.beyond(u) { // what the limit asks of it
			wanted = tonight
		}
	}
	if still(wanted) {
		return
	}
	allowed, verdicts := guard.Check(p.in.Policy, guard.Propose, f, p.change(u, wanted))
	if guard.Blocked(verdicts) {
		p.block(u, wanted, verdicts)
		return
	}
	if u.Lever.Field == platform.DailyBudget {
		planned, said := guard.Check(p.in.Policy, guard.Propose, f, p.change(u, tonight))
		if planned != allowed && !exploring { // no step is what it stops at
			verdicts = append(said, p.heldByTotal()...)
		} else if p.atAim(u, planned) {
			verdicts = append(verdicts, heldByCaution(u))
		}
		allowed = planned
	}
	c := &candidate{u: u, change: p.change(u, allowed), wanted: wanted, verdicts: verdicts}
	if still(allowed) {
		return
	}
	c.predict()
	if p.gain(c) < p.in.Policy.DeadBand.MinGain && !c.easesMonth() && !exploring && !p.beyond(u) {
		return
	}
	p.candidates = append(p.candidates, c)
}

// beyond reports whether a budget is cut tonight to less than it is to be in the end,
// which only a limit asks for.
func (p *planner) beyond(u *unit) bool {
	return p.spend[u] < min(u.Lever.Seen.Float(), p.aim[u])*(1-1e-9)
}

func (c *candidate) predict() { c.expected, c.gains = predict(c.u.UnitReport, c.change.Value) }

// gain is what a change earns a day where money is worth mu: a cut that earns
// nothing by itself makes room for what earns more.
func (p *planner) gain(c *candidate) float64 {
	g := c.expected.GainPerDay
	switch {
	case c.u.scarcity > 0:
		return g + c.freed()
	case c.u.Lever.Idle && p.lentBy(c.u).asked: // there is no room for others
		return g
	case c.u.Lever.Idle: // all of it is room for others
		return g + p.roomEarns(c.change.Seen-c.change.Value)
	}
	if c.change.Field == platform.DailyBudget && p.averse() {
		seen, v := c.change.Seen.Float(), c.change.Value.Float()
		return c.u.weighed.Value(v) - c.u.weighed.Value(seen) - p.priceOf(c.u)*(v-seen)
	}
	if c.change.Field == platform.DailyBudget {
		g -= (p.priceOf(c.u) - 1) * (c.change.Value - c.change.Seen).Float() * min(c.u.Utilisation, 1)
	}
	return g
}

func share(seen, v money.Micros) float64 {
	return math.Abs(float64(v-seen)) / float64(max(seen, 1))
}

func (p *planner) block(u *unit, wanted money.Micros, verdicts []guard.Verdict) {
	p.blocked = append(p.blocked, Blocked{Key: u.Lever.Key, Name: u.Lever.Name, Field: u.Lever.Field, Seen: u.Lever.Seen, Wanted: wanted, Verdicts: verdicts})
}

// checkRun applies the run-wide guardrails and predicts again what they
// shortened. What they leave too little of is dropped, and the rest is asked
// again: an increase may have counted on the room of a cut that is gone.
func (p *planner) checkRun() {
	policy := p.in.Policy
	if _, _, ok := policy.Cap(); !ok {
		policy.TotalDailyCap = p.allocation.Total.Float()
	}
	run := guard.Run{Currency: p.in.Currency, Budgets: p.allocation.Before, Moved: p.movedToday(), Months: p.paces()}
	for {
		items := make([]guard.Item, len(p.candidates))
		for i, c := range p.candidates {
			f := c.u.Facts[c.u.Lever.Key.String()]
			items[i] = guard.Item{Change: c.change, Unit: f.Unit(c.change.Field), Gain: p.gain(c), Months: c.u.bears}
		}
		decisions := guard.CheckRun(policy, run, items)
		kept := make([]*candidate, 0, len(decisions))
		for i, d := range decisions {
			c := p.candidates[i]
			if share(c.change.Seen, d.Value) < policy.DeadBand.Change {
				p.block(c.u, c.wanted, append(c.verdicts, d.Verdicts...))
			} else {
				kept = append(kept, c)
			}
		}
		if len(kept) < len(decisions) {
			p.candidates = kept
			continue
		}
		for i, d := range decisions {
			c := p.candidates[i]
			c.verdicts = append(c.verdicts, d.Verdicts...)
			if d.Value != c.change.Value {
				c.change.Value = d.Value
				c.predict()
			}
		}
		break
	}
	slices.SortStableFunc(p.candidates, func(a, b *candidate) int { return cmp.Compare(p.gain(b), p.gain(a)) })
}

// movedToday is what our own budget changes have moved on the accounts' today.
func (p *planner) movedToday() money.Micros {
	today := map[[2]string]civil.Date{}
	for _, a := range p.in.Accounts {
		if a.Currency == p.in.Currency {
			today[[2]string{string(a.Platform), a.ID}] = a.Today
		}
	}
	seen := map[Key]bool{} // a change may be listed twice
	var sum money.Micros
	for _, c := range p.in.Changes {
		d, ok := today[[2]string{string(c.Platform), c.AdAccount}]
		if ok && c.Ours && c.Field == platform.DailyBudget && c.Date == d && !seen[c.Key] {
			seen[c.Key] = true
			sum += max(c.New-c.Old, c.Old-c.New)
		}
	}
	return sum
}

// output writes the plan down.
func (p *planner) output(outages []response.Outage) Output {
	out := Output{Blocked: p.blocked, Targets: p.targets(), Allocation: p.allocation, Outages: outages, Months: p.months, Ads: p.ads}
	total := make([]float64, draws)
	out.Allocation.After = out.Allocation.Before
	for _, c := range p.candidates {
		out.Drafts = append(out.Drafts, p.draft(c))
		for j, g := range c.gains {
			total[j] += g
		}
		if c.change.Field == platform.DailyBudget {
			d := c.change.Value - c.change.Seen
			out.Allocation.After += d
			out.Allocation.Movement += max(d, -d)
		}
	}
	for _, note := range []string{p.excessNote(out.Allocation.After), p.exploreNote()} {
		if note != "" {
			out.Allocation.Notes = append(out.Allocation.Notes, note)
		}
	}
	out.Audiences = p.audiences
	out.Allocation.Gain = mean(total)
	out.Allocation.GainLow, out.Allocation.GainHigh = central(total)
	for _, u := range p.units {
		out.Units = append(out.Units, u.UnitReport)
		out.Alerts = append(out.Alerts, u.alerts...)
		for _, s := range u.within {
			out.Units = append(out.Units, s.UnitReport)
		}
	}
	return out
}

func (p *planner) draft(c *candidate) Draft {
	u := c.u
	d := Draft{Platform: u.Platform, AdAccount: u.AdAccount, Currency: u.Currency, Entity: u.Lever.Ref, Name: u.Lever.Name, Field: u.Lever.Field,
		Seen: c.change.Seen, Proposed: c.change.Value}
	d.Expected, d.Guardrails, d.Reasons = c.expected, c.verdicts, p.reasons(c)
	d.Alerts = u.alerts
	for _, m := range slices.Concat(u.merged, u.beside) {
		if m != u {
			d.Alerts = append(slices.Clip(d.Alerts), m.alerts...)
		}
	}
	for _, a := range d.Alerts {
		d.Reasons = append(d.Reasons, "Alert: "+a.Detail)
	}
	w := u.Worth
	elasticity, low, high := u.Curve.ElasticityAt(u.part().Spend)
	d.Evidence = Evidence{WindowStart: u.WindowStart, WindowEnd: u.WindowEnd, Spend: u.WindowSpend, Value: u.WindowValue,
		Conversions: u.Conversions, K: u.K, Margin: w.Margin, LTVMultiple: w.LTVMultiple, IncrementalShare: w.IncrementalShare, Calibrated: w.Calibrated,
		Elasticity: elasticity, ElasticityLow: low, ElasticityHigh: high,
		BreakEvenROAS: u.BreakEven, ShadowPrice: p.priceOf(u)}
	return d
}

// describe fills what depends on the shadow price.
func (u *unit) describe(mu float64) {
	part := u.part()
	u.Target = target([]Part{part}, mu)
	if part.Spend > 0 {
		u.NextEuro = u.K * u.Curve.Slope(part.Spend)
	}
	if u.mean != nil {
		u.NextEuro = u.mean.Slope(u.Lever.Seen.Float())
	}
}

package bidding

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Under one budget that several campaigns share, each campaign's own target or
// bid, or that of its portfolio strategy, is a unit within the unit: it has a
// curve, a worth and a lever of its own, and no budget. So is each ad group or ad
// set of a campaign that leaves its bids to them.

// split makes the units within a budget that several campaigns, ad groups or ad sets
// share. None where one value steers all of them or no value any.
func (x index) split(u *unit, entities map[platform.Ref]platform.Entity, bidders map[platform.Ref][]platform.Entity, series map[platform.Ref]Series, odd map[platform.Ref]string) {
	within := x.sharing(u, entities, bidders, series)
	if len(within) < 2 || u.Budget <= 0 {
		return
	}
	levers := 0
	for _, s := range within {
		for _, m := range s.members {
			s.odd = cmp.Or(s.odd, odd[m.Ref])
		}
		s.sum(series)
		x.weigh(s, series)
		s.Room = u.Budget.Float()
		if s.LimitedBy = "it has not spent anything yet"; len(s.days) > 0 {
			s.setTargetLever(entities)
		}
		if u.bound && s.Lever != nil && s.sharedStrategy(entities) {
			s.Lever, s.LimitedBy = nil, "target of "+s.lever.Name+", which steers other budgets too"
		}
		if s.Lever != nil {
			levers++
		}
	}
	if levers == 0 {
		return
	}
	if u.within = within; !u.bound {
		u.Lever, u.LimitedBy = nil, "the targets or bids of its "+sharers(within)+", which are chosen together"
	}
}

// sharing are what shares a unit's budget, a unit for each value that may steer some
// of it.
func (x index) sharing(u *unit, entities map[platform.Ref]platform.Entity, bidders map[platform.Ref][]platform.Entity, series map[platform.Ref]Series) (within []*unit) {
	by := map[platform.Ref]*unit{}
	for _, m := range u.steering(bidders, series) {
		steers := m.Ref
		if s, ok := entities[m.Strategy]; ok && m.Strategy.ID != "" {
			steers = s.Ref
		}
		s := by[steers]
		if s == nil {
			s = &unit{parent: u, account: u.account, owner: u.owner, last: u.last, lastOther: u.lastOther, otherName: u.otherName, cycle: u.cycle, holes: u.holes}
			s.Key, s.Currency, s.Within = Key{u.Platform, u.AdAccount, m.Ref}, u.Currency, &u.Key
			s.Name = m.Name
			by[steers], within = s, append(within, s)
		}
		s.members = append(s.members, m)
		s.Campaigns = append(s.Campaigns, m.Ref)
		for _, g := range u.groups {
			if g.Parent == m.Ref {
				s.groups = append(s.groups, g)
			}
		}
		if u.of(m) { // what was changed beside it need not let it rest
			in := entities[m.Parent]
			s.above = []string{in.ID, in.Name}
			s.last, s.lastOther, s.otherName = 0, time.Time{}, ""
		}
		x.history(s)
	}
	return within
}

// Bidders are, of each running campaign that leaves bids or floors to several running ad
// groups or ad sets, these, as they are under it.
func Bidders(entities []platform.Entity) map[platform.Ref][]platform.Entity {
	campaigns := map[platform.Ref]platform.Entity{}
	for _, e := range entities {
		if e.Type == platform.Campaign && e.Status == platform.Enabled && e.Strategy.ID == "" && e.Fields[platform.TargetROAS] == 0 {
			campaigns[e.Ref] = e
		}
	}
	out, bids := map[platform.Ref][]platform.Entity{}, map[platform.Ref]bool{}
	for _, g := range entities {
		m, ok := campaigns[g.Parent]
		if !ok || g.Status != platform.Enabled || g.Budget == g.Ref {
			continue
		}
		bids[m.Ref] = bids[m.Ref] || g.Fields[platform.CPCBid] > 0 || g.Fields[platform.BidAmount] > 0 || g.Fields[platform.ROASFloor] > 0
		g.Channel, g.Frequency, g.ReadOnly = m.Channel, m.Frequency, cmp.Or(g.ReadOnly, m.ReadOnly)
		if g.Type == platform.AdGroup { // Google tells of whole campaigns that they learn
			g.Learning = m.Learning
		}
		out[m.Ref] = append(out[m.Ref], g)
	}
	maps.DeleteFunc(out, func(c platform.Ref, groups []platform.Entity) bool { return len(groups) < 2 || !bids[c] })
	return out
}

// steering are what may steer the unit's spend by values of their own: its members, in
// place of one that leaves that to others these, once any of them has figures.
func (u *unit) steering(bidders map[platform.Ref][]platform.Entity, series map[platform.Ref]Series) (out []platform.Entity) {
	for _, m := range u.members {
		if groups := bidders[m.Ref]; slices.ContainsFunc(groups, func(g platform.Entity) bool { return len(series[g.Ref].Days) > 0 }) {
			out = append(out, groups...)
		} else {
			out = append(out, m)
		}
	}
	return out
}

// of reports whether an entity lies in one of the unit's members.
func (u *unit) of(e platform.Entity) bool {
	return slices.ContainsFunc(u.members, func(m platform.Entity) bool { return m.Ref == e.Parent })
}

// sharers is what people call those that share a budget.
func sharers(within []*unit) string {
	called := map[platform.EntityType]string{platform.Campaign: "campaigns", platform.AdGroup: "ad groups", platform.AdSet: "ad sets"}
	var out []string
	for _, s := range within {
		if w := called[s.members[0].Type]; !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return strings.Join(out, " and ")
}

// sharedStrategy reports whether the unit's strategy steers another budget too.
func (u *unit) sharedStrategy(entities map[platform.Ref]platform.Entity) bool {
	for _, e := range entities {
		if e.Strategy == u.lever.Ref && e.Status == platform.Enabled && e.Budget != u.owner.Ref {
			return true
		}
	}
	return false
}

// all are the units of control, each before the units within it.
func all(us []*unit) []*unit {
	out := make([]*unit, 0, len(us))
	for _, u := range us {
		out = append(append(out, u), u.within...)
	}
	return out
}

// fitWithin adds to a fit the curves of the units within others, and the outages
// of single ones. They are fitted beside everything else in the place of the unit
// whose budget they share, in a fit of their own: together with it, all that they
// sell would count twice.
func fitWithin(in *Input, us []*unit, fit response.Input, whole response.Result) response.Result {
	fit.Units = nil
	ids := map[string]bool{}
	for _, u := range us {
		switch {
		case u.Currency != in.Currency:
		case len(u.within) == 0:
			fit.Units = append(fit.Units, u.toFit())
		default:
			for _, s := range u.within {
				fit.Units = append(fit.Units, s.toFit())
				ids[s.Key.String()] = true
			}
		}
	}
	if len(ids) == 0 {
		return whole
	}
	parts := response.Fit(fit)
	for _, c := range parts.Curves {
		if ids[c.Unit] {
			whole.Curves = append(whole.Curves, c)
		}
	}
	for _, o := range parts.Outages {
		if ids[o.Unit] {
			whole.Outages = append(whole.Outages, o)
		}
	}
	return whole
}

// toFit is the unit as curves are fitted to it.
func (u *unit) toFit() response.Unit {
	return response.Unit{ID: u.Key.String(), Platform: string(u.Platform), Type: u.kind(), DemandDriven: !u.bound, Budget: u.Budget.Float(), Days: u.days, Simulated: u.simulated}
}

// inherit gives the units within a unit what concerns the budget as a whole.
func (u *unit) inherit() {
	for _, s := range u.within {
		s.months, s.bears, s.alerts, s.overlap = u.months, u.bears, u.alerts, u.overlap
		s.worn, s.wornWords = u.worn, u.wornWords
		s.outage, s.silent = max(s.outage, u.outage), max(s.silent, u.silent)
	}
}

// considerWithin asks what the targets and bids under a shared budget should be:
// all of them at the price at which the money that they let through fits the
// budget, so that the next unit of it earns the same in each (tau = mu/(elasticity
// k), mu being the budget's own shadow price). Where the budget itself is to be
// changed tonight, the two exclude each other, for both move what the campaigns
// spend: what promises more is proposed.
func (p *planner) considerWithin(u *unit) {
	var free []*unit
	for _, s := range u.within {
		s.describe(max(p.mu, u.price))
		switch {
		case s.Lever != nil && len(s.Lever.Parts) > 0: // a strategy that steers other budgets too
			p.consider(s)
		case s.chosenTogether():
			free = append(free, s)
		}
	}
	found := p.splitBudget(u, free)
	if len(found) == 0 {
		return
	}
	i := slices.IndexFunc(p.candidates, func(c *candidate) bool { return c.u == u })
	if i < 0 {
		p.candidates = append(p.candidates, found...)
		return
	}
	if _, exploring := p.explored[u]; exploring {
		return
	}
	var gain float64
	for _, c := range found {
		gain += p.gain(c)
	}
	if c := p.candidates[i]; gain > p.gain(c) && !c.easesMonth() {
		p.candidates = append(slices.Delete(p.candidates, i, i+1), found...)
	}
}

// chosenTogether reports whether the unit within a budget has a target or bid that is
// chosen with those beside it.
func (u *unit) chosenTogether() bool {
	return u.Lever != nil && len(u.Lever.Parts) == 0 && u.Spend > 0
}

// choice is one target or bid under a shared budget, with the bounds that the
// guardrails allow tonight.
type choice struct {
	u      *unit
	lo, hi money.Micros
}

// dearest is a price at which everything goes as low as it may.
const dearest = 1e12

// at is the value at a price, within the bounds.
func (c *choice) at(mu float64) money.Micros { return min(max(c.u.wanted(mu), c.lo), c.hi) }

// spend is what all that the value steers is expected to spend at a price, whatever
// the budget.
func (c *choice) spend(mu float64) (sum float64) {
	for _, part := range c.u.parts() {
		part.Budget = math.Inf(1)
		sum += spendAfter(c.u.Lever.Field, part, c.at(mu).Float()/c.u.Lever.Seen.Float(), part.Curve.Mode())
	}
	return sum
}

// splitBudget chooses the targets and bids of some units within a budget. What
// comes out too small to propose stays as it is, and the others are chosen again
// around it.
func (p *planner) splitBudget(u *unit, free []*unit) []*candidate {
	var spent float64
	for _, s := range u.within {
		spent += s.Spend
	}
	left := max(u.Budget.Float(), spent) // what was spent lately may be above a budget cut since
	for _, s := range u.within {
		if !slices.Contains(free, s) {
			left -= s.Spend
		}
	}
	var choices []*choice
	for _, s := range free {
		choices = append(choices, p.choiceOf(s))
	}
	least := max(p.mu, u.price)
	mu, _ := price(choices, least, left)
	p.refuse(choices, mu)
	for {
		mu, binds := price(choices, least, left)
		leave(choices, mu, binds, left)
		var found []*candidate
		kept := choices[:0:0]
		for _, c := range choices {
			if made := p.propose(c, mu); made != nil {
				kept, found = append(kept, c), append(found, made)
			} else {
				left -= c.u.Spend
			}
		}
		if len(kept) == len(choices) {
			return found
		}
		choices = kept
	}
}

// choiceOf asks the guardrails how far a unit's value may go tonight.
func (p *planner) choiceOf(s *unit) *choice {
	f := s.leverFacts(p.in)
	s.Facts = map[string]guard.Facts{s.Lever.Key.String(): f}
	c := &choice{u: s}
	c.lo, _ = guard.Check(p.in.Policy, guard.Propose, f, p.change(s, s.Lever.Seen/2))
	c.hi, _ = guard.Check(p.in.Policy, guard.Propose, f, p.change(s, 2*s.Lever.Seen))
	return c
}

// leave tells each unit the price, and what the others leave it at that price.
func leave(choices []*choice, mu float64, binds bool, left float64) {
	for _, c := range choices {
		left -= c.spend(mu)
	}
	for _, c := range choices {
		c.u.price, c.u.scarcity, c.u.Room = mu, max(c.u.parent.scarcity, 1), left+c.spend(mu)
		if binds {
			c.u.scarcity = mu
		}
		c.u.describe(mu)
	}
}

// price finds the lowest price from least on at which the units together spend no
// more than the limit. binds: it is the limit that makes it. Where the guardrails
// do not let them spend so little tonight, it is the price from which on all are
// as low as they may be.
func price(choices []*choice, least, limit float64) (mu float64, binds bool) {
	spend := func(mu float64) (sum float64) {
		for _, c := range choices {
			sum += c.spend(mu)
		}
		return sum
	}
	if spend(least) <= limit {
		return least, false
	}
	low, high := math.Log(least), math.Log(least)
	for range 40 { // a value is never chosen beyond twice or half of what it is
		if high += math.Ln2; spend(math.Exp(high)) <= limit {
			break
		}
		low = high
	}
	if spend(math.Exp(high)) > limit {
		limit = spend(math.Exp(high))
		low = math.Log(least)
	}
	for range 60 {
		if mid := (low + high) / 2; spend(math.Exp(mid)) <= limit {
			high = mid
		} else {
			low = mid
		}
	}
	return math.Exp(high), true
}

// refuse reports what the guardrails allow no change of.
func (p *planner) refuse(choices []*choice, mu float64) {
	for _, c := range choices {
		wanted := c.u.wanted(mu)
		if share(c.u.Lever.Seen, wanted) < p.in.Policy.DeadBand.Change {
			continue
		}
		_, verdicts := guard.Check(p.in.Policy, guard.Propose, c.u.Facts[c.u.Lever.Key.String()], p.change(c.u, wanted))
		if guard.Blocked(verdicts) {
			p.block(c.u, wanted, verdicts)
		}
	}
}

// propose is a unit's change at a price, nil where it is too small.
func (p *planner) propose(c *choice, mu float64) *candidate {
	u := c.u
	wanted := u.wanted(mu)
	_, verdicts := guard.Check(p.in.Policy, guard.Propose, u.Facts[u.Lever.Key.String()], p.change(u, wanted))
	value, _ := guard.Check(p.in.Policy, guard.Propose, u.Facts[u.Lever.Key.String()], p.change(u, c.at(mu)))
	made := &candidate{u: u, change: p.change(u, value), wanted: wanted, verdicts: verdicts}
	if share(u.Lever.Seen, value) < p.in.Policy.DeadBand.Change {
		return nil
	}
	made.predict()
	if p.gain(made) < p.in.Policy.DeadBand.MinGain && !made.easesMonth() {
		return nil
	}
	return made
}

// freed is what a change of a unit earns besides its own profit where money is scarce
// under its budget or in its month: what it spends less, or more, the others there
// have more, or less.
func (c *candidate) freed() (sum float64) {
	for _, part := range c.u.parts() {
		after := spendAfter(c.change.Field, part, c.change.Value.Float()/c.change.Seen.Float(), part.Curve.Mode())
		sum += (c.u.scarcity - 1) * (part.Spend - after)
	}
	return sum
}

// withinReasons say why a target or bid under a shared budget is to change.
func (p *planner) withinReasons(c *candidate) (out []string) {
	u := c.u
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	of := "target"
	if c.change.Field.IsRatio() {
		add("The ROAS that earns most is %.2f; the target is %s.", target(u.parts(), u.price), c.change.Seen.Decimal())
	} else {
		of = "bid"
		add("The next %s spent here earns %.2f and should earn %.2f, so a click is worth %.0f %% of what is bid for it.", u.Currency, u.NextEuro, u.price, 100*u.NextEuro/u.price)
	}
	others := sharers(u.parent.within)
	where := "in the other " + others + " under the budget"
	shared := fmt.Sprintf("It shares the budget %q with other %s.", cmp.Or(u.owner.Name, u.parent.Name), others)
	if len(u.above) > 0 {
		shared = fmt.Sprintf("It lies in the campaign %q, and shares its budget with other %s.", u.above[1], others)
	}
	switch {
	case u.scarcity > 1 && u.scarcity == u.parent.scarcity:
		where = "elsewhere in the month"
		add("%s That budget leaves room, but its month does not: the next %s spent in the month is to earn %.2f everywhere.", shared, u.Currency, u.price)
	case u.scarcity > 1:
		add("%s Their targets and bids are chosen together, so that the next %s of that budget earns the same in each of them: %.2f.", shared, u.Currency, u.price)
	case u.parent.bound:
		add("%s Nearly all of that budget is spent; what is not spent at the new %ss would earn less than it costs.", shared, of)
	default:
		add("%s That budget leaves room, so the %s holds it back; each is chosen by what its own next %s earns.", shared, of, u.Currency)
	}
	if c.expected.GainPerDay < 0 {
		add("On its own the change costs a little profit; the money it frees earns more %s.", where)
	}
	return out
}

// withinOf is the unit within the unit that a campaign belongs to; nil without one.
func (u *unit) withinOf(r platform.Ref) *unit {
	for _, s := range u.within {
		if slices.Contains(s.Campaigns, r) {
			return s
		}
	}
	return nil
}

package bidding

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	// idleShare is the utilisation below which a budget counts as larger than it
	// need be.
	idleShare = 0.7
	// idleQuantile and idleRoom: a budget that is cut for being idle keeps so much
	// more than this quantile of its days, and never less than its dearest day.
	idleQuantile = 0.95
	idleRoom     = 1.25
)

// idleBudget is a budget of which part lies idle, and what it may be cut to.
type idleBudget struct {
	u       *unit
	to      money.Micros
	wanted  money.Micros // without the guardrails
	dearest float64      // of the days compared
	steered float64      // by what its target or bid may multiply its spend meanwhile
	asked   bool         // by a limit that is exceeded, and not to make room for others
	facts   guard.Facts
	said    []guard.Verdict
}

func (i idleBudget) frees() money.Micros { return i.u.Budget - i.to }

// needed is what a budget that does not hold its spend back has to be, so that it
// does not begin to; ok is false where it has not been seen for long enough, or
// has no part that lies idle.
func (u *unit) needed() (least, dearest float64, ok bool) {
	if u.bound || u.compared < compareDays || u.Utilisation > idleShare {
		return 0, 0, false
	}
	least, dearest = u.keeps()
	return least, dearest, true
}

// keeps is what a budget has to be so that it holds none of the spend back, and the
// dearest day's spend.
func (u *unit) keeps() (least, dearest float64) {
	var spends []float64
	for _, d := range slices.Backward(u.days) {
		if d.Date < u.account.Today && d.Spend > 0 && len(spends) < compareDays {
			spends = append(spends, d.Spend)
		}
	}
	if len(spends) == 0 {
		return 0, 0
	}
	slices.Sort(spends)
	dearest = spends[len(spends)-1]
	usual := spends[int(math.Ceil(idleQuantile*float64(len(spends))))-1]
	return max(dearest, idleRoom*usual), dearest
}

// idle finds the budgets that can be cut tonight and lose nothing by it, those
// that free most first. Those that something is wrong with are left alone, for
// that may be why they spend so little, and so are those whose shared targets are to
// change. Where a target or bid of the unit's own moves, whichever earns more comes
// first, and the budget keeps the room that a step of it may need.
func (p *planner) idle() []idleBudget {
	var out []idleBudget
	if len(p.paces()) > 0 { // months are planned by what is spent, not by budgets
		return nil
	}
	for _, u := range p.units {
		least, dearest, ok := u.needed()
		if !ok || u.Currency != p.in.Currency || u.Curve.Unit == "" || len(u.alerts) > 0 || p.retargets(u) {
			continue
		}
		steered := p.steered(u)
		to, err := money.FromFloat(least * steered)
		if err != nil {
			continue
		}
		i := idleBudget{u: u, wanted: to, dearest: dearest, steered: steered, facts: u.facts(p.in, u.owner)}
		i.to, i.said = guard.Check(p.in.Policy, guard.Propose, i.facts,
			platform.Change{Entity: u.owner.Ref, Field: platform.DailyBudget, Seen: u.Budget, Value: to})
		if i.to < u.Budget && share(u.Budget, i.to) >= p.in.Policy.DeadBand.Change && p.roomEarns(i.frees()) > p.steeringEarns(u) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b idleBudget) int { return cmp.Compare(b.frees(), a.frees()) })
	return out
}

// retargets reports whether a target that other campaigns share steers the unit, or
// one of a campaign within it may change tonight.
func (p *planner) retargets(u *unit) bool {
	return u.lever.Type == platform.Portfolio || slices.ContainsFunc(u.within, func(s *unit) bool {
		return s.lever.Type == platform.Portfolio || s.Lever != nil && share(s.Lever.Seen, s.wanted(p.mu)) >= p.in.Policy.DeadBand.Change
	})
}

// steered is by what a step of the unit's own target or bid may multiply its
// spend, at least 1.
func (p *planner) steered(u *unit) float64 {
	if u.Lever == nil || u.Lever.Seen <= 0 || u.part().Spend <= 0 {
		return 1
	}
	part, most := u.part(), p.in.Policy.Step.Default
	ratio := min(max(u.wanted(p.mu).Float()/u.Lever.Seen.Float(), 1-most), 1+most)
	var spend float64
	for _, d := range part.Curve.Draws(draws) {
		spend += spendAfter(u.Lever.Field, part, ratio, d) / draws
	}
	return max(spend/part.Spend, 1)
}

// steeringEarns is what the unit's own target or bid can earn a day by what it may
// change tonight.
func (p *planner) steeringEarns(u *unit) float64 {
	if u.Lever == nil {
		return 0
	}
	v, verdicts := guard.Check(p.in.Policy, guard.Propose, u.leverFacts(p.in), p.change(u, u.wanted(p.mu)))
	if guard.Blocked(verdicts) || share(u.Lever.Seen, v) < p.in.Policy.DeadBand.Change {
		return 0
	}
	expected, _ := predict(u.UnitReport, v)
	return expected.GainPerDay
}

// lendIdle solves a problem whose total binds again with the room that idle
// budgets could give. room is what the total leaves: less than the problem's, where
// even the least budgets are above it.
func (p *planner) lendIdle(problem allocate.Problem, sol allocate.Solution, room float64) (allocate.Problem, allocate.Solution, error) {
	p.lentPrice = p.mu
	if p.mu <= 1 {
		return problem, sol, nil
	}
	p.lent = p.idle()
	for _, i := range p.lent {
		room += i.frees().Float()
	}
	if len(p.lent) == 0 || room <= *problem.Total {
		return problem, sol, nil
	}
	problem.Total = &room
	sol, err := allocate.Solve(problem)
	if err != nil {
		return problem, sol, fmt.Errorf("the budgets cannot be allocated: %w", err)
	}
	p.mu = sol.ShadowPrice
	return problem, sol, nil
}

// keepLent drops the idle budgets whose room is not needed after all.
func (p *planner) keepLent(room float64, spend []float64) {
	used := -room
	for _, s := range spend {
		used += s
	}
	kept := p.lent[:0]
	for _, i := range p.lent {
		if used > 0.005 { // cents of rounding
			kept = append(kept, i)
			used -= i.frees().Float()
		}
	}
	p.lent = kept
}

// lentBy is the cut of a unit's idle budget; nil without one.
func (p *planner) lentBy(u *unit) *idleBudget {
	if i := slices.IndexFunc(p.lent, func(i idleBudget) bool { return i.u == u }); i >= 0 {
		return &p.lent[i]
	}
	return nil
}

// considerIdle proposes to cut an idle budget, in place of what else the unit would
// change tonight; where only a limit asks for it, not in place of what spends less.
func (p *planner) considerIdle(u *unit) {
	i := p.lentBy(u)
	if i == nil || slices.ContainsFunc(p.candidates, func(c *candidate) bool { return c.u.parent == u }) {
		return
	}
	if i.asked && slices.ContainsFunc(p.candidates, func(c *candidate) bool { return c.u == u && c.buysLess() }) {
		return
	}
	if guard.Blocked(i.said) {
		p.blocked = append(p.blocked, Blocked{Key: u.Key, Name: u.Name, Field: platform.DailyBudget, Seen: u.Budget, Wanted: i.wanted, Verdicts: i.said})
		return
	}
	p.candidates = slices.DeleteFunc(p.candidates, func(c *candidate) bool { return c.u == u })
	u.use(u.owner, platform.DailyBudget)
	u.Lever.Idle = true
	u.Facts = map[string]guard.Facts{u.Lever.Key.String(): i.facts}
	c := &candidate{u: u, change: p.change(u, i.to), wanted: i.wanted, verdicts: i.said}
	c.predict()
	p.candidates = append(p.candidates, c)
}

// roomEarns is what others earn a day with so much more room in the total, at the
// price that it has without it.
func (p *planner) roomEarns(room money.Micros) float64 { return (p.lentPrice - 1) * room.Float() }

// idleReasons say why a budget is cut that holds nothing back.
func (p *planner) idleReasons(c *candidate) (out []string) {
	u := c.u
	i := p.lentBy(u)
	top, err := money.FromFloat(i.dearest)
	if err != nil {
		return nil
	}
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	used := fmt.Sprintf("In %d days it used %.0f %% of it, and on its dearest day %s", u.compared, 100*u.Utilisation,
		money.Format(roundForPeople(top, platform.DailyBudget, u.Currency), u.Currency))
	switch {
	case !i.asked:
		add("The cut costs nothing: the campaign has long not spent its budget. %s, which is still less than the new budget.", used)
		add("All daily budgets together are at their limit or above it, and the part that lies idle takes up room in it that other campaigns would use.")
	case top <= c.change.Value:
		add("All daily budgets together are above their limit, and the cut costs nothing: the campaign does not spend its budget. %s, which is still less than the new budget.", used)
	default:
		add("All daily budgets together are above their limit, which comes first: a budget is cut also where it is not what holds the spend back. %s; such days the new budget holds back.", used)
	}
	if i.steered > 1 {
		add("The new budget leaves room for %.0f %% more, which a step of its target or bid may bring.", 100*(i.steered-1))
	}
	return out
}

package bidding

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	// leastDays that count are needed to speak of an outcome.
	leastDays = 5
	// surpriseSD is the standard deviation, as a share of the value, of what a
	// change does beyond moving along the curve: a learning phase begun anew, an
	// audience used up. Platforms' own words on learning phases are of losses of
	// 10 to 20 %.
	surpriseSD = 0.1
)

// AppliedChange is a change that took effect, with what the night that proposed it knew.
type AppliedChange struct {
	Unit      UnitReport // that the change steers
	Field     platform.Field
	Seen      money.Micros // before
	Value     money.Micros // after
	Expected  Expected
	From      civil.Date            // the first day at the new value, in the ad account's zone
	Units     []UnitReport          // the whole table of that night
	DayOfWeek map[string][7]float64 // by platform; see response.Result
	// Starved are days on which too much of what the unit sells could not be sold.
	Starved map[civil.Date]bool
}

// Meter measures what became of changes.
type Meter struct {
	in      *Input
	account map[[2]string]*Account
	days    map[Key][]response.Day
	changes map[Key][]PastChange
	down    map[response.Outage]bool // without the counts
	shifts  map[string][]shift       // by Key.String()
	effects map[string]response.Effect
}

// NewMeter prepares measuring on what a night has loaded, what its fit has found, and
// what nights up to then were warned of, by their dates.
func NewMeter(in *Input, fit response.Result, alerts map[civil.Date][]Alert) *Meter {
	m := &Meter{in: in, account: map[[2]string]*Account{}, days: map[Key][]response.Day{}, changes: newIndex(in).changes, down: map[response.Outage]bool{},
		shifts: shiftsOf(fit.Changes, alerts), effects: map[string]response.Effect{}}
	for _, c := range fit.Curves {
		m.effects[c.Unit] = c.Effect
	}
	for i := range in.Accounts {
		a := &in.Accounts[i]
		m.account[[2]string{string(a.Platform), a.ID}] = a
		for _, s := range a.Performance {
			m.days[Key{a.Platform, a.ID, s.Entity}] = s.Days
		}
	}
	for _, o := range fit.Outages {
		m.down[response.Outage{Platform: o.Platform, Unit: o.Unit, Date: o.Date}] = true
	}
	return m
}

// followed is one unit whose spend hangs on the changed value.
type followed struct {
	UnitReport
	part Part
}

// Measure compares what a change promised with what came, and what came with
// what the days would have brought without it: difference in differences. The
// unit's curve of the night that proposed the change says what the old value
// would have earned, the other units say how much better or worse than their own
// curves the same days were for everybody. Of goods marked down or out of stock that is
// expected what the newest curves say they do. Days of an outage, without spend, with
// too much out of stock or after something else changed what the unit brings (shift.go)
// do not count, and at the unit's next change the window ends.
//
// The gain measured by the window alone is seldom far from chance. What is
// believed of it joins it to what the change was known to do beforehand, as two
// normal estimates of one difference in value weighed by their precisions: the
// curve's, widened by surpriseSD, and the window's. Its error holds the curve's
// level, the demand of the days, shared and own, and the luck of single orders.
func (m *Meter) Measure(a AppliedChange) Outturn {
	e := a.Expected
	o := Outturn{From: a.From, To: a.From.AddDays(OutcomeDays - 1), Promised: e.ProfitPerDay, Unchanged: e.ProfitPerDay - e.GainPerDay,
		PromisedGain: e.GainPerDay, PromisedGainLow: e.GainLow, PromisedGainHigh: e.GainHigh, Verdict: Unjudged}
	if a.Seen <= 0 || a.Value <= 0 {
		o.Why = "A change from or to nothing has no curve to compare with."
		return o
	}
	units := a.followed()
	m.cut(&o, a, units)
	used := m.used(&o, a, units)
	if o.Days < leastDays {
		o.Why = fmt.Sprintf("Only %d days count; it takes %d.", o.Days, leastDays)
		if len(o.LeftOut) > 0 {
			o.Why += fmt.Sprintf(" Left out: %s.", strings.Join(o.LeftOut, "; "))
		}
		return o
	}
	o.Demand, o.DemandSD, o.Others = m.demand(a, units, used)
	var parts []effect
	for i := range units {
		x := m.effect(a, &units[i], used, o.Demand, o.DemandSD)
		if !x.sane() {
			o.Why, o.Spend, o.ProfitPerDay = "Its curve or its figures are not numbers to judge by.", 0, 0
			return o
		}
		parts = append(parts, x)
		o.Spend += x.spend
		o.ProfitPerDay += x.part.K*x.value - x.spend
	}
	judgePromise(&o, a, parts)
	judgeGain(&o, parts)
	o.judge(m.in.Policy.Rollback.Probability, m.in.Policy.Rollback.MinLoss)
	return o
}

// followed are the units that hang on the changed value: the unit itself, or
// the members of a portfolio.
func (a *AppliedChange) followed() []followed {
	parts := a.Unit.parts()
	if len(parts) == 1 {
		return []followed{{a.Unit, parts[0]}}
	}
	var out []followed
	for _, p := range parts {
		if i := slices.IndexFunc(a.Units, func(u UnitReport) bool { return u.Key.String() == p.Curve.Unit }); i >= 0 {
			out = append(out, followed{a.Units[i], p})
		}
	}
	return out
}

// cut ends the window at the next change of anything the units hang on.
func (m *Meter) cut(o *Outturn, a AppliedChange, units []followed) {
	keys := map[Key]bool{}
	if a.Unit.Lever != nil {
		keys[a.Unit.Lever.Key] = true
	}
	for _, u := range units {
		keys[u.Key] = true
		if u.Within != nil {
			keys[*u.Within] = true
		}
		for _, r := range u.Campaigns {
			keys[Key{u.Platform, u.AdAccount, r}] = true
		}
	}
	for k := range keys {
		for _, c := range m.changes[k] {
			if c.Date > a.From && c.Date <= o.To {
				o.To = c.Date.AddDays(-1)
			}
		}
	}
}

// effect is what the change did to one unit's value a day: what came, and the
// difference to the counterfactual as it was expected and as the window has it.
type effect struct {
	part              Part
	n, weekday        float64 // days that count, their mean factor of weekday and conditions
	spend, value      float64 // that came, a day
	oldSpend          float64 // without the change
	oldValue          float64 // without it, by curve and demand
	prior, priorSD    float64 // of the difference in value, before the window
	seen, seenSD      float64 // by the window alone
	believed, beliefs float64 // both together, and its standard deviation
}

func (x effect) sane() bool {
	for _, v := range []float64{x.spend, x.value, x.oldSpend, x.oldValue, x.prior, x.priorSD, x.seen, x.seenSD, x.believed, x.beliefs, x.part.K} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func (m *Meter) effect(a AppliedChange, u *followed, used []civil.Date, demand, demandSD float64) effect {
	c := u.part.Curve
	x := effect{part: u.part, n: float64(len(used))}
	totals := m.totals(&u.UnitReport, used[0], used[len(used)-1])
	for _, d := range used {
		t := totals[d]
		x.spend, x.value = x.spend+t.spend/x.n, x.value+t.value/x.n
		x.weekday += a.weekday(&u.UnitReport, d) * t.factor() / x.n
	}
	ratio := a.Value.Float() / a.Seen.Float()
	x.oldSpend = spendWithout(a.Field, u.part, ratio, x.spend)
	if x.spend > 0 && c.Level > 0 { // day by day: good days are not spent evenly
		for _, d := range used {
			x.oldValue += demand * a.weekday(&u.UnitReport, d) * totals[d].factor() * c.Value(totals[d].spend*x.oldSpend/x.spend) / x.n
		}
	}
	// What moving from the old to the actual spend was known to bring.
	diffs := make([]float64, draws)
	if at := c.Value(x.oldSpend); at > 0 {
		for j, d := range c.Draws(draws) {
			diffs[j] = x.oldValue / at * (d.Value(x.spend) - d.Value(x.oldSpend))
		}
	}
	x.prior = mean(diffs)
	for _, d := range diffs {
		x.priorSD += square(d-x.prior) / draws
	}
	x.priorSD = math.Sqrt(x.priorSD + square(surpriseSD*x.oldValue))
	// What the window says of it.
	x.seen = x.value - x.oldValue
	expected := max(x.oldValue+x.prior, 0)
	x.seenSD = math.Sqrt(square(x.oldValue)*(square(c.LevelSD)+square(demandSD)) + max(c.Dispersion*c.Clustering, c.OrderLuck)*expected/x.n)
	if x.priorSD > 0 && x.seenSD > 0 {
		p, q := 1/square(x.priorSD), 1/square(x.seenSD)
		x.believed, x.beliefs = (p*x.prior+q*x.seen)/(p+q), 1/math.Sqrt(p+q)
	}
	return x
}

// spendWithout is what a unit that spent so much would have spent had the value
// not been changed by a ratio. A budget that holds spend back is spent in
// proportion; one that does not changes nothing.
func spendWithout(f platform.Field, p Part, ratio, spent float64) float64 {
	if f != platform.DailyBudget {
		q := p
		q.Spend = spent
		return spendAfter(f, q, 1/ratio, p.Curve.Mode())
	}
	switch {
	case p.Idle:
		return spent
	case ratio > 1:
		return min(spent, max(spent/ratio, p.Spend))
	case spent < boundShare*p.Spend*ratio:
		return spent
	}
	return spent / ratio
}

// judgePromise holds the profit that came against the distribution that the
// proposal's draws promise for the days that count, the luck of single orders
// in it, at the worth assumed.
func judgePromise(o *Outturn, a AppliedChange, parts []effect) {
	ratio := a.Value.Float() / a.Seen.Float()
	profits := make([]float64, draws)
	for _, x := range parts {
		c := x.part.Curve
		rng := rand.New(rand.NewPCG(c.Seed, 0x0c7))
		for j, d := range c.Draws(draws) {
			spend := spendAfter(a.Field, x.part, ratio, d)
			value := x.weekday * d.Value(spend)
			noise := math.Sqrt(max(c.Dispersion*c.Clustering, c.OrderLuck) * value / x.n)
			profits[j] += x.part.K*(value+noise*rng.NormFloat64()) - spend
		}
	}
	o.Low, o.High = central(profits)
	o.PIT = rank(profits, o.ProfitPerDay)
	o.Inside = Holds(o.PIT, level)
}

// Holds reports whether an outcome at this quantile of a promise lies within its
// central interval of a level.
func Holds(pit, level float64) bool { return math.Abs(pit-0.5) <= level/2 }

// judgeGain states the gain with its intervals: by the window alone, and believed.
func judgeGain(o *Outturn, parts []effect) {
	alone, believed, without := make([]float64, draws), make([]float64, draws), make([]float64, draws)
	worths, rngs := make([][]float64, len(parts)), make([]*rand.Rand, len(parts))
	for i, x := range parts {
		worths[i], rngs[i] = drawWorths(x.part), rand.New(rand.NewPCG(x.part.Curve.Seed, 0x6a1))
	}
	var loss float64
	for j := range draws {
		var cost, mean, variance float64
		for i, x := range parts {
			k, rng := worths[i][j], rngs[i]
			cost += x.spend - x.oldSpend
			mean += k * x.believed
			variance += square(k * x.beliefs)
			z := rng.NormFloat64()
			alone[j] += k*(x.seen+x.seenSD*z) - (x.spend - x.oldSpend)
			without[j] += x.part.K*(x.oldValue-x.seenSD*z) - x.oldSpend
			believed[j] += k*(x.believed+x.beliefs*rng.NormFloat64()) - (x.spend - x.oldSpend)
		}
		switch sd := math.Sqrt(variance); {
		case sd > 0:
			loss += 0.5 * math.Erfc((mean-cost)/(sd*math.Sqrt2)) / draws
		case mean < cost:
			loss += 1.0 / draws
		}
	}
	o.LossProbability = min(loss, 1)
	for _, x := range parts {
		o.Counterfactual += x.part.K*x.oldValue - x.oldSpend
		o.Gain += x.part.K*x.seen - (x.spend - x.oldSpend)
		o.Believed += x.part.K*x.believed - (x.spend - x.oldSpend)
	}
	o.GainLow, o.GainHigh = central(alone)
	o.BelievedLow, o.BelievedHigh = central(believed)
	o.CounterfactualLow, o.CounterfactualHigh = central(without)
}

// usualProbability is from where a loss or gain counts as credible where the
// policy proposes no rollbacks.
const usualProbability = 0.9

// judge says whether the change is credibly a gain or a loss.
func (o *Outturn) judge(probability, leastLoss float64) {
	if probability == 0 {
		probability = usualProbability
	}
	switch {
	case o.LossProbability >= probability && o.Believed < 0 && -o.Believed >= leastLoss:
		o.Verdict = Loss
	case 1-o.LossProbability >= probability && o.Believed > 0:
		o.Verdict = Gain
	default:
		o.Verdict = Undecided
	}
}

// Explain says in a sentence or two what an outcome means; amounts are of a currency.
func (o *Outturn) Explain(currency string) string {
	amount := func(v float64) string {
		m, err := money.FromFloat(v)
		if err != nil {
			return fmt.Sprintf("%.4g %s", v, currency)
		}
		return money.Format(m, currency)
	}
	how := fmt.Sprintf("%.0f %%", 100*max(o.LossProbability, 1-o.LossProbability))
	switch o.Verdict {
	case Loss:
		return fmt.Sprintf("The change lost money with a probability of %s. It earned %s a day; by its curve and the other campaigns’ days it would have earned %s without the change. Chance and what was known before allowed for, that is a loss of about %s a day.",
			how, amount(o.ProfitPerDay), amount(o.Counterfactual), amount(-o.Believed))
	case Gain:
		return fmt.Sprintf("The change paid with a probability of %s, about %s a day.", how, amount(o.Believed))
	case Undecided:
		return fmt.Sprintf("It cannot be told yet: it %s, and chance alone moves such figures as much.", o.Likelier())
	}
	return strings.TrimSpace("It is not judged. " + o.Why)
}

// Likelier says which way the change more likely went, and how likely.
func (o *Outturn) Likelier() string {
	if o.LossProbability > 0.5 {
		return fmt.Sprintf("lost money with a probability of %.0f %%", 100*o.LossProbability)
	}
	return fmt.Sprintf("paid with a probability of %.0f %%", 100*(1-o.LossProbability))
}

package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// known is what of the truth a planner is told that the night has to estimate:
// what a unit of reported revenue is worth, and how value grows with spend; and
// whether it is sure of that, its policy without risk.doubt.
type known struct{ worth, elasticity, sure bool }

// limit is what the suite comes to with that knowledge, means over its scenarios.
type limit struct {
	known
	share, last30 float64
}

func (l limit) row() string {
	what := map[known]string{{}: "nothing", {elasticity: true}: "how value grows with spend", {worth: true}: "what a sale is worth", {worth: true, elasticity: true}: "both",
		{true, true, true}: "both, without `risk.doubt`"}
	return fmt.Sprintf("| %s | %s | %s |\n", what[l.known], percentOf(&l.share), percentOf(&l.last30))
}

// limits plays the suite with bidding.Plan straight on the market, without
// adapters and store, by what is known: the distance between the rows is what not
// knowing costs.
func limits(b *testing.B, cases []suiteCase) []limit {
	var out []limit
	for _, k := range []known{{}, {elasticity: true}, {worth: true}, {worth: true, elasticity: true}, {true, true, true}} {
		results := make([]Result, len(cases))
		twoAtATime(len(cases), func(i int) {
			r, err := planned(b, cases[i].Scenario, k)
			if err != nil {
				b.Errorf("%s: %v", cases[i].Name, err)
			}
			results[i] = r
		})
		l := limit{known: k}
		var shares, lasts float64
		for _, r := range results {
			if r.ShareOfOracle != nil {
				l.share, shares = l.share+*r.ShareOfOracle, shares+1
			}
			if r.ShareOfOracleLast30 != nil {
				l.last30, lasts = l.last30+*r.ShareOfOracleLast30, lasts+1
			}
		}
		l.share, l.last30 = l.share/max(shares, 1), l.last30/max(lasts, 1)
		out = append(out, l)
	}
	return out
}

// planned is how a planner that knows as much does in a scenario.
func planned(b *testing.B, sc *market.Scenario, k known) (Result, error) {
	m, err := market.New(sc)
	if err != nil {
		return Result{}, err
	}
	policy, _, err := policyOf(m)
	if err != nil {
		return Result{}, err
	}
	if k.sure {
		policy.Risk.Doubt = 0
	}
	play := func(decide func(*market.Market) error) game {
		g, playErr := playDirect(b.Context(), sc, decide, func() {})
		err = cmp.Or(err, playErr)
		return g
	}
	hold := play(func(*market.Market) error { return nil })
	oracle := play(oracles(false))
	mine := play(func(m *market.Market) error { return knower{m, k, policy}.decide() })
	if err != nil {
		return Result{}, err
	}
	return newScorer(hold.market, oracle.market).score(Adsteward, mine), nil
}

// knower decides on one night.
type knower struct {
	m      *market.Market
	known  known
	policy guard.Policy
}

func (n knower) ref(i int) platform.Ref {
	p := n.m.Scenario().Campaigns[i].Platform
	return platform.Ref{Type: platform.Campaign, ID: market.RemoteCampaignID(p, i)}
}

func (n knower) key(i int) bidding.Key {
	return bidding.Key{Platform: n.m.Scenario().Campaigns[i].Platform, AdAccount: "1", Ref: n.ref(i)}
}

func (n knower) decide() error {
	sc, today := n.m.Scenario(), n.m.Today()
	zone, err := time.LoadLocation(sc.TimeZone)
	if err != nil {
		return err
	}
	in := bidding.Input{Now: today.In(zone).Add(5 * time.Hour), Currency: sc.Currency, Policy: n.policy, Worth: n.worths(), Seed: uint64(today)}
	for _, p := range []platform.Name{platform.Google, platform.Meta} {
		if len(n.m.Campaigns(p)) == 0 {
			continue
		}
		in.Accounts = append(in.Accounts, n.account(p))
		for _, e := range n.m.Changes(p) {
			in.Changes = append(in.Changes, bidding.PastChange{Key: n.key(e.Campaign), Field: e.Field, At: e.At, Date: e.Day,
				Ours: e.Actor == string(Adsteward), Actor: e.Actor, Old: e.Old, New: e.New})
		}
	}
	if n.known.elasticity {
		fit := n.curves(in)
		in.Curves = &fit
	}
	out, err := bidding.Plan(in)
	if err != nil {
		return err
	}
	return n.apply(out.Drafts)
}

// apply makes the changes, cuts first so that the total always has room.
func (n knower) apply(drafts []bidding.Draft) error {
	slices.SortStableFunc(drafts, func(a, b bidding.Draft) int { return cmp.Compare(a.Proposed-a.Seen, b.Proposed-b.Seen) })
	for _, d := range drafts {
		for i, c := range n.m.Scenario().Campaigns {
			if n.key(i) != (bidding.Key{Platform: d.Platform, AdAccount: d.AdAccount, Ref: d.Entity}) {
				continue
			}
			set := n.m.SetBudget
			if d.Field == platform.TargetROAS {
				set = n.m.SetTargetROAS
			}
			if err := set(c.ID, d.Proposed, string(Adsteward), ""); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n knower) account(p platform.Name) bidding.Account {
	const days = 90 // as the night looks back
	sc, today := n.m.Scenario(), n.m.Today()
	a := bidding.Account{Platform: p, ID: "1", Currency: sc.Currency, TimeZone: sc.TimeZone, BudgetUnit: money.MinorUnit(sc.Currency),
		MinBudget: money.MinorUnit(sc.Currency), Today: today, LastData: today - 1, ExpectedCurrency: sc.Currency}
	series := map[string]*bidding.Series{}
	for _, c := range n.m.Campaigns(p) {
		e := platform.Entity{Ref: n.ref(c.Index), Name: c.Name, Status: platform.Enabled, Budget: n.ref(c.Index), Channel: c.Type, Learning: c.Learning,
			Fields: map[platform.Field]money.Micros{platform.DailyBudget: c.Budget}}
		if c.TargetROAS > 0 {
			e.Fields[platform.TargetROAS] = c.TargetROAS
		}
		a.Entities = append(a.Entities, e)
		a.Lag = truthful(sc.Campaigns[c.Index])
		series[sc.Campaigns[c.Index].ID] = &bidding.Series{Entity: e.Ref, Simulated: n.simulated(c.Index)}
	}
	for _, r := range n.m.Report(p, today.AddDays(-days), today-1) {
		s := series[r.Entity.ID]
		s.Days = append(s.Days, response.Day{Date: r.Date, Spend: r.Cost.Float(), Value: r.Value.Float(), Conversions: r.Conversions,
			Clicks: float64(r.Clicks), Impressions: float64(r.Impressions)})
	}
	for _, c := range n.m.Campaigns(p) {
		a.Performance = append(a.Performance, *series[sc.Campaigns[c.Index].ID])
	}
	return a
}

// simulated is what the platform would say: Google has no estimates of display
// and Demand Gen campaigns.
func (n knower) simulated(i int) (out []response.Simulated) {
	c := n.m.Scenario().Campaigns[i]
	if c.Platform == platform.Google && (c.Type == "retargeting" || c.Type == "prospecting") {
		return nil
	}
	for _, p := range n.m.Simulate(i) {
		out = append(out, response.Simulated{Spend: p.Spend, Result: p.Value})
	}
	return out
}

// truthful is the campaign's own distribution of delays. Yesterday, of age 1, has
// what is reported at once.
func truthful(c market.CampaignSpec) response.Lag {
	var l response.Lag
	var sum float64
	for rest, d := 1.0, 0; d <= c.DelayMax; d++ {
		sum += c.DelayP * rest
		rest *= 1 - c.DelayP
		l.Share = append(l.Share, sum)
	}
	for i := range l.Share {
		l.Share[i] /= sum
	}
	return response.Lag{Share: append([]float64{l.Share[0]}, l.Share...)}
}

// worths are the campaigns' true worths, or what records and published
// experiments leave to believe of them.
func (n knower) worths() map[string]bidding.Worth {
	sc, priors := n.m.Scenario(), attribution.DefaultPriors()
	var values []attribution.CampaignValue
	for i, c := range sc.Campaigns {
		reported := n.reported(i)
		// Ads that claim what would have come anyway lose half of these orders to
		// another click; of those they caused few.
		mine := 0.9*min(c.Iota, 1) + 0.5*(1-min(c.Iota, 1))
		values = append(values, attribution.CampaignValue{Campaign: bidding.CampaignKey(c.Platform, n.ref(i).ID), Addressed: priors.Address(c.Name, c.Type),
			Orders: mine * reported / c.Basket, Shop: money.Micros(mine * reported * 1e6), Reported: money.Micros(reported * 1e6)})
	}
	shares := attribution.Shares(values, priors)
	out := map[string]bidding.Worth{}
	for i, c := range sc.Campaigns {
		w := bidding.Worth{Margin: c.Margin, NewShare: c.NewShare, Lambda: c.LTVMultiple, LTVMultiple: 1 - c.NewShare + c.NewShare*c.LTVMultiple,
			IncrementalShare: c.Iota, Orders: 1000, AverageOrder: c.Basket}
		if !n.known.worth {
			w.Margin *= cmp.Or(sc.RecordedMargin, 1)
			w.IncrementalShare, w.IncrementalRelSD, w.RelSD, w.Audience = shares[i].Iota, shares[i].RelSD, shares[i].RelSD, string(values[i].Addressed.Audience)
		}
		out[values[i].Campaign] = w
	}
	return out
}

// reported is what the campaign claimed lately.
func (n knower) reported(i int) (sum float64) {
	today := n.m.Today()
	for d := today.AddDays(-60); d < today.AddDays(-7); d++ {
		sum += n.m.Outcome(i, d).Value
	}
	return sum / n.m.Scenario().Campaigns[i].Iota
}

// curves are the fitted ones with the true elasticities at the present budgets.
func (n knower) curves(in bidding.Input) response.Result {
	const sd = 0.02 // of what is known
	fit := bidding.FitCurves(in)
	today := n.m.Today()
	for i := range n.m.Scenario().Campaigns {
		at := slices.IndexFunc(fit.Curves, func(c response.Curve) bool { return c.Unit == n.key(i).String() })
		if at < 0 {
			continue
		}
		c := &fit.Curves[at]
		e := n.elasticity(i, today, c.Spend)
		c.Elasticity, c.ElasticityMean, c.ElasticitySD = e, e, sd
		c.ElasticityLow, c.ElasticityHigh = e-1.28*sd, e+1.28*sd
	}
	return fit
}

func (n knower) elasticity(i int, day civil.Date, spend float64) float64 {
	const step = 0.01
	v := n.m.ExpectedValue(i, day, spend)
	e := (n.m.ExpectedValue(i, day, spend*(1+step)) - n.m.ExpectedValue(i, day, spend*(1-step))) / (2 * step * v)
	return min(max(e, response.MinElasticity), response.MaxElasticity)
}

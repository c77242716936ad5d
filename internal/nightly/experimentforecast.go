package nightly

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

// forecast reckons what a plan costs and detects.
func (s *Steward) forecast(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan) (attribution.ExperimentForecast, error) {
	f := attribution.ExperimentForecast{Currency: shop.Currency, Level: attribution.ExperimentLevel, Power: attribution.ExperimentPower, Notes: []string{}}
	if p.Policy != nil {
		f.Notes = append(f.Notes, "It costs what the changes to the campaigns left alone would bring. With few campaigns only a large difference shows.")
		return f, nil
	}
	u, err := s.unitOfCampaign(ctx, shop.Name, p.Campaigns[0])
	if err != nil {
		return f, err
	}
	if u == nil {
		f.Notes = append(f.Notes, "No night has yet told what the campaign brings; after one, plan it anew to see what it costs and can detect.")
		return f, nil
	}
	switch {
	case p.Switchback != nil:
		err = s.forecastSwitchback(ctx, shop, p, u, &f)
	case p.Holdout != nil:
		err = s.forecastHoldout(ctx, shop, p, u, &f)
	case p.Geo != nil:
		err = s.forecastGeo(ctx, shop, p, u, &f)
	}
	return f, err
}

// unitOfCampaign is the unit of control of a campaign as the newest night that
// knows it has it; nil where none does.
func (s *Steward) unitOfCampaign(ctx context.Context, account, key string) (*bidding.UnitReport, error) {
	units, err := s.newestUnits(ctx, account)
	for i, u := range units {
		if slices.ContainsFunc(u.Campaigns, func(c platform.Ref) bool { return bidding.CampaignKey(u.Platform, c.ID) == key }) {
			return &units[i], err
		}
	}
	return nil, err
}

// newestUnits are the units of control of the newest night that planned, each
// once, those that spend most first.
func (s *Steward) newestUnits(ctx context.Context, account string) ([]bidding.UnitReport, error) {
	runs, err := s.Store.Runs(ctx, account, lookBackDays)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		rows, err := loadModels[bidding.UnitReport](ctx, s.Store.Queries, r.RunID, "unit")
		if err != nil {
			return nil, err
		}
		by := map[string]bidding.UnitReport{}
		for _, u := range rows {
			if u.Within == nil { // experiments turn budgets down
				by[u.Key.String()] = u
			}
		}
		if len(by) > 0 {
			return slices.SortedFunc(maps.Values(by), func(a, b bidding.UnitReport) int {
				return cmp.Or(cmp.Compare(b.Spend, a.Spend), cmp.Compare(a.Key.String(), b.Key.String()))
			}), nil
		}
	}
	return nil, nil
}

// forgone sets what a day costs on which the spend is low instead of high, or a
// share of it is, over so many days.
func forgone(f *attribution.ExperimentForecast, u *bidding.UnitReport, high, low, days float64) {
	lost := func(value func(float64) float64) float64 {
		return days * (u.K*value(high) - high - u.K*value(low) + low)
	}
	draws := u.Curve.Draws(chartDraws)
	all := make([]float64, len(draws))
	for i, d := range draws {
		all[i] = lost(d.Value)
	}
	cost := lost(u.Curve.Value)
	f.CostLow, f.CostHigh = central80(all)
	f.Cost = &cost
}

// detects sets the standard error, known from df degrees of freedom (0: many), and
// what can be told from nothing.
func detects(f *attribution.ExperimentForecast, sd float64, df int) {
	if math.IsNaN(sd) || math.IsInf(sd, 0) {
		return
	}
	mde, within := attribution.MinimumDetectable(sd, df)
	f.SD, f.Detectable, f.Within = &sd, &mde, within
	if mde > 0.5 {
		f.Notes = append(f.Notes, "It can only tell large shares from nothing: run it longer, or on a larger campaign.")
	}
}

func (s *Steward) forecastSwitchback(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, u *bidding.UnitReport, f *attribution.ExperimentForecast) error {
	use := min(max(u.Utilisation, 0), 1)
	high, low := p.Switchback.On.Float()*use, p.Switchback.Off.Float()
	held := float64(p.Days) / 2
	forgone(f, u, high, min(low, high), held)
	claimed := u.Curve.Value(high) - u.Curve.Value(min(low, high))
	today := s.dateOf(shop.Name, s.Now())
	daily, err := s.shopDaily(ctx, shop, today, historyDays, today.AddDays(-historyDays))
	if err != nil {
		return err
	}
	sd, ok := attribution.PairSD(daily.total, p.Switchback.BlockDays, p.Switchback.Washout)
	if !ok || !(claimed > 0) {
		f.Notes = append(f.Notes, fmt.Sprintf("The shop's orders of the last %d days do not tell yet how much sales vary.", historyDays))
		return nil
	}
	pairs := p.Days / (2 * p.Switchback.BlockDays)
	detects(f, sd/math.Sqrt(float64(pairs))/claimed, pairs-1)
	f.Notes = append(f.Notes, fmt.Sprintf("Turned down, the platform is expected to report %.0f %s a day less; the shop's sales of two blocks one after the other differ by %.0f %s a day anyway.",
		claimed, f.Currency, sd, f.Currency))
	return nil
}

func (s *Steward) forecastHoldout(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, u *bidding.UnitReport, f *attribution.ExperimentForecast) error {
	forgone(f, u, u.Spend, u.Spend*(1-p.Holdout.Share), float64(p.Days))
	people, err := s.listed(ctx, shop.Name, p.Holdout.List)
	if err != nil {
		return err
	}
	today := s.dateOf(shop.Name, s.Now())
	spent := map[string]float64{}
	if err := s.Store.EachCustomerDay(ctx, shop.Name, today, func(d store.CustomerDay) error {
		if people["c:"+d.CustomerID] && d.Date >= today.AddDays(-p.Days) {
			spent[d.CustomerID] += d.Revenue.Float()
		}
		return nil
	}); err != nil {
		return err
	}
	n := float64(len(people))
	var sum, squares float64
	for _, v := range spent {
		sum, squares = sum+v, squares+v*v
	}
	held := n * p.Holdout.Share
	if held < 10 || !(squares > 0) || !(u.Value > 0) {
		f.Notes = append(f.Notes, fmt.Sprintf("%.0f people are on the list now, of whom %.0f would be held out: too few to tell what can be detected. It grows while the experiment runs.", n, held))
		return nil
	}
	variance := squares/n - (sum/n)*(sum/n)
	se := math.Sqrt(variance * (1/held + 1/(n-held)))
	detects(f, se*(n-held)/(u.Value*float64(p.Days)), 0)
	f.Notes = append(f.Notes, fmt.Sprintf("%.0f people are on the list now; about %.0f of them would be held out.", n, held))
	return nil
}

// listed are the people on one of our lists now, on any platform.
func (s *Steward) listed(ctx context.Context, account, list string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, p := range []platform.Name{platform.Google, platform.Meta} {
		rows, err := s.Store.Members(ctx, account, string(p), listName(account, list))
		if err != nil {
			return nil, err
		}
		for _, m := range rows {
			out[m.Person] = out[m.Person] || m.State == memberPresent
		}
	}
	for k, on := range out {
		if !on {
			delete(out, k)
		}
	}
	return out, nil
}

func (s *Steward) forecastGeo(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, u *bidding.UnitReport, f *attribution.ExperimentForecast) error {
	today := s.dateOf(shop.Name, s.Now())
	daily, err := s.shopDaily(ctx, shop, today, historyDays, today.AddDays(-historyDays))
	if err != nil {
		return err
	}
	held, others := daily.of(p.Geo.Held), daily.of(p.Geo.Treated)
	share := 0.0
	if all := sum(held) + sum(others); all > 0 {
		share = sum(held) / all
	}
	forgone(f, u, u.Spend, u.Spend*(1-share), float64(p.Days))
	sd, ok := attribution.RatioSD(held, others, p.Days)
	if !ok || !(share*u.Value > 0) {
		f.Notes = append(f.Notes, fmt.Sprintf("The shop's orders of the last %d days do not tell yet how much the regions vary.", historyDays))
		return nil
	}
	detects(f, sd/(share*u.Value), historyDays/p.Days-1) // about so many windows apart from each other
	f.Notes = append(f.Notes, fmt.Sprintf("The regions held out have %.0f %% of the sales.", 100*share))
	return nil
}

// shopDays are a shop's sales by day, in all and by region.
type shopDays struct {
	first    civil.Date
	total    []float64
	byRegion map[string][]float64
}

// shopDaily are the sales of so many days before until. Later orders of customers
// won from acquired on are left out: what a new customer goes on to bring is
// reckoned as lifetime value, and would count twice.
func (s *Steward) shopDaily(ctx context.Context, shop *Shop, until civil.Date, days int, acquired civil.Date) (shopDays, error) {
	out := shopDays{first: until.AddDays(-days), total: make([]float64, days), byRegion: map[string][]float64{}}
	rows, err := s.Store.RevenueByDay(ctx, shop.Name, shop.Currency, out.first, until.AddDays(-1), acquired)
	for _, r := range rows {
		i := r.Date.Sub(out.first)
		out.total[i] += r.Revenue.Float()
		if out.byRegion[r.Country] == nil {
			out.byRegion[r.Country] = make([]float64, days)
		}
		out.byRegion[r.Country][i] += r.Revenue.Float()
	}
	return out, err
}

// of sums regions.
func (d shopDays) of(regions []string) []float64 {
	out := make([]float64, len(d.total))
	for _, r := range regions {
		for i, v := range d.byRegion[r] {
			out[i] += v
		}
	}
	return out
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

package nightly

import (
	"context"
	"fmt"
	"slices"

	"adsteward/attribution"
	"adsteward/attribution/lift"
	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

// draftPolicy parts the campaigns that spend into those the program goes on to
// steer and those it leaves as they are.
func (s *Steward) draftPolicy(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan) error {
	units, err := s.newestUnits(ctx, shop.Name)
	if err != nil {
		return err
	}
	var list []attribution.PolicyUnit
	for _, u := range units {
		if u.Spend <= 0 || u.Currency != shop.Currency {
			continue
		}
		x := attribution.PolicyUnit{Key: u.Key.String(), Name: u.Name, K: u.K}
		for _, c := range u.Campaigns {
			x.Campaigns = append(x.Campaigns, bidding.CampaignKey(u.Platform, c.ID))
		}
		list = append(list, x)
	}
	if len(list) < 4 {
		return refused("the newest night knows %d campaigns that spend; four are needed at least", len(list))
	}
	p.Policy = attribution.DrawPolicy(list, p.Seed)
	for _, h := range p.Policy.Held {
		p.Protects = append(p.Protects, h.Key)
		for _, u := range units {
			if u.Key.String() == h.Key {
				for _, c := range u.Campaigns {
					p.Protects = append(p.Protects, bidding.Key{Platform: u.Platform, AdAccount: u.AdAccount, Ref: c}.String())
				}
			}
		}
	}
	slices.Sort(p.Protects)
	p.Protects = slices.Compact(p.Protects)
	return nil
}

// policyBefore is how many days before a policy test its campaigns are compared by.
const policyBefore = 28

// lookPolicy compares what the campaigns of both arms earned, each less what it
// earned before, as far as that foretells.
func (s *Steward) lookPolicy(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, l *attribution.ExperimentLook) error {
	during, before, err := s.profits(ctx, shop, p, l.Last, l.Date)
	if err != nil {
		return err
	}
	t := lift.HoldoutTest{}
	scale := float64(l.DaysDone) / policyBefore
	for i, u := range slices.Concat(p.Policy.Treated, p.Policy.Held) {
		x := lift.Person{Revenue: during[u.Key], Before: before[u.Key] * scale}
		if i < len(p.Policy.Treated) {
			t.Treated.Add(x)
		} else {
			t.Held.Add(x)
		}
	}
	r, err := t.Analyse(attribution.ExperimentLevel)
	if err != nil {
		l.Problem = err.Error()
		return nil
	}
	l.Lift = &r.Lift
	l.Warnings = append(l.Warnings, r.Warnings...)
	l.Checks = append(l.Checks, attribution.ExperimentCheck{Name: "arms", OK: true, Detail: fmt.Sprintf("%d campaigns are steered and %d left as they are", r.Treated, r.Held)})
	return nil
}

// profits are what the units of a policy test earned during it and in the
// policyBefore days before, at the worth it was planned with.
func (s *Steward) profits(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, last, date civil.Date) (during, before map[string]float64, err error) {
	during, before = map[string]float64{}, map[string]float64{}
	unitOf := map[string]attribution.PolicyUnit{}
	for _, u := range slices.Concat(p.Policy.Treated, p.Policy.Held) {
		for _, c := range u.Campaigns {
			unitOf[c] = u
		}
	}
	lags := map[string]response.Lag{}
	// A unit's own days are its own wherever the budget has moved since.
	err = s.Store.EachSeries(ctx, shop.Name, p.Start.AddDays(-policyBefore), last, func(d store.Performance) error {
		u, ok := unitOf[bidding.CampaignKey(platform.Name(d.Platform), d.EntityID)]
		if !ok {
			return nil
		}
		lag, known := lags[d.Platform]
		if !known {
			var err error
			if lag, err = s.newestLag(ctx, shop.Name, d.Platform); err != nil {
				return err
			}
			lags[d.Platform] = lag
		}
		profit := u.K*d.Value.Float()/lag.At(date.Sub(d.Date)) - d.Cost.Float()
		if d.Date >= p.Start {
			during[u.Key] += profit
		} else {
			before[u.Key] += profit
		}
		return nil
	})
	return during, before, err
}

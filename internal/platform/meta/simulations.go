package meta

import (
	"context"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/platform"
)

// Simulations implements platform.Ads: the daily outcomes curve of each ad set's
// delivery estimate. Where the campaign owns the budget and has this one ad set,
// the curve is the campaign's; with several, how Meta would part the budget among
// them is not said, and there is none. Meta answers a single point of zeros where
// it is not sure.
func (c *Client) Simulations(ctx context.Context) ([]platform.Simulation, error) {
	unit, err := c.unit(ctx)
	if err != nil {
		return nil, err
	}
	var out []platform.Simulation
	at := map[platform.Ref]int{}
	several := map[platform.Ref]bool{}
	err = c.pages(ctx, c.account+"/adsets", facebook.Params{"fields": adSetFields + ",delivery_estimate{daily_outcomes_curve}"}, func(rows []node) error {
		for _, row := range rows {
			e, err := adSetEntity(row, unit)
			if err != nil {
				return unreadable("the account's structure", err)
			}
			if e.Status != platform.Enabled {
				continue
			}
			if _, twice := at[e.Budget]; twice {
				several[e.Budget] = true
				continue
			}
			at[e.Budget] = len(out)
			s := platform.Simulation{Entity: e.Budget}
			if s.Points, err = outcomes(row, unit.Float()); err != nil {
				return unreadable("a delivery estimate", err)
			}
			out = append(out, s)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	kept := out[:0]
	for _, s := range out {
		if len(s.Points) > 1 && !several[s.Entity] {
			kept = append(kept, s)
		}
	}
	return kept, nil
}

// outcomes reads a curve; its spend is in the currency's smallest unit.
func outcomes(adSet node, unit float64) ([]platform.SimulatedPoint, error) {
	var out []platform.SimulatedPoint
	for _, e := range adSet.child("delivery_estimate").list("data") {
		for _, p := range e.list("daily_outcomes_curve") {
			spend, err := p.number("spend")
			if err != nil {
				return nil, err
			}
			actions, err := p.number("actions")
			if err != nil {
				return nil, err
			}
			out = append(out, platform.SimulatedPoint{Spend: spend * unit, Result: actions})
		}
	}
	return out, nil
}

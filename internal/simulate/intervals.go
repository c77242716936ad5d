package simulate

import (
	"context"
	"encoding/json"
	"fmt"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
	"adsteward/store"
)

// interval is what an applied change stated for the mean daily profit of the
// campaigns it steers, over the days from its own on.
type interval struct {
	from      civil.Date
	campaigns []int
	low, high float64
}

// holds reports whether the interval held the outcome, the market's expected
// profit at the spend that was realised; ok is false where its days are not over.
func (v interval) holds(m *market.Market, until civil.Date) (held, ok bool) {
	if v.from.AddDays(bidding.OutcomeDays) > until || len(v.campaigns) == 0 {
		return false, false
	}
	var profit float64
	for _, i := range v.campaigns {
		for d := range bidding.OutcomeDays {
			profit += m.Outcome(i, v.from.AddDays(d)).Profit
		}
	}
	profit /= bidding.OutcomeDays
	return v.low <= profit && profit <= v.high, true
}

// readIntervals collects the intervals of all applied changes, and those made
// against a value other than the one they had seen.
func (s *steward) readIntervals(ctx context.Context) error {
	rows, err := s.applied(ctx)
	if err != nil {
		return err
	}
	for _, p := range rows {
		if p.RunID == "" || !p.AppliedAt.Valid {
			continue
		}
		var body bidding.Body
		if err := json.Unmarshal([]byte(p.Body), &body); err != nil {
			return fmt.Errorf("proposal %s: %w", p.ProposalID, err)
		}
		campaigns, err := s.campaignsOf(ctx, p)
		if err != nil {
			return err
		}
		v := interval{from: civil.Of(p.AppliedAt.Time.In(s.loc)), campaigns: campaigns, low: body.Expected.Low, high: body.Expected.High}
		s.game.intervals = append(s.game.intervals, v)
		s.checkSeen(p, v)
	}
	return nil
}

// campaignsOf are the market's campaigns whose profit a proposal speaks of.
func (s *steward) campaignsOf(ctx context.Context, p store.Proposal) ([]int, error) {
	unit := func(key string) (u bidding.UnitReport, err error) {
		row, err := s.store.Model(ctx, p.RunID, "unit", key)
		if err == nil {
			err = json.Unmarshal([]byte(row.Body), &u)
		}
		return u, err
	}
	index := map[string]int{}
	for _, c := range s.sb.Market().Campaigns(platform.Name(p.Platform)) {
		index[market.RemoteCampaignID(c.Platform, c.Index)] = c.Index
	}
	var out []int
	add := func(u bidding.UnitReport) {
		for _, r := range u.Campaigns {
			if i, ok := index[r.ID]; ok {
				out = append(out, i)
			}
		}
	}
	u, err := unit(bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount,
		Ref: platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID}}.String())
	if err != nil {
		return nil, err
	}
	add(u)
	if u.Lever == nil {
		return out, nil
	}
	for _, part := range u.Lever.Parts { // a portfolio's other units
		if part.Curve.Unit == u.Key.String() {
			continue
		}
		other, err := unit(part.Curve.Unit)
		if err != nil {
			return nil, err
		}
		add(other)
	}
	return out, nil
}

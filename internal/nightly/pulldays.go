package nightly

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

const (
	// restateDays are pulled again every night, since platforms restate.
	restateDays = 30
	// firstPullDays are pulled the first time.
	firstPullDays = 90
)

// oldest is the first day that is pulled, whatever the occasion. Days before a change of
// the ad account's currency are left as they are.
func (p *pulled) oldest() civil.Date {
	return max(p.today.AddDays(-firstPullDays), p.account.CountsFrom)
}

// pullPerformance reads the days before today, which are complete; today is
// left out, half a day says nothing. On the first night after a campaign's budget was
// moved all days are read anew, at the level that owns it now.
func (n *pulling) pullPerformance(ctx context.Context, c Connection, p *pulled) error {
	last, err := n.Store.LastPerformance(ctx, n.shop.Name)
	if err != nil {
		return err
	}
	days := firstPullDays
	if newest, ok := last[[2]string{p.account.Platform, c.AdAccount}]; ok {
		days = max(restateDays, p.today.Sub(newest)+restateDays)
	}
	if p.from = max(p.today.AddDays(-days), p.oldest()); p.from >= p.today {
		return nil
	}
	if p.stored, err = n.storedLevels(ctx, p); err != nil {
		return err
	}
	p.moved = movedBudgets(p.stored)
	read := func(yield func([]platform.Performance) error) error {
		return c.Ads.Performance(ctx, p.from, p.today.AddDays(-1), func(batch []platform.Performance) error {
			p.rows += len(batch)
			return yield(batch)
		})
	}
	keep := func(batch []platform.Performance) error { return n.keepPerformance(ctx, c, p, batch, false) }
	for _, l := range p.moved {
		if l.lacks(l.told, p.from) {
			p.from = p.oldest()
			return atOnce(read, keep)
		}
	}
	return read(keep)
}

// pullParts reads the same days of the ad groups and ad sets that bid for themselves, and
// all days of campaigns of which none was read before.
func (n *pulling) pullParts(ctx context.Context, c Connection, p *pulled) error {
	bidders := bidding.Bidders(p.structure)
	if c.Parts == nil || len(bidders) == 0 || p.from >= p.today {
		return nil
	}
	var known, first []platform.Ref
	for _, campaign := range slices.SortedFunc(maps.Keys(bidders), func(a, b platform.Ref) int { return cmp.Compare(a.ID, b.ID) }) {
		if l := p.stored[campaign]; l != nil && l.lacks(byParts, p.from) {
			first = append(first, campaign)
		} else {
			known = append(known, campaign)
		}
	}
	keep := func(batch []platform.Performance) error { return n.keepPerformance(ctx, c, p, batch, true) }
	read := func(campaigns []platform.Ref, from civil.Date) func(func([]platform.Performance) error) error {
		return func(yield func([]platform.Performance) error) error {
			if len(campaigns) == 0 {
				return nil
			}
			return c.Parts.PartPerformance(ctx, campaigns, from, p.today.AddDays(-1), yield)
		}
	}
	err := read(known, p.from)(keep)
	if err == nil {
		err = atOnce(read(first, p.oldest()), keep)
	}
	if err != nil {
		return fmt.Errorf("performance of ad groups: %w", err)
	}
	return nil
}

// atOnce keeps all that is read together, so that what is read only once is asked for
// again where reading it breaks off.
func atOnce(read func(yield func([]platform.Performance) error) error, keep func([]platform.Performance) error) error {
	var all []platform.Performance
	err := read(func(batch []platform.Performance) error {
		all = append(all, batch...)
		return nil
	})
	if err != nil || len(all) == 0 {
		return err
	}
	return keep(all)
}

func (n *pulling) keepPerformance(ctx context.Context, c Connection, p *pulled, batch []platform.Performance, part bool) error {
	rows := make([]store.Performance, 0, len(batch))
	for _, r := range batch {
		rows = append(rows, store.Performance{Account: n.shop.Name, Platform: string(c.Ads.Platform()), AdAccount: c.AdAccount,
			EntityType: string(r.Entity.Type), EntityID: r.Entity.ID, Date: r.Date, Cost: r.Cost, Value: r.Value,
			Conversions: r.Conversions, Clicks: r.Clicks, Impressions: r.Impressions, Eligible: r.Eligible, Part: part, PulledAt: n.moment})
	}
	if len(p.moved) == 0 {
		return n.Store.UpsertPerformance(ctx, p.today, rows)
	}
	return n.Store.InTx(ctx, func(q *store.Queries) error {
		var known []store.Performance
		err := q.PerformanceOf(ctx, n.shop.Name, p.account.Platform, c.AdAccount, p.moved.ids(), p.oldest(), p.today.AddDays(-1), func(r store.Performance) error {
			known = append(known, r)
			return nil
		})
		if err != nil {
			return err
		}
		return q.UpsertPerformance(ctx, p.today, p.moved.once(rows, known))
	})
}

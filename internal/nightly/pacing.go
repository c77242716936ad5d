package nightly

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// pacingModel is the kind under which a run stores where each monthly budget
// stands (bidding.Month), by its name.
const pacingModel = "pacing"

// monthsHold checks the monthly budgets with this change made and what else has
// been pushed since they were forecast: of a plan that lands as a whole, people
// may approve only the increases.
func (w *pusher) monthsHold(ctx context.Context, q *store.Queries, p store.Proposal) error {
	if len(w.shop.Policy.Monthly) == 0 || p.Field != string(platform.DailyBudget) || p.Proposed <= p.Seen {
		return nil
	}
	run, months, err := newestPacing(ctx, q, w.shop.Name)
	if err != nil {
		return err
	}
	names, err := w.serves(ctx, q, p, draftOf(p))
	if err != nil {
		return err
	}
	names = append(names, p.Platform, p.AdAccount, p.EntityID, p.EntityName)
	for _, m := range w.shop.Policy.Monthly {
		if m.Covers(names...) && cmp.Or(m.Currency, w.shop.Currency) == p.Currency && !slices.ContainsFunc(months, func(o bidding.Month) bool { return o.Name == m.Name }) {
			return refused("guardrail monthly_pace (monthly): the month's budget %q is new and no night has looked at it yet; the next one does", m.Name)
		}
	}
	pushed, err := q.Proposals(ctx, store.Filter{Account: w.shop.Name, Field: p.Field,
		States: []string{string(bidding.Applied), string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil {
		return err
	}
	for _, m := range months {
		if m.Part(entityKey(p)) == 0 || !slices.ContainsFunc(w.shop.Policy.Monthly, func(o guard.Monthly) bool { return o.Name == m.Name }) {
			continue
		}
		var added money.Micros
		for _, o := range pushed {
			if o.ProposalID != p.ProposalID && (!o.AppliedAt.Valid || o.AppliedAt.Time.After(run.StartedAt)) {
				added += money.Micros(m.Part(entityKey(o)) * float64(o.Proposed-o.Seen))
			}
		}
		if v := guard.CheckMonth(m.Pace, m.Part(entityKey(p)), added, change(p)); v.Answer == guard.Block {
			return refused("guardrail %s (%s): %s Push the cuts first, or raise the month's budget", v.Name, v.Setting, v.Detail)
		}
	}
	return nil
}

// entityKey names what a proposal changes as a plan's units are named.
func entityKey(p store.Proposal) string {
	return bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Ref: ref(p)}.String()
}

// newestPacing returns the newest run that forecast the account's months, with
// what it found; without one both are empty.
func newestPacing(ctx context.Context, q *store.Queries, account string) (store.Run, []bidding.Month, error) {
	run, rows, err := q.NewestModels(ctx, account, pacingModel, lookBackDays)
	months := make([]bidding.Month, len(rows))
	for i, m := range rows {
		if err := json.Unmarshal([]byte(m.Body), &months[i]); err != nil {
			return run, nil, fmt.Errorf("the stored model %s of %q cannot be read: %w", pacingModel, m.Key, err)
		}
	}
	return run, months, err
}

package nightly

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// outcomeDays is how long after a change its promise is about; see
// bidding.Expected.
const outcomeDays = 14

// measure compares what changes promised with what happened, once their days
// are over and reported in full, and proposes to put back what disappointed:
// below its interval and below what leaving it alone was expected to bring.
func measure(ctx context.Context, n *night) (report, error) {
	rows, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Applied)}})
	if err != nil {
		return report{}, err
	}
	done, inside, back, rules := 0, 0, 0, 0
	for _, p := range rows {
		if platform.Field(p.Field).TellsWorth() {
			rules++ // it concerns every campaign and promised nothing to compare with
			continue
		}
		if p.RunID == "" || !p.AppliedAt.Valid {
			continue // a rollback promises nothing of its own
		}
		from := civil.Of(p.AppliedAt.Time.In(n.shop.Location))
		to := from.AddDays(outcomeDays - 1)
		if to.AddDays(matureDays) >= n.date {
			continue
		}
		m, err := n.outcome(ctx, p, from, to)
		if err != nil {
			return report{}, err
		}
		if err := n.storeOutcome(ctx, p, &m); err != nil {
			return report{}, err
		}
		done++
		if m.Inside {
			inside++
		}
		if m.RolledBack != "" {
			back++
		}
	}
	summary := fmt.Sprintf("%d changes measured, %d within their interval, %d to be put back", done, inside, back)
	if done == 0 {
		summary = fmt.Sprintf("%d applied changes are not old enough to be judged", len(rows)-rules)
	}
	if rules > 0 {
		summary += fmt.Sprintf("; %d value rules promised no profit and are not judged", rules)
	}
	watched, concluded, fault := n.watchExperiments(ctx)
	if watched > 0 {
		summary += fmt.Sprintf("; %d experiments looked at, %d concluded", watched, concluded)
	}
	return report{Summary: summary, Partial: fault}, nil
}

// outcome computes the mean daily profit of the changed unit.
func (n *night) outcome(ctx context.Context, p store.Proposal, from, to civil.Date) (bidding.Outturn, error) {
	u, _, err := n.unitOf(ctx, n.Store.Queries, p)
	if err != nil {
		return bidding.Outturn{}, err
	}
	lag, err := n.lagOf(ctx, p.Platform)
	if err != nil {
		return bidding.Outturn{}, err
	}
	profit := 0.0
	ids := make([]string, len(u.Campaigns))
	for i, c := range u.Campaigns {
		ids[i] = c.ID
	}
	err = n.Store.PerformanceOf(ctx, n.shop.Name, p.Platform, p.AdAccount, ids, from, to, func(d store.Performance) error {
		if slices.Contains(u.Campaigns, platform.Ref{Type: platform.EntityType(d.EntityType), ID: d.EntityID}) {
			profit += u.K*d.Value.Float()/lag.At(n.date.Sub(d.Date)) - d.Cost.Float()
		}
		return nil
	})
	e := draftOf(p).Expected
	mean := profit / outcomeDays
	return bidding.Outturn{From: from, To: to, ProfitPerDay: mean, Promised: e.ProfitPerDay, Low: e.Low, High: e.High,
		Inside: mean >= e.Low && mean <= e.High, Unchanged: e.ProfitPerDay - e.GainPerDay}, err
}

func (n *night) lagOf(ctx context.Context, p string) (response.Lag, error) {
	lags, err := loadModels[response.Lag](ctx, n.Store.Queries, n.runID, "lag")
	if l, ok := lags[p]; ok {
		return l, err
	}
	return response.PriorLag(), err
}

func (n *night) storeOutcome(ctx context.Context, p store.Proposal, m *bidding.Outturn) error {
	return n.Store.InTx(ctx, func(q *store.Queries) error {
		now := n.Now()
		if m.ProfitPerDay < m.Low && m.ProfitPerDay < m.Unchanged {
			id, err := n.rollbackOf(ctx, q, p, pushActor, fmt.Sprintf("From %s to %s it earned %.2f a day, where %.2f was expected and %.2f without the change.",
				m.From, m.To, m.ProfitPerDay, m.Promised, m.Unchanged))
			switch {
			case err == nil:
				m.RolledBack = id
			case !IsRefused(err): // refused: somebody has taken it up already
				return err
			}
		}
		body, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if err := q.SetMeasured(ctx, p.ProposalID, string(body), now); err != nil {
			return err
		}
		return move(ctx, q, p, bidding.Measured, pushActor, fmt.Sprintf("%s a day, promised %s", money.Plain(micros(m.ProfitPerDay), p.Currency),
			money.Plain(micros(m.Promised), p.Currency)), "", now)
	})
}

// micros of a model's amount, for people; what is no amount shows as zero.
func micros(f float64) money.Micros {
	m, err := money.FromFloat(f)
	if err != nil {
		return 0
	}
	return m
}

// central80 are the bounds of the central 80 % of the values, which it sorts.
func central80(v []float64) (low, high float64) {
	if len(v) == 0 {
		return 0, 0
	}
	slices.Sort(v)
	return v[len(v)/10], v[len(v)-1-len(v)/10]
}

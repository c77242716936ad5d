package nightly

import (
	"context"
	"errors"
	"fmt"
	"time"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// stepLife is how long a step of a switchback may be pushed: until the next night
// knows better.
const stepLife = 24 * time.Hour

// stepExperiments ends what is over and makes the changes that the schedules ask
// for tonight, as proposals under the approval that started each experiment. A
// fault of one leaves the others alone.
func (n *night) stepExperiments(ctx context.Context) (steps int, err error) {
	rows, err := n.Store.Experiments(ctx, n.shop.Name)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	if newer, err := n.newer(ctx); err != nil || !newer.IsZero() {
		return 0, err // a night caught up on is not tonight
	}
	var faults []error
	for _, e := range rows {
		running := e.State == string(attribution.ExperimentRunning)
		if !running && !e.ToRestore {
			continue
		}
		made, err := n.stepExperiment(ctx, e)
		if err != nil {
			faults = append(faults, fmt.Errorf("experiment %q: %w", e.Name, err))
		}
		if made {
			steps++
		}
		if running && n.date > e.Ends {
			_, err := n.moveExperiment(ctx, e.ExperimentID, attribution.ExperimentEnded, pushActor,
				func(_ *store.Queries, e *store.Experiment, _ *attribution.ExperimentPlan, now time.Time) (string, error) {
					e.EndedAt.Time, e.EndedAt.Valid = now, true
					return "its plan is over", nil
				})
			faults = append(faults, err)
		}
	}
	return steps, errors.Join(faults...)
}

// stepExperiment proposes and approves the change of one switchback, if tonight
// asks for one.
func (n *night) stepExperiment(ctx context.Context, e store.Experiment) (bool, error) {
	p, err := planOf(e)
	if err != nil || p.Switchback == nil {
		return false, err
	}
	s, want := p.Switchback, p.Switchback.On
	if e.State == string(attribution.ExperimentRunning) && n.date <= e.Ends {
		want = p.BudgetOn(n.date)
	}
	now, found, err := n.budgetNow(ctx, s)
	switch {
	case err != nil:
		return false, err
	case !found:
		return false, fmt.Errorf("its budget %s is no longer there; stop it", s.EntityName)
	case now != s.On && now != s.Off:
		if e.State == string(attribution.ExperimentRunning) {
			return false, fmt.Errorf("somebody else set the budget of %s to %s, where the plan knows %s and %s; put one of them back, or stop it",
				s.EntityName, now.Decimal(), s.On.Decimal(), s.Off.Decimal())
		}
		return false, n.restored(ctx, e) // what somebody else has set stands
	case now == want:
		if e.State != string(attribution.ExperimentRunning) {
			return false, n.restored(ctx, e)
		}
		return false, n.Store.InTx(ctx, func(q *store.Queries) error { return n.dropSteps(ctx, q, e, want, false) })
	}
	return n.writeStep(ctx, e, p, now, want)
}

func (n *night) budgetNow(ctx context.Context, s *attribution.SwitchbackPlan) (v money.Micros, found bool, err error) {
	rows, err := n.Store.Entities(ctx, n.shop.Name)
	if err != nil {
		return 0, false, err
	}
	for _, row := range rows {
		if row.Platform == s.Platform && row.AdAccount == s.AdAccount && row.EntityType == s.EntityType && row.EntityID == s.EntityID {
			e, err := entityOf(row)
			if err != nil {
				return 0, false, err
			}
			v, found = e.Fields[platform.DailyBudget]
		}
	}
	return v, found, nil
}

// restored notes that nothing is left changed.
func (n *night) restored(ctx context.Context, e store.Experiment) error {
	return n.Store.InTx(ctx, func(q *store.Queries) error {
		fresh, err := q.Experiment(ctx, e.ExperimentID)
		if err != nil || !fresh.ToRestore {
			return err
		}
		fresh.ToRestore, fresh.UpdatedAt = false, n.Now()
		_, err = q.UpdateExperiment(ctx, fresh, fresh.State)
		return err
	})
}

// dropSteps closes steps of an experiment that wait for their push and ask for
// another value; with all those that ask for the same too.
func (n *night) dropSteps(ctx context.Context, q *store.Queries, e store.Experiment, want money.Micros, all bool) error {
	rows, err := q.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Proposed), string(bidding.Approved)}})
	if err != nil {
		return err
	}
	for _, p := range rows {
		if draftOf(p).Experiment == e.ExperimentID && (all || p.Proposed != want) {
			if err := move(ctx, q, p, bidding.Superseded, pushActor, "the schedule of the experiment has gone on", "", n.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeStep stores tonight's change with its approval, unless it is under way.
func (n *night) writeStep(ctx context.Context, e store.Experiment, p *attribution.ExperimentPlan, now, want money.Micros) (made bool, err error) {
	s, at := p.Switchback, n.Now()
	d := bidding.Draft{Platform: platform.Name(s.Platform), AdAccount: s.AdAccount, Currency: s.Currency, Entity: platform.Ref{Type: platform.EntityType(s.EntityType), ID: s.EntityID},
		Name: s.EntityName, Field: platform.DailyBudget, Seen: now, Proposed: want,
		Body: bidding.Body{Reasons: []string{n.stepReason(e, p, want)}, Experiment: e.ExperimentID}}
	err = n.Store.InTx(ctx, func(q *store.Queries) error {
		busy, err := q.Proposals(ctx, store.Filter{Platform: s.Platform, AdAccount: s.AdAccount, EntityType: s.EntityType, EntityID: s.EntityID,
			Field: string(platform.DailyBudget), States: []string{string(bidding.Approved), string(bidding.Applying), string(bidding.Unknown)}})
		if err != nil {
			return err
		}
		for _, b := range busy {
			if bidding.State(b.State).Pending() || draftOf(b).Experiment == e.ExperimentID && b.Proposed == want && b.Seen == now && at.Before(b.ExpiresAt) {
				return nil // it is settled, or pushed, tonight
			}
		}
		if err := n.dropSteps(ctx, q, e, want, true); err != nil {
			return err
		}
		set := store.ChangeSet{ChangeSetID: newID(), Account: n.shop.Name, Date: n.date, PolicyID: n.shop.PolicyID, CreatedAt: at,
			Hash: bidding.ChangeSetHash("experiment "+e.ExperimentID+" plan "+e.PlanHash, []bidding.Draft{d})}
		row, err := proposalRow(set, d, at, at.Add(stepLife))
		if err != nil {
			return err
		}
		if err := insertProposals(ctx, q, set, []store.Proposal{row}, pushActor); err != nil {
			return err
		}
		made = true
		return n.approveOne(ctx, q, row, "experiment:"+e.ExperimentID, fmt.Sprintf("%s approved its plan %s", e.ApprovedBy, e.PlanHash), at)
	})
	return made, err
}

func (n *night) stepReason(e store.Experiment, p *attribution.ExperimentPlan, want money.Micros) string {
	plan, err := p.Schedule()
	for i, b := range plan.Blocks {
		last := b.From.AddDays(b.Days - 1)
		if err == nil && e.State == string(attribution.ExperimentRunning) && n.date >= b.From && n.date <= last && n.date <= e.Ends {
			how := "as ever"
			if want == p.Switchback.Off {
				how = "turned down"
			}
			return fmt.Sprintf("Experiment %q, block %d of %d, %s to %s: %s.", e.Name, i+1, len(plan.Blocks), b.From, last, how)
		}
	}
	return fmt.Sprintf("Experiment %q is over: its budget is put back.", e.Name)
}

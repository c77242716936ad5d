package nightly

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/store"
)

// PlanExperiment stores a planned experiment and what it is expected to cost and
// to detect, once where the same plan is asked for again. Nothing is changed by it.
func (s *Steward) PlanExperiment(ctx context.Context, actor string, r attribution.ExperimentRequest) (store.Experiment, error) {
	d, err := s.DraftExperiment(ctx, r)
	if err != nil {
		return store.Experiment{}, err
	}
	plan, err := json.Marshal(d.Plan)
	if err != nil {
		return store.Experiment{}, err
	}
	forecast, err := json.Marshal(d.Forecast)
	if err != nil {
		return store.Experiment{}, err
	}
	now := s.Now()
	e := store.Experiment{ExperimentID: newID(), Account: r.Account, Kind: string(d.Plan.Kind), Name: d.Plan.Name, State: string(attribution.ExperimentPlanned),
		Plan: string(plan), PlanHash: d.Plan.Hash(), Starts: d.Plan.Start, Ends: d.Plan.End(), CreatedBy: actor, CreatedAt: now, Forecast: string(forecast), UpdatedAt: now}
	err = s.Store.InTx(ctx, func(q *store.Queries) error {
		all, err := q.Experiments(ctx, r.Account)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(o store.Experiment) bool { return o.State == e.State && o.PlanHash == e.PlanHash }); i >= 0 {
			e = all[i] // a form sent twice
			return nil
		}
		if err := q.InsertExperiment(ctx, e); err != nil {
			return err
		}
		return auditExperiment(ctx, q, e, actor, fmt.Sprintf("%s, plan %s", e.Name, e.PlanHash), now)
	})
	return e, err
}

// StartExperiment says yes to the whole plan: to every change of its schedule and
// to nothing else. hash is the plan's as the person saw it; empty: as it is stored.
// Open proposals for what it runs on are closed.
func (s *Steward) StartExperiment(ctx context.Context, actor, id, hash string) (store.Experiment, error) {
	return s.moveExperiment(ctx, id, attribution.ExperimentRunning, actor, func(q *store.Queries, e *store.Experiment, p *attribution.ExperimentPlan, now time.Time) (string, error) {
		if hash != "" && hash != e.PlanHash {
			return "", refused("the plan is not the one that was shown; look at it again")
		}
		if today := s.dateOf(e.Account, now); p.Start < today {
			return "", refused("its first day, %s, has passed; plan it anew", p.Start)
		}
		others, err := protections(ctx, q, e.Account)
		if err != nil {
			return "", err
		}
		for _, k := range p.Protects {
			if o, ok := others[k]; ok {
				return "", refused("the experiment %q is running on the same campaign", o.Name)
			}
		}
		if err := closeProposals(ctx, q, *e, p, actor, now); err != nil {
			return "", err
		}
		e.ApprovedBy, e.StartedAt, e.ToRestore = actor, sql.NullTime{Time: now, Valid: true}, p.Switchback != nil
		return fmt.Sprintf("approved with its whole schedule, plan %s", e.PlanHash), assignRegions(ctx, q, *e, p)
	})
}

// StopExperiment ends a running experiment today. What it found so far counts.
func (s *Steward) StopExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error) {
	return s.moveExperiment(ctx, id, attribution.ExperimentEnded, actor, func(_ *store.Queries, e *store.Experiment, _ *attribution.ExperimentPlan, now time.Time) (string, error) {
		if reason == "" {
			return "", refused("stopping an experiment wants a reason; it goes into the audit log")
		}
		e.EndedAt = sql.NullTime{Time: now, Valid: true}
		e.Ends = max(min(e.Ends, s.dateOf(e.Account, now).AddDays(-1)), e.Starts.AddDays(-1))
		return reason, nil
	})
}

// CancelExperiment gives an experiment up: nothing it found is kept as a result.
func (s *Steward) CancelExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error) {
	return s.moveExperiment(ctx, id, attribution.ExperimentCancelled, actor, func(_ *store.Queries, e *store.Experiment, p *attribution.ExperimentPlan, now time.Time) (string, error) {
		if reason == "" {
			return "", refused("cancelling an experiment wants a reason; it goes into the audit log")
		}
		if p == nil && e.ToRestore {
			e.ToRestore = false
			reason += "; its stored plan cannot be trusted, so that nothing is put back by itself: look at the budget"
		}
		if !e.EndedAt.Valid {
			e.EndedAt = sql.NullTime{Time: now, Valid: true}
		}
		return reason, nil
	})
}

// moveExperiment takes an experiment to another state and records it in the same
// transaction. change may alter the row and says why.
func (s *Steward) moveExperiment(ctx context.Context, id string, to attribution.ExperimentState, actor string,
	change func(*store.Queries, *store.Experiment, *attribution.ExperimentPlan, time.Time) (string, error)) (e store.Experiment, err error) {
	err = s.Store.InTx(ctx, func(q *store.Queries) error {
		if e, err = q.Experiment(ctx, id); err != nil {
			return err
		}
		p, err := planOf(e)
		if err != nil && to != attribution.ExperimentCancelled { // else it could never be got rid of
			return err
		}
		from := e.State
		if err := attribution.MoveExperiment(attribution.ExperimentState(from), to); err != nil {
			return refused("%v", err)
		}
		now := s.Now()
		if e.Reason, err = change(q, &e, p, now); err != nil {
			return err
		}
		e.State, e.UpdatedAt = string(to), now
		ok, err := q.UpdateExperiment(ctx, e, from)
		if err == nil && !ok {
			err = errRaced
		}
		if err != nil {
			return err
		}
		return auditExperiment(ctx, q, e, actor, e.Reason, now)
	})
	return e, err
}

func auditExperiment(ctx context.Context, q *store.Queries, e store.Experiment, actor, reason string, now time.Time) error {
	_, err := q.Audit(ctx, store.AuditEntry{At: now, Account: e.Account, Actor: actor, Action: "experiment_" + e.State, Reason: "experiment " + e.ExperimentID + ": " + reason})
	return err
}

// planOf reads an experiment's plan and sees to it that it is the one its hash
// stands for.
func planOf(e store.Experiment) (*attribution.ExperimentPlan, error) {
	var p attribution.ExperimentPlan
	if err := json.Unmarshal([]byte(e.Plan), &p); err != nil {
		return nil, fmt.Errorf("the stored plan of experiment %s cannot be read: %w", e.ExperimentID, err)
	}
	if p.Hash() != e.PlanHash {
		return nil, refused("the stored plan of experiment %s is not the one its hash %s stands for; cancel it and plan it anew", e.ExperimentID, e.PlanHash)
	}
	return &p, nil
}

// closeProposals supersedes what is open for entities that an experiment will
// need for itself.
func closeProposals(ctx context.Context, q *store.Queries, e store.Experiment, p *attribution.ExperimentPlan, actor string, now time.Time) error {
	open, err := q.Proposals(ctx, store.Filter{Account: e.Account, States: []string{string(bidding.Proposed), string(bidding.Approved), string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil {
		return err
	}
	for _, o := range open {
		if !slices.Contains(p.Protects, keyOf(o)) {
			continue
		}
		if bidding.State(o.State).Pending() {
			return refused("proposal %s for the same campaign is being pushed; start it when that is settled", o.ProposalID)
		}
		if err := move(ctx, q, o, bidding.Superseded, actor, fmt.Sprintf("the experiment %q runs on it", e.Name), "", now); err != nil {
			return err
		}
	}
	return nil
}

// assignRegions records which regions a geo experiment leaves out.
func assignRegions(ctx context.Context, q *store.Queries, e store.Experiment, p *attribution.ExperimentPlan) error {
	if p.Geo == nil {
		return nil
	}
	var units []store.ExperimentUnit
	for arm, regions := range map[attribution.Arm][]string{attribution.Held: p.Geo.Held, attribution.Treated: p.Geo.Treated} {
		for _, r := range regions {
			units = append(units, store.ExperimentUnit{ExperimentID: e.ExperimentID, Unit: r, Arm: string(arm), AssignedOn: p.Start})
		}
	}
	return q.AddExperimentUnits(ctx, units)
}

// keyOf names the entity of a proposal as plans and the guardrails do.
func keyOf(p store.Proposal) string {
	return strings.Join([]string{p.Platform, p.AdAccount, p.EntityType, p.EntityID}, "/")
}

// protections are, by the key of the entity, what experiments are running on, and
// what they still have to put back.
func protections(ctx context.Context, q *store.Queries, account string) (map[string]bidding.UnderExperiment, error) {
	rows, err := q.Experiments(ctx, account)
	if err != nil {
		return nil, err
	}
	out := map[string]bidding.UnderExperiment{}
	for _, e := range rows {
		if e.State != string(attribution.ExperimentRunning) && !e.ToRestore {
			continue
		}
		p, err := planOf(e)
		if err != nil {
			return nil, err
		}
		for _, k := range p.Protects {
			u := bidding.UnderExperiment{Name: e.Name}
			if s := p.Switchback; s != nil && k == switchbackKey(s) {
				u.Budget = s.On
			}
			out[k] = u
		}
	}
	return out, nil
}

func switchbackKey(s *attribution.SwitchbackPlan) string {
	return strings.Join([]string{s.Platform, s.AdAccount, s.EntityType, s.EntityID}, "/")
}

// experimentAllows is the guardrail experiment just before a push: what an
// experiment runs on is changed by its own plan alone, and by that only to the
// values the plan names.
func (w *pusher) experimentAllows(ctx context.Context, q *store.Queries, p store.Proposal) error {
	id := draftOf(p).Experiment
	if id == "" {
		if !w.shop.Policy.Experiments.Protect {
			return nil
		}
		under, err := protections(ctx, q, p.Account)
		if err != nil {
			return err
		}
		if u, ok := under[keyOf(p)]; ok {
			return refused("guardrail experiment (experiments.protect): the experiment %q is running on it; any other change would spoil what it measures", u.Name)
		}
		return nil
	}
	e, err := q.Experiment(ctx, id)
	if err != nil {
		return err
	}
	plan, err := planOf(e)
	if err != nil {
		return err
	}
	s := plan.Switchback
	running := e.State == string(attribution.ExperimentRunning)
	switch {
	case e.ApprovedBy == "" || s == nil || keyOf(p) != switchbackKey(s):
		return refused("the plan of experiment %s does not ask for it", id)
	case running && (p.Proposed == s.On || p.Proposed == s.Off), e.ToRestore && p.Proposed == s.On:
		return nil
	}
	return refused("the experiment %q is %s; its plan asks for it no more", e.Name, e.State)
}

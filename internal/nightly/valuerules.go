package nightly

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"adsteward/audiences"
	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Models by which a night knows what the people on the lists are worth, by the
// list's name, that of all customers under the empty one; and what the
// guardrails saw of each value rule.
const (
	audienceValueModel = "audience_value"
	valueRuleModel     = "value_rule"
)

// scores are all customers with what the lifetime model expects of them.
type scores struct {
	fit ltv.Fit
	all []audiences.Customer
}

// storeAudienceValues keeps what the people on the lists, and all customers, are
// expected to bring: the next night's value rules rest on it. Who has not
// bought yet counts as a new customer.
func (n *night) storeAudienceValues(ctx context.Context, s *scores, lists []wantedList) error {
	var models modelSet
	bySubject := map[string]*audiences.Customer{} // of the lists' people; nil: not bought yet
	for _, l := range lists {
		for _, m := range l.members {
			bySubject[m.Subject] = nil
		}
	}
	var everyone bidding.AudienceValue
	for i := range s.all {
		c := &s.all[i]
		everyone.Add(c.MeanOrder, c.Value)
		if _, listed := bySubject[c.Person.Subject()]; listed {
			bySubject[c.Person.Subject()] = c
		}
	}
	models.add(n.runID, audienceValueModel, "", everyone)
	for _, l := range lists {
		var v bidding.AudienceValue
		for _, m := range l.members {
			if c := bySubject[m.Subject]; c != nil {
				v.Add(c.MeanOrder, c.Value)
			} else {
				v.Add(s.fit.FirstValue, s.fit.LaterValue)
			}
		}
		models.add(n.runID, audienceValueModel, l.Name, v)
	}
	return models.put(ctx, n.Store.Queries)
}

// planValueRules adds to a plan what Google Ads is to be told of the worth of
// sales; nothing, where the policy does not want it.
func (n *night) planValueRules(ctx context.Context, in bidding.Input, out *bidding.Output) error {
	if !n.shop.Policy.ValueRules.Enabled {
		return nil
	}
	rules := bidding.ValueRuleInput{Input: &in, Lists: map[string]bidding.AudienceValue{}, HorizonDays: n.shop.Model.HorizonDays, Outages: out.Outages}
	values, err := n.newestAudienceValues(ctx)
	if err != nil {
		return err
	}
	rules.Everyone = values[""]
	rules.LifetimeTold = slices.ContainsFunc(n.shop.Tell, func(t TellSettings) bool {
		return t.Platform == platform.Google && t.Enabled && t.Rules.Measure.Lifetime()
	})
	lists, err := n.Store.Lists(ctx, n.shop.Name)
	if err != nil {
		return err
	}
	for _, l := range lists {
		if v, ok := values[l.Name]; ok && l.Platform == string(platform.Google) {
			rules.Lists[l.RemoteID] = v
		}
	}
	fits, err := loadModels[ltv.Fit](ctx, n.Store.Queries, n.runID, "ltv")
	if err != nil {
		return err
	}
	if f, ok := fits[""]; ok {
		rules.Lambda, rules.FirstOrder = f.DefaultLambda(), f.FirstValue
	}
	if err := n.othersRules(ctx, rules); err != nil {
		return err
	}
	plan := bidding.PlanValueRules(rules)
	out.Drafts, out.Blocked = append(out.Drafts, plan.Drafts...), append(out.Blocked, plan.Blocked...)
	out.ValueRules = plan.Facts
	return nil
}

// othersRules adds to the past changes what somebody else set: the platform's
// change history has no value rules, so what was read night after night tells.
func (n *night) othersRules(ctx context.Context, in bidding.ValueRuleInput) error {
	for _, a := range in.Accounts {
		loc, err := time.LoadLocation(a.TimeZone)
		if err != nil { // seen by planInput
			loc = time.UTC
		}
		for _, e := range a.Entities {
			field := platform.ValueMultiplier
			if _, known := in.Lists[e.ID]; e.Type == platform.NewCustomerGoal {
				field = platform.NewCustomerValue
			} else if e.Type != platform.ValueRule || !known {
				continue
			}
			rows, err := n.Store.EntityHistory(ctx, string(a.Platform), a.ID, string(e.Type), e.ID)
			if err != nil {
				return err
			}
			key := bidding.Key{Platform: a.Platform, AdAccount: a.ID, Ref: e.Ref}
			var before platform.Entity
			for i, row := range rows {
				now, err := entityOf(row)
				if err != nil {
					return err
				}
				from, to := before.Fields[field], now.Fields[field]
				before = now
				ours := func(c bidding.PastChange) bool { return c.Ours && c.Key == key && c.New == to }
				if i > 0 && from != to && !slices.ContainsFunc(in.Changes, ours) {
					in.Changes = append(in.Changes, bidding.PastChange{Key: key, Field: field, At: row.UpdatedAt, Date: civil.Of(row.UpdatedAt.In(loc)), Old: from, New: to})
				}
			}
		}
	}
	return nil
}

// newestAudienceValues are those of the newest night that computed any, within
// the nights that a lifetime model serves.
func (n *night) newestAudienceValues(ctx context.Context) (map[string]bidding.AudienceValue, error) {
	for k := range lifetimeNights {
		v, err := loadModels[bidding.AudienceValue](ctx, n.Store.Queries, RunID(n.shop.Name, n.date.AddDays(-k)), audienceValueModel)
		if err != nil || len(v) > 0 {
			return v, err
		}
	}
	return nil, nil
}

// valueRuleFacts is what the guardrails saw of a value rule when it was proposed.
func (s *Steward) valueRuleFacts(ctx context.Context, q *store.Queries, p store.Proposal) (guard.Facts, error) {
	if p.RunID == "" {
		return guard.Facts{}, refused("a rollback or a step of an experiment is taken or left as it is")
	}
	key := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Ref: ref(p)}.String()
	m, err := q.Model(ctx, p.RunID, valueRuleModel, key)
	if err != nil {
		return guard.Facts{}, err
	}
	var f guard.Facts
	if err := json.Unmarshal([]byte(m.Body), &f); err != nil {
		return f, fmt.Errorf("the stored value rule %s cannot be read: %w", key, err)
	}
	return f, nil
}

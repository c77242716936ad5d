package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// autoApprove takes the steps of experiments that a person has approved, lets
// what is too old expire and, where the policy says so, says yes within its caps.
// People decide on the rest, on the page.
func autoApprove(ctx context.Context, n *night) (report, error) {
	steps, fault := n.stepExperiments(ctx)
	rep, err := n.decideOpen(ctx)
	if steps > 0 {
		rep.Summary += fmt.Sprintf("; %d steps of experiments", steps)
	}
	rep.Partial = fault
	return rep, err
}

func (n *night) decideOpen(ctx context.Context) (report, error) {
	now := n.Now()
	expired, err := n.expire(ctx, now)
	if err != nil {
		return report{}, err
	}
	if err := n.announceAuto(ctx, now); err != nil {
		return report{}, err
	}
	open, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, RunID: n.runID, States: []string{string(bidding.Proposed)}})
	if err != nil {
		return report{}, err
	}
	summary := fmt.Sprintf("%d wait for a decision, %d expired", len(open), expired)
	if !n.shop.Policy.AutoApprove.Enabled {
		return report{Summary: summary}, nil
	}
	if now.After(n.asOf().Add(n.shop.expiry())) { // old facts want a person's eye
		return report{Summary: summary + "; the policy approves nothing for a date so long past"}, nil
	}
	approved, err := n.autoApproveWithin(ctx, open, now)
	if err != nil {
		return report{}, err
	}
	return report{Summary: fmt.Sprintf("the policy approved %d; %d wait for a decision, %d expired", approved, len(open)-approved, expired)}, nil
}

// expire closes what was not decided or pushed in time.
func (n *night) expire(ctx context.Context, now time.Time) (int, error) {
	count := 0
	err := n.Store.InTx(ctx, func(q *store.Queries) error {
		rows, err := q.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Proposed), string(bidding.Approved)}})
		if err != nil {
			return err
		}
		for _, p := range rows {
			if !now.After(p.ExpiresAt) {
				continue
			}
			if err := move(ctx, q, p, bidding.Expired, pushActor, "not "+undone(p.State)+" in time", "", now); err != nil {
				return err
			}
			count++
		}
		return nil
	})
	return count, err
}

func undone(state string) string {
	if bidding.State(state) == bidding.Approved {
		return "pushed"
	}
	return "decided"
}

// autoApproveKey is the setting under which it is kept whether the policy approves.
func autoApproveKey(shop string) string { return "auto_approve/" + shop }

// announceAuto records when automatic approval was turned on or off since the
// last run.
func (n *night) announceAuto(ctx context.Context, now time.Time) error {
	want := "off"
	if n.shop.Policy.AutoApprove.Enabled {
		want = "on"
	}
	return n.Store.InTx(ctx, func(q *store.Queries) error {
		key := autoApproveKey(n.shop.Name)
		set, ok, err := q.Setting(ctx, key)
		if err != nil || set.Value == want || !ok && want == "off" {
			return err
		}
		if err := q.PutSetting(ctx, store.Setting{Key: key, Value: want, Actor: "policy:" + n.shop.PolicyID, UpdatedAt: now}); err != nil {
			return err
		}
		n.Log.Warn("automatic approval was turned "+want, "account", n.shop.Name, "policy", n.shop.PolicyID)
		_, err = q.Audit(ctx, store.AuditEntry{At: now, Account: n.shop.Name, Actor: "policy:" + n.shop.PolicyID,
			Action: "auto_approve_" + want, Reason: "the policy file says so"})
		return err
	})
}

func (n *night) autoApproveWithin(ctx context.Context, open []store.Proposal, now time.Time) (int, error) {
	budgets, err := n.totalBudget(ctx, n.Store.Queries, n.shop.Name, n.shop.Currency)
	if err != nil {
		return 0, err
	}
	others, mine, err := n.autoApprovedToday(ctx, now)
	if err != nil {
		return 0, err
	}
	// What this run's approvals have taken counts again where the stage runs again.
	items := slices.Clone(mine)
	for _, p := range open {
		items = append(items, change(p))
	}
	approved := 0
	err = n.Store.InTx(ctx, func(q *store.Queries) error {
		for i, why := range guard.AutoApprovable(n.shop.Policy.AutoApprove, budgets, others, items)[len(mine):] {
			if why != "" || open[i].RollbackOf != "" {
				continue
			}
			if err := n.approveOne(ctx, q, open[i], "policy:"+n.shop.PolicyID, "within the policy's caps", now); err != nil {
				return err
			}
			approved++
		}
		return nil
	})
	return approved, err
}

// autoApprovedToday are the changes a policy has approved on this shop date, those of
// this run apart.
func (n *night) autoApprovedToday(ctx context.Context, now time.Time) (others, mine []platform.Change, err error) {
	rows, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, Since: now.Add(-48 * time.Hour)})
	if err != nil {
		return nil, nil, err
	}
	for _, p := range rows {
		a, err := n.Store.LatestApproval(ctx, p.ProposalID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if strings.HasPrefix(a.Actor, "policy:") && n.dateOf(p.Account, a.At) == n.dateOf(p.Account, now) {
			if p.RunID == n.runID {
				mine = append(mine, change(p))
			} else {
				others = append(others, change(p))
			}
		}
	}
	return others, mine, nil
}

// totalBudget sums the daily budgets of everything enabled, in the group's
// currency, each budget once however many campaigns share it, and one that an
// experiment has turned down as what it will be again.
func (s *Steward) totalBudget(ctx context.Context, q *store.Queries, account, currency string) (money.Micros, error) {
	accounts, err := q.AdAccounts(ctx, account)
	if err != nil {
		return 0, err
	}
	rows, err := q.Entities(ctx, account)
	if err != nil {
		return 0, err
	}
	under, err := protections(ctx, q, account)
	if err != nil {
		return 0, err
	}
	var total money.Micros
	for _, row := range rows {
		i := slices.IndexFunc(accounts, func(a store.AdAccount) bool { return a.Platform == row.Platform && a.AdAccount == row.AdAccount })
		if i < 0 || accounts[i].Currency != currency {
			continue
		}
		e, err := entityOf(row)
		if err != nil {
			return 0, err
		}
		if e.Status == platform.Enabled {
			key := bidding.Key{Platform: platform.Name(row.Platform), AdAccount: row.AdAccount, Ref: e.Ref}.String()
			total += max(e.Fields[platform.DailyBudget], under[key].Budget)
		}
	}
	return total, nil
}

// capHolds checks the total cap with this change made and the others not: of a
// plan that keeps the cap as a whole, people may approve only the increases.
func (w *pusher) capHolds(ctx context.Context, q *store.Queries, p store.Proposal) error {
	if p.Currency != w.shop.Currency || draftOf(p).Experiment != "" { // what an experiment puts back is counted all along
		return nil
	}
	total, err := w.totalBudget(ctx, q, w.shop.Name, w.shop.Currency)
	if err != nil {
		return err
	}
	pushed, err := w.pushedSincePull(ctx, q)
	if err != nil {
		return err
	}
	if v := guard.CheckCap(w.shop.Policy, w.shop.Currency, total+pushed, change(p)); v.Answer == guard.Block {
		return refused("guardrail %s (%s): %s Push the cuts first, or raise the cap", v.Name, v.Setting, v.Detail)
	}
	return nil
}

// pushedSincePull is what pushes have added to the budgets the store knows of.
func (w *pusher) pushedSincePull(ctx context.Context, q *store.Queries) (money.Micros, error) {
	accounts, err := q.AdAccounts(ctx, w.shop.Name)
	if err != nil {
		return 0, err
	}
	rows, err := q.Proposals(ctx, store.Filter{Account: w.shop.Name, Field: string(platform.DailyBudget),
		States: []string{string(bidding.Applied), string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil {
		return 0, err
	}
	var sum money.Micros
	for _, p := range rows {
		i := slices.IndexFunc(accounts, func(a store.AdAccount) bool { return a.Platform == p.Platform && a.AdAccount == p.AdAccount })
		if draftOf(p).Experiment != "" {
			continue // see totalBudget
		}
		if i >= 0 && (!p.AppliedAt.Valid || p.AppliedAt.Time.After(accounts[i].UpdatedAt)) && p.Currency == w.shop.Currency {
			sum += p.Proposed - p.Seen
		}
	}
	return sum, nil
}

// editedBody checks an edited value against the guardrails with the facts the
// proposal was made on, and explains it anew.
func (s *Steward) editedBody(ctx context.Context, q *store.Queries, p store.Proposal, actor string, value money.Micros) (string, error) {
	shop, err := s.current(p.Account)
	if err != nil {
		return "", err
	}
	d := draftOf(p)
	if isExclusion(p) {
		return "", refused("it is kept out of ads or not; approve or reject it as it is")
	}
	var u bidding.UnitReport
	var facts guard.Facts
	if d.Field.TellsWorth() {
		facts, err = s.valueRuleFacts(ctx, q, p)
	} else {
		u, facts, err = s.unitOf(ctx, q, p)
	}
	if err != nil {
		return "", err
	}
	facts.Now, facts.Today = s.Now(), s.dateOf(p.Account, s.Now())
	if on, err := killed(ctx, q); err != nil {
		return "", err
	} else if on {
		facts.KillSwitch = "it is on now"
	}
	c := platform.Change{Entity: d.Entity, Field: d.Field, Seen: d.Seen, Value: value}
	allowed, verdicts := guard.Check(shop.Policy, guard.Edit, facts, c)
	if guard.Blocked(verdicts) || allowed != value {
		v := decisive(verdicts)
		if v.Name == "" { // rounding is no guardrail's news
			return "", refused("it is set in steps of %s; the nearest is %s", facts.Unit(d.Field).Decimal(), allowed.Decimal())
		}
		return "", refused("guardrail %s (%s): %s; it would allow %s", v.Name, v.Setting, strings.TrimSuffix(v.Detail, "."), allowed.Decimal())
	}
	d.Edit(actor, value)
	d.Guardrails = verdicts
	if !d.Field.TellsWorth() { // a value rule promises nothing
		d.Expected = bidding.Expect(u, d.Field, value)
	}
	body, err := json.Marshal(d.Body)
	return string(body), err
}

// decisive is the verdict that did most: a block before a clamp.
func decisive(vs []guard.Verdict) guard.Verdict {
	var out guard.Verdict
	for _, v := range vs {
		if v.Answer == guard.Block {
			return v
		}
		if v.Answer == guard.Clamp {
			out = v
		}
	}
	return out
}

// unitOf returns the unit of control a proposal belongs to, and the facts its
// guardrails looked at, as the run stored them.
func (s *Steward) unitOf(ctx context.Context, q *store.Queries, p store.Proposal) (bidding.UnitReport, guard.Facts, error) {
	key := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Ref: ref(p)}.String()
	if p.RunID == "" {
		return bidding.UnitReport{}, guard.Facts{}, refused("a rollback or a step of an experiment is taken or left as it is")
	}
	m, err := q.Model(ctx, p.RunID, "unit", key)
	if err != nil {
		return bidding.UnitReport{}, guard.Facts{}, err
	}
	var u bidding.UnitReport
	if err := json.Unmarshal([]byte(m.Body), &u); err != nil {
		return u, guard.Facts{}, fmt.Errorf("the stored unit %s cannot be read: %w", key, err)
	}
	return u, u.Facts[key], nil
}

// pushApproved pushes what people and the policy have approved, and first
// finishes what an earlier process left. The supplemental feeds are written anew:
// prices and costs, and with them margin tiers, may have changed.
func pushApproved(ctx context.Context, n *night) (report, error) {
	rep, err := n.pushAll(ctx)
	if err != nil {
		return rep, err
	}
	if err := n.renewSupplements(ctx, n.shop); err != nil {
		rep.Partial = errors.Join(rep.Partial, fmt.Errorf("the supplemental feed: %w", err))
	}
	return rep, nil
}

func (n *night) pushAll(ctx context.Context) (report, error) {
	rows, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Approved),
		string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil || len(rows) == 0 {
		return report{Summary: "nothing is approved"}, err
	}
	ids := make([]string, len(rows))
	for i, p := range rows {
		ids[i] = p.ProposalID
	}
	var faults []error
	counts := map[bidding.State]int{}
	for _, o := range n.Apply(ctx, pushActor, ids) {
		counts[o.State]++
		if o.Err != nil {
			faults = append(faults, fmt.Errorf("proposal %s: %w", o.ID, o.Err))
		}
	}
	return report{Summary: fmt.Sprintf("%d applied, %d failed, %d left for later", counts[bidding.Applied], counts[bidding.Failed],
		len(ids)-counts[bidding.Applied]-counts[bidding.Failed]), Partial: errors.Join(faults...)}, nil
}

package nightly

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"adsteward/attribution"
	"adsteward/audiences"
	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/platform"
	"adsteward/store"
)

// InputError says that what was asked for makes no sense.
type InputError struct{ Msg string }

func (e *InputError) Error() string { return e.Msg }

// IsInput marks the error as the asker's.
func (e *InputError) IsInput() bool { return true }

func badInput(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }

// DraftExperiment makes the plan a request asks for and reckons what it would
// cost and could detect. Nothing is stored.
func (s *Steward) DraftExperiment(ctx context.Context, r attribution.ExperimentRequest) (attribution.ExperimentDraft, error) {
	shop, err := s.current(r.Account)
	if err != nil {
		return attribution.ExperimentDraft{}, badInput("%v", err)
	}
	if !slices.Contains(attribution.ExperimentKinds, r.Kind) {
		return attribution.ExperimentDraft{}, badInput("the kind %q is none of %v", r.Kind, attribution.ExperimentKinds)
	}
	today := s.dateOf(r.Account, s.Now())
	p := attribution.ExperimentPlan{Kind: r.Kind, Name: r.Name, Start: r.Start, Days: r.Days, Seed: r.Seed}
	var c campaign
	if r.Kind != attribution.PolicyTest {
		if c, err = s.campaignNamed(ctx, r.Account, r.Campaign); err != nil {
			return attribution.ExperimentDraft{}, err
		}
		p.Campaigns, p.Protects = []string{bidding.CampaignKey(platform.Name(c.row.Platform), c.ID)}, c.keys()
	}
	if p.Name == "" && r.Kind == attribution.PolicyTest {
		p.Name = "adsteward against doing nothing"
	}
	if p.Name == "" {
		p.Name = fmt.Sprintf("%s, %s", c.Name, r.Kind)
	}
	if p.Start.IsZero() {
		p.Start = today.AddDays(1)
	}
	if p.Start < today {
		return attribution.ExperimentDraft{}, badInput("the first day %s has passed", p.Start)
	}
	if p.Days == 0 {
		p.Days = map[attribution.ExperimentKind]int{attribution.Switchback: 70}[r.Kind]
		if p.Days == 0 {
			p.Days = 28
		}
	}
	if p.Seed == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		p.Seed = binary.BigEndian.Uint64(b[:])>>11 | 1
	}
	for _, b := range shop.Policy.BlackOut {
		if r.Kind == attribution.Switchback && b.From <= p.End().AddDays(1) && b.To >= p.Start {
			return attribution.ExperimentDraft{}, refused("guardrail black_out: nothing is changed from %s to %s, which lies within it", b.From, b.To)
		}
	}
	switch r.Kind {
	case attribution.Switchback:
		err = s.draftSwitchback(ctx, shop, &p, c, r)
	case attribution.Holdout:
		p.Holdout = &attribution.HoldoutPlan{List: r.List, Share: r.Share}
		if r.List == "" {
			p.Holdout.List = audiences.ListCartAbandoners
		}
		if r.Share == 0 {
			p.Holdout.Share = 0.1
		}
		if !shop.Audience.Enabled {
			err = refused("no list is kept: audiences.enabled is false")
		} else if slices.Contains(audiences.Lists, p.Holdout.List) && !shop.Audience.keeps(p.Holdout.List) {
			err = refused("the list %s is not kept; name it in audiences.lists", p.Holdout.List)
		}
	case attribution.Geo:
		err = s.draftGeo(ctx, shop, &p, r)
	case attribution.PolicyTest:
		err = s.draftPolicy(ctx, shop, &p)
	}
	if err != nil {
		return attribution.ExperimentDraft{}, err
	}
	if err := p.Validate(); err != nil {
		return attribution.ExperimentDraft{}, badInput("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	f, err := s.forecast(ctx, shop, &p)
	return attribution.ExperimentDraft{Plan: p, Forecast: f}, err
}

// campaign is a campaign of the structure with the entities around it.
type campaign struct {
	platform.Entity
	row    store.Entity
	budget *platform.Entity // nil: its ad sets have budgets of their own
	parts  []platform.Entity
}

// keys name the campaign, its ad sets or ad groups and its budget.
func (c campaign) keys() []string {
	key := func(r platform.Ref) string {
		return bidding.Key{Platform: platform.Name(c.row.Platform), AdAccount: c.row.AdAccount, Ref: r}.String()
	}
	out := []string{key(c.Ref)}
	for _, p := range c.parts {
		out = append(out, key(p.Ref))
	}
	if c.budget != nil && c.budget.Ref != c.Ref {
		out = append(out, key(c.budget.Ref))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// campaignNamed finds the one campaign with that id or name.
func (s *Steward) campaignNamed(ctx context.Context, account, name string) (campaign, error) {
	rows, err := s.Store.Entities(ctx, account)
	if err != nil {
		return campaign{}, err
	}
	var found []campaign
	for _, row := range rows {
		if row.EntityType == string(platform.Campaign) && name != "" && (row.EntityID == name || row.Name == name || row.Platform+":"+row.EntityID == name) {
			e, err := entityOf(row)
			if err != nil {
				return campaign{}, err
			}
			found = append(found, campaign{Entity: e, row: row})
		}
	}
	switch {
	case name == "":
		return campaign{}, badInput("name the campaign")
	case len(found) == 0:
		return campaign{}, badInput("there is no campaign %q; a night has to have read it from the platform", name)
	case len(found) > 1:
		return campaign{}, badInput("%d campaigns are called %q; give the id", len(found), name)
	}
	c := found[0]
	for _, row := range rows {
		if row.Platform != c.row.Platform || row.AdAccount != c.row.AdAccount {
			continue
		}
		e, err := entityOf(row)
		if err != nil {
			return campaign{}, err
		}
		if e.Ref == c.Budget {
			c.budget = &e
		}
		if e.Parent == c.Ref {
			c.parts = append(c.parts, e)
		}
	}
	return c, nil
}

// draftSwitchback fills in the budgets, and refuses where one budget does not
// speak for the campaign alone or the policy keeps its hands off it.
func (s *Steward) draftSwitchback(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, c campaign, r attribution.ExperimentRequest) error {
	b := c.budget
	switch {
	case c.Status != platform.Enabled:
		return refused("the campaign %q is %s", c.Name, c.Status)
	case b == nil || b.Fields[platform.DailyBudget] <= 0:
		return refused("the campaign %q has no daily budget of its own that could be turned down: its ad sets have theirs", c.Name)
	case b.Shared:
		return refused("the campaign %q shares its budget with others; give it one of its own first", c.Name)
	case b.ReadOnly != "":
		return refused("its budget cannot be changed: %s", b.ReadOnly)
	}
	accounts, err := s.Store.AdAccounts(ctx, shop.Name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(accounts, func(a store.AdAccount) bool { return a.Platform == c.row.Platform && a.AdAccount == c.row.AdAccount })
	if i < 0 {
		return fmt.Errorf("ad account %s of %s is not known", c.row.AdAccount, c.row.Platform)
	}
	a := accounts[i]
	if a.Currency != shop.Currency {
		return refused("the ad account is in %s, the shop in %s: its sales cannot be held against it", a.Currency, shop.Currency)
	}
	f := guard.Facts{Name: c.Name, Campaigns: []string{c.ID, c.Name, b.ID, b.Name}, Platform: platform.Name(a.Platform), Currency: a.Currency,
		BudgetUnit: a.BudgetUnit, MinBudget: a.MinBudget, Today: p.Start}
	on, off := b.Fields[platform.DailyBudget], r.Off
	change := platform.Change{Entity: b.Ref, Field: platform.DailyBudget, Seen: on, Value: off}
	floor := shop.Policy.Floor(f, change)
	if off == 0 {
		off = max((on / 10).RoundTo(max(a.BudgetUnit, 1)), floor, 1)
		change.Value = off
	}
	switch _, said := guard.Check(shop.Policy, guard.Rollback, f, change); {
	case off < floor:
		return refused("the low budget would be %s; the policy or the platform allows no less than %s", off.Decimal(), floor.Decimal())
	case a.BudgetUnit > 0 && off%a.BudgetUnit != 0:
		return badInput("the low budget %s must be a multiple of %s", off.Decimal(), a.BudgetUnit.Decimal())
	default:
		for _, v := range said {
			if v.Name == "protected" {
				return refused("guardrail %s (%s): %s", v.Name, v.Setting, v.Detail)
			}
		}
	}
	block := r.Block
	if block == 0 {
		block = 7
	}
	p.Switchback = &attribution.SwitchbackPlan{Platform: a.Platform, AdAccount: a.AdAccount, EntityType: string(b.Type), EntityID: b.ID, EntityName: b.Name,
		Currency: a.Currency, On: on, Off: off, BlockDays: block, Washout: min(washoutDays, block-1)}
	if p.Switchback.EntityName == "" {
		p.Switchback.EntityName = c.Name
	}
	return nil
}

// washoutDays of a block are not counted: budgets step during the first, and
// platforms take to a new one in days.
const washoutDays = 2

// draftGeo takes the regions the shop has sold to lately; what is not held goes on
// as ever.
func (s *Steward) draftGeo(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, r attribution.ExperimentRequest) error {
	today := s.dateOf(shop.Name, s.Now())
	days, err := s.Store.RevenueByDay(ctx, shop.Name, shop.Currency, today.AddDays(-historyDays), today.AddDays(-1), today)
	if err != nil {
		return err
	}
	g := &attribution.GeoPlan{Held: slices.Clone(r.Held)}
	known := map[string]bool{}
	for _, d := range days {
		known[d.Country] = known[d.Country] || d.Country != ""
	}
	for _, h := range g.Held {
		if !known[h] {
			return badInput("the shop has sold nothing to region %q in the last %d days", h, historyDays)
		}
	}
	for c, ok := range known {
		if ok && !slices.Contains(g.Held, c) {
			g.Treated = append(g.Treated, c)
		}
	}
	slices.Sort(g.Held)
	slices.Sort(g.Treated)
	p.Geo = g
	return nil
}

// historyDays before an experiment tell what sales are like without it.
const historyDays = 84

// forecastOf reads what an experiment was expected to cost and to detect.
func forecastOf(e store.Experiment) (f attribution.ExperimentForecast, err error) {
	if e.Forecast == "" {
		return f, nil
	}
	if err := json.Unmarshal([]byte(e.Forecast), &f); err != nil {
		return f, errors.Join(fmt.Errorf("the stored forecast of experiment %s cannot be read", e.ExperimentID), err)
	}
	return f, nil
}

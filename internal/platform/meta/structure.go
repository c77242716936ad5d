package meta

import (
	"context"
	"strings"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	campaignFields = "id,name,status,objective,daily_budget,lifetime_budget,bid_strategy,smart_promotion_type"
	adSetFields    = "id,name,status,campaign_id,daily_budget,lifetime_budget,bid_strategy,bid_amount,bid_constraints," +
		"learning_stage_info,campaign{daily_budget,lifetime_budget,bid_strategy,smart_promotion_type}"
	// learningFields tell of a campaign read alone whether its ad sets learn.
	learningFields = ",adsets.limit(200){status,learning_stage_info}"

	idsPerRead = 50 // Graph's limit of ids in one request
)

const (
	readOnlyASC      = "an old Advantage+ shopping campaign; Meta lets nobody change these any more"
	readOnlyLifetime = "its budget is for its lifetime, not for a day"
)

// Account returns the ad account's description. MinBudget is the minimum for
// ad sets billed by impression, 0 where Meta states none.
func (c *Client) Account(ctx context.Context) (platform.Account, error) {
	r, err := c.do(ctx, call{method: facebook.GET, path: c.account,
		params: facebook.Params{"fields": "account_id,name,currency,timezone_name"}})
	if err != nil {
		return platform.Account{}, err
	}
	a := platform.Account{
		Platform: platform.Meta,
		ID:       strings.TrimPrefix(c.account, "act_"),
		Name:     r.body.text("name"),
		Currency: r.body.text("currency"),
		TimeZone: r.body.text("timezone_name"),
	}
	if !money.ValidCode(a.Currency) {
		return platform.Account{}, rejected("the ad account's currency is %q, which is none", a.Currency)
	}
	c.remember(a.Currency)
	a.BudgetUnit = Unit(a.Currency)
	err = c.pages(ctx, c.account+"/minimum_budgets",
		facebook.Params{"fields": "currency,min_daily_budget_imp"}, func(rows []node) error {
			for _, row := range rows {
				if row.text("currency") != a.Currency {
					continue
				}
				if a.MinBudget, err = row.amount("min_daily_budget_imp", a.BudgetUnit); err != nil {
					return unreadable("minimum budgets", err)
				}
			}
			return nil
		})
	return a, err
}

// unit returns the account's money unit, asking for the currency once.
func (c *Client) unit(ctx context.Context) (money.Micros, error) {
	c.mu.Lock()
	currency := c.currency
	c.mu.Unlock()
	if currency != "" {
		return Unit(currency), nil
	}
	r, err := c.do(ctx, call{method: facebook.GET, path: c.account, params: facebook.Params{"fields": "currency"}})
	if err != nil {
		return 0, err
	}
	currency = r.body.text("currency")
	if !money.ValidCode(currency) {
		return 0, rejected("the ad account's currency is %q, which is none", currency)
	}
	c.remember(currency)
	return Unit(currency), nil
}

func (c *Client) remember(currency string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.currency = currency
}

// Structure lists the campaigns and ad sets that are neither deleted nor
// archived. A campaign that owns its budget learns while one of its running ad
// sets does.
func (c *Client) Structure(ctx context.Context) ([]platform.Entity, error) {
	unit, err := c.unit(ctx)
	if err != nil {
		return nil, err
	}
	campaigns, err := c.entities(ctx, c.account+"/campaigns", campaignFields, campaignEntity, unit)
	if err != nil {
		return nil, err
	}
	fields := adSetFields
	if c.cfg.Targeting {
		fields += targetingFields
	}
	adSets, err := c.entities(ctx, c.account+"/adsets", fields, adSetEntity, unit)
	if err != nil {
		return nil, err
	}
	learning := map[string]string{}
	for _, s := range adSets {
		if s.Learning != "" && s.Status == platform.Enabled {
			learning[s.Parent.ID] = s.Learning
		}
	}
	for i := range campaigns {
		if campaigns[i].Budget == campaigns[i].Ref {
			campaigns[i].Learning = learning[campaigns[i].ID]
		}
	}
	for _, of := range []struct {
		level    platform.EntityType
		entities []platform.Entity
	}{{platform.Campaign, campaigns}, {platform.AdSet, adSets}} {
		if err := c.setFrequency(ctx, of.level, of.entities); err != nil {
			return nil, err
		}
	}
	return append(campaigns, adSets...), nil
}

// setFrequency reads how often one person saw the ads of those that own a
// budget. People cannot be added up over days, so Meta is asked for the week.
func (c *Client) setFrequency(ctx context.Context, level platform.EntityType, entities []platform.Entity) error {
	owners := map[string]*platform.Entity{}
	for i := range entities {
		if e := &entities[i]; e.Budget == e.Ref {
			owners[e.ID] = e
		}
	}
	if len(owners) == 0 {
		return nil
	}
	name := "campaign"
	if level == platform.AdSet {
		name = "adset"
	}
	q := facebook.Params{"level": name, "fields": name + "_id,frequency", "date_preset": "last_7d"}
	return c.insights(ctx, q, len(entities), func(rows []node) error {
		for _, row := range rows {
			e := owners[row.text(name+"_id")]
			if e == nil || row.text("frequency") == "" {
				continue
			}
			f, err := row.number("frequency")
			if err != nil {
				return unreadable("insights", err)
			}
			e.Frequency = max(f, 0)
		}
		return nil
	})
}

func (c *Client) entities(ctx context.Context, path, fields string, read func(node, money.Micros) (platform.Entity, error), unit money.Micros) ([]platform.Entity, error) {
	var out []platform.Entity
	err := c.pages(ctx, path, facebook.Params{"fields": fields}, func(rows []node) error {
		for _, row := range rows {
			e, err := read(row, unit)
			if err != nil {
				return unreadable("the account's structure", err)
			}
			if e.Status != platform.Removed {
				out = append(out, e)
			}
		}
		return nil
	})
	return out, err
}

func campaignEntity(n node, unit money.Micros) (platform.Entity, error) {
	e := platform.Entity{
		Ref:     platform.Ref{Type: platform.Campaign, ID: n.text("id")},
		Name:    n.text("name"),
		Status:  status(n.text("status")),
		Channel: strings.ToLower(strings.TrimPrefix(n.text("objective"), "OUTCOME_")),
		Bidding: n.text("bid_strategy"),
		Fields:  map[platform.Field]money.Micros{},
	}
	if err := ownBudget(&e, n, unit); err != nil {
		return e, err
	}
	for _, s := range n.child("adsets").list("data") {
		if l := learning(s); l != "" && status(s.text("status")) == platform.Enabled && e.Budget == e.Ref {
			e.Learning = l
		}
	}
	if isASC(n) {
		e.ReadOnly = readOnlyASC
	}
	return e, nil
}

func adSetEntity(n node, unit money.Micros) (platform.Entity, error) {
	parent := n.child("campaign")
	e := platform.Entity{
		Ref:      platform.Ref{Type: platform.AdSet, ID: n.text("id")},
		Name:     n.text("name"),
		Status:   status(n.text("status")),
		Parent:   platform.Ref{Type: platform.Campaign, ID: n.text("campaign_id")},
		Bidding:  n.text("bid_strategy"),
		Learning: learning(n),
		Fields:   map[platform.Field]money.Micros{},
	}
	if e.Bidding == "" {
		e.Bidding = parent.text("bid_strategy") // campaigns that own the budget own the strategy
	}
	if err := ownBudget(&e, n, unit); err != nil {
		return e, err
	}
	if isSet(parent.text("daily_budget")) || isSet(parent.text("lifetime_budget")) {
		e.Budget = e.Parent
	}
	if isSet(n.text("bid_amount")) {
		v, err := n.amount("bid_amount", unit)
		if err != nil {
			return e, err
		}
		e.Fields[platform.BidAmount] = v
	}
	if floor := n.child("bid_constraints"); isSet(floor.text("roas_average_floor")) {
		v, err := floor.amount("roas_average_floor", roasUnit)
		if err != nil {
			return e, err
		}
		e.Fields[platform.ROASFloor] = v
	}
	if isASC(parent) {
		e.ReadOnly = readOnlyASC
	}
	e.Targeting = targeting(n.child("targeting"))
	return e, nil
}

// ownBudget reads the budget that stands on the entity itself.
func ownBudget(e *platform.Entity, n node, unit money.Micros) error {
	if isSet(n.text("lifetime_budget")) {
		e.Budget, e.ReadOnly = e.Ref, readOnlyLifetime
		return nil
	}
	if !isSet(n.text("daily_budget")) {
		return nil
	}
	v, err := n.amount("daily_budget", unit)
	if err != nil {
		return err
	}
	e.Budget, e.Fields[platform.DailyBudget] = e.Ref, v
	return nil
}

// isSet tells a value from none, for which Graph leaves the field out or writes 0.
func isSet(s string) bool { return s != "" && s != "0" }

// learning is Meta's word while an ad set learns. FAIL, learning that came to
// no end for want of conversions, lasts until something is changed and is
// therefore no reason against changing it.
func learning(n node) string {
	if s := n.child("learning_stage_info").text("status"); s == "LEARNING" {
		return s
	}
	return ""
}

func isASC(n node) bool { return n.text("smart_promotion_type") == "AUTOMATED_SHOPPING_ADS" }

func status(s string) platform.Status {
	switch s {
	case "ACTIVE":
		return platform.Enabled
	case "DELETED", "ARCHIVED":
		return platform.Removed
	}
	return platform.Paused
}

// Read returns the current state of campaigns and ad sets; refs of any other
// type are left out, as are ids that do not exist.
func (c *Client) Read(ctx context.Context, refs []platform.Ref) ([]platform.Entity, error) {
	unit, err := c.unit(ctx)
	if err != nil {
		return nil, err
	}
	var out []platform.Entity
	for _, kind := range []struct {
		t      platform.EntityType
		fields string
		read   func(node, money.Micros) (platform.Entity, error)
	}{
		{platform.Campaign, campaignFields + learningFields, campaignEntity},
		{platform.AdSet, adSetFields, adSetEntity},
	} {
		var ids []string
		for _, r := range refs {
			if r.Type == kind.t {
				ids = append(ids, r.ID)
			}
		}
		nodes, err := c.nodes(ctx, ids, kind.fields)
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			e, err := kind.read(n, unit)
			if err != nil {
				return nil, unreadable("campaigns and ad sets", err)
			}
			if e.Status != platform.Removed {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// nodes reads objects by their ids. One id that does not exist fails the whole
// request, so the ids of such a request are then asked for one by one.
func (c *Client) nodes(ctx context.Context, ids []string, fields string) ([]node, error) {
	var out []node
	for len(ids) > 0 {
		chunk := ids[:min(len(ids), idsPerRead)]
		ids = ids[len(chunk):]
		r, err := c.do(ctx, call{method: facebook.GET, cost: int64(len(chunk)),
			params: facebook.Params{"ids": strings.Join(chunk, ","), "fields": fields}})
		switch {
		case err == nil:
			for _, id := range chunk {
				if n := r.body.child(id); n != nil {
					out = append(out, n)
				}
			}
		case !notFound(err):
			return nil, err
		case len(chunk) > 1:
			for _, id := range chunk {
				one, err := c.nodes(ctx, []string{id}, fields)
				if err != nil {
					return nil, err
				}
				out = append(out, one...)
			}
		}
	}
	return out, nil
}

package nightly

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"adsteward/feeds"
	"adsteward/internal/money"
	"adsteward/store"
)

const (
	// defaultCollapse is Feed.Collapse where none is configured.
	defaultCollapse = 0.7
	// Of each rule broken by items that cost no advertising, so many issues are
	// kept; of items that do, all, within the limit of a run.
	keptPerRule = 200
	keptPerRun  = 20_000
	// feedModel is the kind under which a run keeps the state of each feed, by
	// location, and the sum of all under "feed".
	feedModel = "feed_source"
)

// checkFeeds reads every feed, checks it and keeps the products of those that
// are fit to be believed; a feed that cannot be read or has collapsed leaves its
// own last good version in force. The world is shown every item.
func checkFeeds(ctx context.Context, n *night, spent map[string]itemCost, w *world) (report, error) {
	n.forgetFeeds()
	if len(n.shop.Feeds) == 0 {
		return report{Summary: "no feed is configured"}, nil
	}
	total := feeds.Report{ByRule: map[string]int{}}
	var products []store.Product
	var issues []store.FeedIssue
	var models modelSet
	var faults []error
	for i, f := range n.shop.Feeds {
		r := &feedReading{n: n, feed: f, position: i, spent: spent, world: w, at: map[string]int{}, perRule: map[string]int{}, room: keptPerRun - len(issues)}
		state, err := n.readFeed(ctx, r)
		if err != nil {
			return report{}, err
		}
		if w.refused[i] = state.Refused != ""; w.refused[i] {
			faults = append(faults, fmt.Errorf("feed %s: %s; its last good version stays in force", f.Location, state.Refused))
		}
		products, issues = append(products, r.products...), append(issues, r.issues...)
		models.add(n.runID, feedModel, f.Location, state)
		addReport(&total, state.Report)
	}
	models.add(n.runID, "feed", "", total)
	summary := fmt.Sprintf("%d items, %d without error, %d errors, %d warnings", total.Items, total.Valid, total.Errors, total.Warnings)
	return report{Summary: summary, Partial: errors.Join(faults...)}, n.Store.InTx(ctx, func(q *store.Queries) error {
		return errors.Join(models.put(ctx, q), q.ReplaceProducts(ctx, n.shop.Name, products), q.ReplaceFeedIssues(ctx, n.shop.Name, n.runID, issues))
	})
}

func addReport(sum *feeds.Report, r feeds.Report) {
	sum.Items, sum.Valid, sum.Errors, sum.Warnings = sum.Items+r.Items, sum.Valid+r.Valid, sum.Errors+r.Errors, sum.Warnings+r.Warnings
	for rule, k := range r.ByRule {
		sum.ByRule[rule] += k
	}
}

// itemCost is what was spent on one item on each platform.
type itemCost struct{ google, meta money.Micros }

// itemSpend is what was spent on items lately, by their ids in lower case.
func (n *night) itemSpend(ctx context.Context) (map[string]itemCost, error) {
	rows, err := n.Store.ItemSpendSums(ctx, n.shop.Name, n.date.AddDays(-itemDays), n.date, "")
	out := make(map[string]itemCost, len(rows))
	for _, r := range rows {
		id := strings.ToLower(r.ItemID)
		c := out[id]
		if r.Platform == "meta" {
			c.meta += r.Cost
		} else {
			c.google += r.Cost
		}
		out[id] = c
	}
	return out, err
}

// feedReading is one feed being read.
type feedReading struct {
	n        *night
	feed     Feed
	position int
	spent    map[string]itemCost
	world    *world
	room     int // for issues

	products []store.Product
	at       map[string]int // item -> index in products
	issues   []store.FeedIssue
	perRule  map[string]int
	tally    feeds.Tally
}

// readFeed reads one feed and says how it stands. Where the new version is
// refused, what is in force is read back from the store, with the findings of the
// night before.
func (n *night) readFeed(ctx context.Context, r *feedReading) (feeds.State, error) {
	s := feeds.State{Location: r.feed.Location, Platform: r.feed.Platform, Since: n.date}
	before, err := n.Store.FeedSize(ctx, n.shop.Name, r.feed.Location)
	if err != nil {
		return s, err
	}
	kept := n.feedCache(r.feed)
	var fault error
	if s.Report, fault = r.read(ctx, kept); fault == nil {
		fault = r.collapsed(before)
	}
	if fault == nil {
		kept.keep()
		s.Items, s.Rules = len(r.products), r.tally.Rules()
		return s, nil
	}
	kept.drop()
	s.Refused = fault.Error()
	last, err := n.lastFeedState(ctx, r.feed.Location)
	if err != nil {
		return s, err
	}
	s.Since, s.Rules, r.issues = last.Since, last.Rules, nil
	r.products, err = n.Store.FeedProducts(ctx, n.shop.Name, r.feed.Location)
	s.Items = len(r.products)
	return s, err
}

// collapsed refuses a feed that has lost too many of its items.
func (r *feedReading) collapsed(before int) error {
	least := r.feed.Collapse
	if least == 0 {
		least = defaultCollapse
	}
	if float64(len(r.products)) < least*float64(before) {
		return fmt.Errorf("it fell from %d items to %d, below %.0f %%; look at its export", before, len(r.products), 100*least)
	}
	return nil
}

// lastFeedState is the state of a feed after the newest night before this one.
func (n *night) lastFeedState(ctx context.Context, location string) (feeds.State, error) {
	runs, err := n.Store.Runs(ctx, n.shop.Name, lookBackDays)
	if err != nil {
		return feeds.State{}, err
	}
	for _, run := range runs {
		if run.Date >= n.date {
			continue
		}
		states, err := loadModels[feeds.State](ctx, n.Store.Queries, run.RunID, feedModel)
		if err != nil {
			return feeds.State{}, err
		}
		if s, ok := states[location]; ok {
			return s, nil
		}
	}
	return feeds.State{}, nil
}

func (r *feedReading) read(ctx context.Context, c *feedCache) (feeds.Report, error) {
	f := r.feed
	src, err := c.open(ctx, f)
	if err != nil {
		return feeds.Report{}, err
	}
	defer src.Close()
	o := feeds.Options{Platform: f.Platform, Country: f.Country, Format: f.Format, Encoding: f.Encoding,
		Currency: r.n.shop.Currency, ShopURL: f.ShopURL, Now: r.n.asOf(), Severities: f.Severities}
	c.lend(&o)
	rep, err := feeds.Validate(src, o, r.item)
	c.version.fail(err)
	if rep.AsKnown {
		c.asKnown()
	}
	c.log.Debug("feed checked", "items", rep.Items, "known", rep.Reused)
	rep.Reused, rep.AsKnown = 0, false // how it was found out is no part of what was found
	return rep, err
}

func (r *feedReading) item(it feeds.Item, issues []feeds.Issue) error {
	r.world.see(r.position, it, issues)
	cost := r.spent[strings.ToLower(it.ID)]
	r.tally.Add(issues, cost.google, cost.meta)
	r.keep(issues, cost.google+cost.meta > 0)
	if it.ID == "" {
		return nil
	}
	p := r.product(it)
	for _, i := range issues {
		google, meta := i.Platform != "meta", i.Platform != "google"
		switch i.Severity {
		case feeds.Error:
			p.Errors++
			p.GoogleErrors, p.MetaErrors = p.GoogleErrors+ones[google], p.MetaErrors+ones[meta]
		case feeds.Warning:
			p.Warnings++
			p.GoogleWarnings, p.MetaWarnings = p.GoogleWarnings+ones[google], p.MetaWarnings+ones[meta]
		}
	}
	if k, ok := r.at[it.ID]; ok {
		r.products[k] = p
		return nil
	}
	r.at[it.ID] = len(r.products)
	r.products = append(r.products, p)
	return nil
}

var ones = map[bool]int{true: 1}

func (r *feedReading) product(it feeds.Item) store.Product {
	p := store.Product{Account: r.n.shop.Name, ItemID: it.ID, Feed: r.feed.Location, Position: r.position, Title: it.Title,
		Availability: it.Availability, Stock: it.Stock, ProductType: it.ProductType, ItemGroup: it.ItemGroupID, Brand: it.Brand,
		Label0: it.CustomLabels[0], Label1: it.CustomLabels[1], Label2: it.CustomLabels[2], Label3: it.CustomLabels[3], Label4: it.CustomLabels[4],
		FeedDate: r.n.date}
	p.Price, p.Currency = it.Price.Amount, it.Price.Currency
	if s := it.SalePrice; s.Known() && s.Currency == p.Currency {
		p.SalePrice = &s.Amount
		p.SaleFrom = sql.NullTime{Time: it.SaleFrom, Valid: !it.SaleFrom.IsZero()}
		p.SaleUntil = sql.NullTime{Time: it.SaleUntil, Valid: !it.SaleUntil.IsZero()}
	}
	if c := it.CostOfGoodsSold; c.Known() && c.Currency == r.n.shop.Currency {
		p.UnitCost = &c.Amount
	}
	return p
}

// keep stores the issues that people will look for: those of items that cost
// money, and examples of the others.
func (r *feedReading) keep(issues []feeds.Issue, spends bool) {
	for _, i := range issues {
		if i.Severity == feeds.Normalized && !spends {
			continue
		}
		if r.perRule[i.Rule]++; len(r.issues) >= r.room || !spends && r.perRule[i.Rule] > keptPerRule {
			continue
		}
		r.issues = append(r.issues, store.FeedIssue{Feed: r.feed.Location, ItemID: i.ItemID, Line: i.Line, Rule: i.Rule, Severity: string(i.Severity),
			Platform: i.Platform, Attribute: i.Attribute, Value: i.Value, Message: i.Message, Fix: i.Fix})
	}
}

// Offers are the items in force of a shop's feeds at a time, with their costs:
// the feed's, else those of the shop's own table. What makes their groups is of the
// first feed that says it.
func (s *Steward) Offers(ctx context.Context, account string, at time.Time) ([]feeds.Offer, error) {
	shop, err := s.Shop(account)
	if err != nil {
		return nil, err
	}
	return shop.offers(ctx, s.Store.Queries, at)
}

func (shop *Shop) offers(ctx context.Context, q *store.Queries, at time.Time) ([]feeds.Offer, error) {
	costs, err := q.Costs(ctx, shop.Name)
	if err != nil {
		return nil, err
	}
	var out []feeds.Offer
	index := map[string]int{}
	for _, f := range shop.Feeds {
		rows, err := q.FeedProducts(ctx, shop.Name, f.Location)
		if err != nil {
			return nil, err
		}
		for _, p := range rows {
			k, known := index[p.ItemID]
			if !known {
				k = len(out)
				index[p.ItemID] = k
				out = append(out, shop.offer(p, costs, at))
			}
			o := &out[k]
			o.OnGoogle, o.OnMeta = o.OnGoogle || f.on("google"), o.OnMeta || f.on("meta")
			o.GoogleErrors, o.MetaErrors = o.GoogleErrors+p.GoogleErrors, o.MetaErrors+p.MetaErrors
			o.ItemGroup, o.ProductType, o.Brand = cmp.Or(o.ItemGroup, p.ItemGroup), cmp.Or(o.ProductType, p.ProductType), cmp.Or(o.Brand, p.Brand)
		}
	}
	return out, nil
}

// offer is one product; its price and cost are left out where they are in
// another currency than the shop's.
func (shop *Shop) offer(p store.Product, costs map[string]store.Cost, at time.Time) feeds.Offer {
	o := feeds.Offer{ID: p.ItemID, Title: p.Title, Availability: p.Availability, Stock: p.Stock}
	if p.Currency != shop.Currency {
		return o
	}
	o.Price = feeds.PriceOn(at, p.Price, p.SalePrice, p.SaleFrom.Time, p.SaleUntil.Time)
	o.UnitCost = p.UnitCost
	if c, ok := costs[p.ItemID]; ok && o.UnitCost == nil && c.Currency == shop.Currency {
		o.UnitCost = &c.UnitCost
	}
	return o
}

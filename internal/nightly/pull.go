package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/parallel"
	"adsteward/internal/platform"
	"adsteward/internal/storefront"
	"adsteward/store"
)

// changeDays of history are asked for; Google Ads keeps thirty.
const changeDays = 28

// pull brings in what the platforms and the shop know, all side by side. An ad
// account that cannot be reached is left as it was, and the night goes on with the
// others: the freshness guardrail keeps its changes back.
func pull(ctx context.Context, n *night) (report, error) {
	as := pulling{n, n.asOf(), n.Now()}
	conns, connErr := n.shop.Connect(ctx)
	defer n.closeAll(conns)
	var files int
	var shopErr error
	accounts := make([]pulled, len(conns))
	readings := []func() error{func() error { files, shopErr = as.pullShop(ctx); return nil }}
	for i, c := range conns {
		readings = append(readings, func() error { accounts[i] = as.pullAll(ctx, c); return nil })
	}
	if err := parallel.Do(readings...); err != nil {
		return report{}, err
	}
	for _, c := range conns {
		if err := n.countUsage(ctx, c); err != nil {
			return report{}, err
		}
	}
	if store.IsUnusable(shopErr) { // no fault of the shop's or a platform's
		return report{}, shopErr
	}
	failed := []error{connErr}
	rows, reached := 0, 0
	for i, c := range conns {
		a := &accounts[i]
		rows += a.rows
		for _, err := range []error{a.err, a.more} {
			if store.IsUnusable(err) {
				return report{}, err
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("%s %s: %w", c.Ads.Platform(), c.AdAccount, err))
			}
		}
		if a.err == nil {
			reached++
		}
	}
	partial := errors.Join(failed...)
	if reached == 0 && partial != nil {
		return report{}, partial
	}
	return report{
		Summary: fmt.Sprintf("%d of %d ad accounts, %d days of campaigns, %d shop files", reached, len(n.shop.Expected), rows, files),
		Partial: errors.Join(partial, shopErr),
	}, nil
}

// pulling is a night's pull. Its parts go on side by side and do not ask the clock:
// moment is what the night speaks for, began when the pull did.
type pulling struct {
	*night
	moment, began time.Time
}

// pulled is what came of an ad account: what is stored of it, its structure, the date it
// is in its zone, how many days of performance, and from when on, what was stored of its
// campaigns before, and those whose budget was moved; err where its own figures could not
// be had, more where something besides them could not.
type pulled struct {
	account     store.AdAccount
	structure   []platform.Entity
	today, from civil.Date
	rows        int
	stored      map[platform.Ref]*levels
	moved       moved
	err, more   error
}

func (n *pulling) pullAll(ctx context.Context, c Connection) (p pulled) {
	if p.err = n.pullAdAccount(ctx, c, &p); p.err != nil {
		return p
	}
	if p.account.CountsFrom == p.today {
		p.more = fmt.Errorf("its currency has changed to %s; its days before today are in another and count no more, so its campaigns are left alone until there are enough new ones", p.account.Currency)
	}
	p.more = errors.Join(p.more, parallel.Do(func() error { return n.pullSimulations(ctx, c) },
		func() error { return n.pullParts(ctx, c, &p) },
		func() error { return n.pullItems(ctx, c, p.account.CountsFrom, p.today) }, func() error { return n.pullAds(ctx, c, p.account.CountsFrom, p.today) }))
	return p
}

func (s *Steward) closeAll(conns []Connection) {
	for _, c := range conns {
		err := c.Ads.Close()
		if c.Audiences != nil {
			err = errors.Join(err, c.Audiences.Close())
		}
		if c.Conversions != nil {
			err = errors.Join(err, c.Conversions.Close())
		}
		if err != nil {
			s.Log.Warn("closing a connection", "platform", c.Ads.Platform(), "error", err)
		}
	}
}

// countUsage adds what a connection used to the day's count.
func (s *Steward) countUsage(ctx context.Context, c Connection) error {
	u := c.Ads.Usage()
	return s.Store.AddUsage(context.WithoutCancel(ctx), store.APIUsage{Platform: string(c.Ads.Platform()), AdAccount: c.AdAccount,
		Date: civil.Of(s.Now().UTC()), Operations: u.Operations, Limit: u.Limit})
}

// pullShop imports the files the shop has left in its directory since.
func (n *pulling) pullShop(ctx context.Context) (files int, err error) {
	if n.shop.Directory == "" {
		return 0, nil
	}
	dir := storefront.Directory{Path: n.shop.Directory, Options: storefront.Options{Account: n.shop.Name, Currency: n.shop.Currency,
		Location: n.shop.Location, Now: n.moment, Lookup: n.Store.Lookup}}
	reports, err := dir.Import(ctx, n.Store)
	for _, r := range reports {
		if !r.Known {
			files++
		}
	}
	return files, err
}

func (n *pulling) pullAdAccount(ctx context.Context, c Connection, p *pulled) error {
	acc, err := c.Ads.Account(ctx)
	if err != nil {
		return err
	}
	loc, err := time.LoadLocation(acc.TimeZone)
	if err != nil {
		return fmt.Errorf("the ad account's time zone %q is not known here; install the time zone data (tzdata)", acc.TimeZone)
	}
	p.today = civil.Of(n.moment.In(loc))
	p.account = store.AdAccount{Account: n.shop.Name, Platform: string(c.Ads.Platform()), AdAccount: c.AdAccount, Name: acc.Name, Currency: acc.Currency,
		TimeZone: acc.TimeZone, BudgetUnit: acc.BudgetUnit, MinBudget: acc.MinBudget, CountsFrom: p.today, UpdatedAt: n.began}
	// All of it is asked for before any is written: the shop's files are being
	// imported, and SQLite lets one write at a time.
	var entities []store.Entity
	if p.structure, entities, err = n.structure(ctx, c); err != nil {
		return err
	}
	changes, err := n.changes(ctx, c)
	if err != nil {
		return err
	}
	err = n.Store.InTx(ctx, func(q *store.Queries) (err error) {
		row := p.account
		if err = q.UpsertAdAccount(ctx, row); err != nil {
			return err
		}
		if err = q.ReplaceEntities(ctx, row.Account, row.Platform, row.AdAccount, n.moment, entities); err != nil {
			return err
		}
		if err = q.UpsertChangeEvents(ctx, changes); err != nil {
			return err
		}
		p.account, err = adAccount(ctx, q, row.Account, row.Platform, row.AdAccount)
		return err
	})
	if err != nil {
		return err
	}
	return n.pullPerformance(ctx, c, p)
}

// adAccount is one of an account group's ad accounts; the zero one where it is not
// known.
func adAccount(ctx context.Context, q *store.Queries, account, p, id string) (store.AdAccount, error) {
	all, err := q.AdAccounts(ctx, account)
	for _, a := range all {
		if a.Platform == p && a.AdAccount == id {
			return a, err
		}
	}
	return store.AdAccount{}, err
}

// structure is what an ad account is made of, as told and as it is stored.
func (n *pulling) structure(ctx context.Context, c Connection) ([]platform.Entity, []store.Entity, error) {
	es, err := c.Ads.Structure(ctx)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]store.Entity, 0, len(es))
	for _, e := range es {
		detail, err := json.Marshal(e)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, store.Entity{Account: n.shop.Name, Platform: string(c.Ads.Platform()), AdAccount: c.AdAccount,
			EntityType: string(e.Type), EntityID: e.ID, Name: e.Name, Detail: string(detail), FirstSeen: n.moment, UpdatedAt: n.moment})
	}
	return es, rows, nil
}

func (n *pulling) changes(ctx context.Context, c Connection) ([]store.ChangeEvent, error) {
	events, err := c.Ads.Changes(ctx, n.moment.AddDate(0, 0, -changeDays))
	if err != nil {
		return nil, err
	}
	rows := make([]store.ChangeEvent, 0, len(events))
	for _, e := range events {
		rows = append(rows, store.ChangeEvent{Account: n.shop.Name, Platform: string(c.Ads.Platform()), AdAccount: c.AdAccount,
			EntityType: string(e.Entity.Type), EntityID: e.Entity.ID, Field: string(e.Field), At: e.At, Actor: e.Actor, Client: e.Client,
			OldValue: e.Old, NewValue: e.New})
	}
	return rows, nil
}

const (
	// itemDays of spend by item are kept and looked at.
	itemDays = 30
	// itemRestateDays are pulled again every night: what clicks cost is corrected
	// within days.
	itemRestateDays = 7
)

// pullItems reads what campaigns spent on items, where the shop has a feed for
// the platform. Days in another currency are forgotten.
func (n *night) pullItems(ctx context.Context, c Connection, countsFrom, today civil.Date) error {
	p := c.Ads.Platform()
	if c.Items == nil || !slices.ContainsFunc(n.shop.Feeds, func(f Feed) bool { return f.on(p) }) {
		return nil
	}
	last, err := n.Store.LastItemSpend(ctx, n.shop.Name, string(p), c.AdAccount)
	if err != nil {
		return err
	}
	oldest := max(today.AddDays(-itemDays), countsFrom)
	from := oldest
	if !last.IsZero() {
		from = max(oldest, min(last.AddDays(1), today).AddDays(-itemRestateDays))
	}
	var rows []store.ItemSpend
	if from == today { // its currency has just changed
		return n.Store.UpsertItemSpend(ctx, n.shop.Name, string(p), c.AdAccount, from, oldest, nil)
	}
	err = c.Items.ItemPerformance(ctx, from, today.AddDays(-1), func(batch []platform.ItemPerformance) error {
		for _, i := range batch {
			rows = append(rows, store.ItemSpend{Date: i.Date, Campaign: i.Campaign.ID, ItemID: i.ItemID, Cost: i.Cost, Value: i.Value,
				Conversions: i.Conversions, Clicks: i.Clicks})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("spend by item: %w", err)
	}
	return n.Store.UpsertItemSpend(ctx, n.shop.Name, string(p), c.AdAccount, from, oldest, rows)
}

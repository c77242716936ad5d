package storefront

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// performanceReader makes the daily rows of campaigns, and at the end the ad
// accounts and campaigns that no platform has told the store of.
type performanceReader struct {
	parser
	sink      Sink
	out       batch[store.Performance]
	accounts  map[accountKey]string // currency, of the file's
	stored    map[accountKey]string // and of those known before; nil: not read yet
	campaigns map[campaignKey]campaign
	seen      map[uint64]int // hash of campaign and date -> line
}

type accountKey struct{ platform, adAccount string }

type campaignKey struct {
	accountKey
	id string
}

// campaign is what the newest row says of one.
type campaign struct {
	date   civil.Date
	name   string
	budget money.Micros
}

func newPerformanceReader(p parser, sink Sink) *performanceReader {
	r := &performanceReader{parser: p, sink: sink, accounts: map[accountKey]string{},
		campaigns: map[campaignKey]campaign{}, seen: map[uint64]int{}}
	r.out.upsert = func(ctx context.Context, rows []store.Performance) (int, error) {
		return len(rows), sink.UpsertPerformance(ctx, civil.Of(p.o.Now.In(p.o.Location)), rows)
	}
	return r
}

// changed counts the rows given to the store, which does not tell which of them
// were new.
func (r *performanceReader) changed() int { return r.out.total }

func (r *performanceReader) row(ctx context.Context, rec record) error {
	p := store.Performance{Account: r.o.Account, EntityType: string(platform.Campaign), PulledAt: r.o.Now}
	var err error
	if p.Platform = strings.ToLower(rec.get("platform")); p.Platform != string(platform.Google) && p.Platform != string(platform.Meta) {
		return rec.bad("platform", "%q is neither google nor meta", p.Platform)
	}
	if p.Date, err = r.day(rec, "date"); err != nil {
		return err
	}
	if u := rec.get("until"); u != "" && u != rec.get("date") {
		return rec.bad("until", "%q is another day than %q; export with the breakdown Day, so that each row is one day", u, rec.get("date"))
	}
	if p.AdAccount = adAccountID(rec.get("account")); p.AdAccount == "" {
		return rec.bad("account", "is empty; name the ad account")
	}
	if p.EntityID, err = r.text(rec, "campaign_id"); err != nil {
		return err
	}
	if err := r.figures(rec, &p); err != nil {
		return err
	}
	key := hash64(fmt.Sprintf("%s/%s/%s/%s", p.Platform, p.AdAccount, p.EntityID, p.Date))
	if line, twice := r.seen[key]; twice {
		return rec.bad("campaign_id", "campaign %s has a row for %s on line %d already; export one row a campaign and day, without further segments", p.EntityID, p.Date, line)
	}
	r.seen[key] = rec.line
	if err := r.note(ctx, rec, p); err != nil {
		return err
	}
	return r.out.add(ctx, p)
}

func (r *performanceReader) figures(rec record, p *store.Performance) error {
	var err error
	if p.Cost, err = r.amount(rec, "cost"); err != nil {
		return err
	}
	if p.Value, err = r.amount(rec, "value"); err != nil {
		return err
	}
	if p.Conversions, err = r.number(rec, "conversions", 0); err != nil {
		return err
	}
	clicks, err := r.number(rec, "clicks", 0)
	if err != nil {
		return err
	}
	impressions, err := r.number(rec, "impressions", 0)
	p.Clicks, p.Impressions = int64(clicks), int64(impressions)
	return err
}

// load reads, once, which currencies the ad accounts known are in.
func (r *performanceReader) load(ctx context.Context) error {
	if r.stored != nil {
		return nil
	}
	known, err := r.sink.AdAccounts(ctx, r.o.Account)
	if err != nil {
		return err
	}
	r.stored = map[accountKey]string{}
	for _, a := range known {
		r.stored[accountKey{a.Platform, a.AdAccount}] = a.Currency
	}
	return nil
}

// note remembers account and campaign of a row.
func (r *performanceReader) note(ctx context.Context, rec record, p store.Performance) error {
	account := accountKey{p.Platform, p.AdAccount}
	if err := r.load(ctx); err != nil {
		return err
	}
	stored := r.stored[account]
	currency := cmp.Or(rec.get("currency"), stored, r.currency)
	if !money.ValidCode(currency) {
		return rec.bad("currency", "%q is not a currency code; write three capital letters such as EUR", currency)
	}
	if stored != "" && stored != currency {
		return rec.bad("currency", "%s, but the ad account %s %s is in %s; amounts of two currencies do not add up", currency, p.Platform, p.AdAccount, stored)
	}
	if known, ok := r.accounts[account]; ok && known != currency {
		return rec.bad("currency", "%s here and %s above for the same ad account", currency, known)
	}
	r.accounts[account] = currency
	budget, err := r.amount(rec, "budget")
	if err != nil {
		return err
	}
	key := campaignKey{account, p.EntityID}
	if c, ok := r.campaigns[key]; !ok || p.Date >= c.date {
		r.campaigns[key] = campaign{date: p.Date, name: rec.get("campaign"), budget: budget}
	}
	return nil
}

func (r *performanceReader) flush(ctx context.Context) error {
	if err := r.out.flush(ctx); err != nil {
		return err
	}
	for known := range r.stored {
		delete(r.accounts, known) // the platform knows better
	}
	for key, currency := range r.accounts {
		err := r.sink.UpsertAdAccount(ctx, store.AdAccount{Account: r.o.Account, Platform: key.platform, AdAccount: key.adAccount,
			Name: key.adAccount, Currency: currency, TimeZone: r.o.Location.String(), BudgetUnit: money.MinorUnit(currency), UpdatedAt: r.o.Now})
		if err != nil {
			return err
		}
	}
	return r.addCampaigns(ctx)
}

// addCampaigns adds the campaigns the store does not know, beside those it does.
func (r *performanceReader) addCampaigns(ctx context.Context) error {
	stored, err := r.sink.Entities(ctx, r.o.Account)
	if err != nil {
		return err
	}
	all := map[accountKey][]store.Entity{}
	for _, e := range stored {
		key := accountKey{e.Platform, e.AdAccount}
		all[key] = append(all[key], e)
		if e.EntityType == string(platform.Campaign) {
			delete(r.campaigns, campaignKey{key, e.EntityID})
		}
	}
	grown := map[accountKey]bool{}
	for key, c := range r.campaigns {
		ref := platform.Ref{Type: platform.Campaign, ID: key.id}
		e := platform.Entity{Ref: ref, Name: c.name, Status: platform.Enabled, Budget: ref, Fields: map[platform.Field]money.Micros{}}
		if c.budget > 0 {
			e.Fields[platform.DailyBudget] = c.budget
		}
		detail, err := json.Marshal(e)
		if err != nil {
			return err
		}
		all[key.accountKey] = append(all[key.accountKey], store.Entity{Account: r.o.Account, Platform: key.platform, AdAccount: key.adAccount,
			EntityType: string(ref.Type), EntityID: ref.ID, Name: c.name, Detail: string(detail), FirstSeen: r.o.Now, UpdatedAt: r.o.Now})
		grown[key.accountKey] = true
	}
	for key := range grown {
		if err := r.sink.ReplaceEntities(ctx, r.o.Account, key.platform, key.adAccount, r.o.Now, all[key]); err != nil {
			return err
		}
	}
	return nil
}

// adAccountID takes the marks for people out of an id: 123-456-7890, act_123.
func adAccountID(s string) string {
	return strings.ReplaceAll(strings.TrimPrefix(s, "act_"), "-", "")
}

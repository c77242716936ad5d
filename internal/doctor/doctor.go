// Package doctor looks for what keeps a night from going well: credentials,
// reachability, clock, database, directories, each finding with its remedy. It
// changes nothing; a test of notifications it sends where that is asked for.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/feedsource"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Verdict of one check.
type Verdict string

const (
	OK      Verdict = "ok"
	Warning Verdict = "warning" // the night runs, with something missing
	Error   Verdict = "error"   // the night, or a part of it, cannot run
)

// Finding is the outcome of one check. Remedy is empty where all is well.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"`
	Remedy  string  `json:"remedy"`
}

// Clock checks that the clock can be right: not before this program was
// written, and not before what the store has seen.
func Clock(ctx context.Context, st *store.Store, now time.Time) Finding {
	f := Finding{Check: "clock", Verdict: OK, Detail: now.UTC().Format("2006-01-02 15:04 UTC")}
	remedy := "set the machine's clock, and let it be kept by NTP"
	if now.Year() < 2026 {
		f.Verdict, f.Detail, f.Remedy = Error, "the clock says "+f.Detail, remedy
		return f
	}
	rows, err := st.AuditEntries(ctx, store.AuditFilter{Newest: true, Limit: 1})
	if err != nil {
		f.Verdict, f.Detail = Error, err.Error()
	} else if len(rows) > 0 && rows[0].At.After(now.Add(time.Hour)) {
		f.Verdict, f.Remedy = Warning, remedy
		f.Detail = fmt.Sprintf("the clock says %s, yet the newest audit entry is of %s", f.Detail, rows[0].At.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return f
}

// Audit checks the audit chain.
func Audit(ctx context.Context, st *store.Store) Finding {
	n, _, err := st.VerifyAudit(ctx)
	if err != nil {
		return Finding{"audit log", Error, err.Error(), "restore the database from a backup and find out who changed it"}
	}
	return Finding{Check: "audit log", Verdict: OK, Detail: fmt.Sprintf("%d entries, the chain is whole", n)}
}

// Shop checks one account: its directory, feeds, ad accounts and data.
func Shop(ctx context.Context, st *store.Store, shop *nightly.Shop, now time.Time) []Finding {
	out := append([]Finding{directory(shop), data(ctx, st, shop, now)}, policyNames(ctx, st, shop)...)
	out = append(out, consents(ctx, st, shop)...)
	for _, f := range shop.Feeds {
		out = append(out, feed(ctx, shop, f))
	}
	out = append(out, supplements(shop, now)...)
	out = append(out, adAccounts(ctx, shop, now)...)
	if shop.Policy.AutoApprove.Enabled {
		out = append(out, Finding{shop.Name + ": automatic approval", Warning, "the policy approves changes by itself, within its caps",
			"set auto_approve.enabled to false where every change should wait for a person"})
	}
	return out
}

func directory(shop *nightly.Shop) Finding {
	f := Finding{Check: shop.Name + ": storefront", Verdict: OK, Detail: shop.Directory}
	if shop.Directory == "" {
		f.Verdict, f.Detail, f.Remedy = Warning, "no directory is configured", "set storefront.directory to where the shop leaves its exports, or use adsteward import"
	} else if _, err := os.ReadDir(shop.Directory); err != nil {
		f.Verdict, f.Detail, f.Remedy = Error, err.Error(), "make the directory and let this user read it"
	}
	return f
}

func data(ctx context.Context, st *store.Store, shop *nightly.Shop, now time.Time) Finding {
	f := Finding{Check: shop.Name + ": shop data", Verdict: OK}
	c, err := st.Counts(ctx, shop.Name)
	if err != nil {
		return Finding{f.Check, Error, err.Error(), ""}
	}
	f.Detail = fmt.Sprintf("%d orders up to %s, %d costs, %d products", c.Orders, c.LastOrder, c.Costs, c.Products)
	switch {
	case c.Orders == 0:
		f.Verdict, f.Detail, f.Remedy = Warning, "there are no orders", "import them: adsteward import orders FILE; until then margins and lifetime values are defaults"
	case civil.Of(now).Sub(c.LastOrder) > 7:
		f.Verdict, f.Remedy = Warning, "the newest order is old; look at the shop's export"
	case c.Costs == 0:
		f.Verdict, f.Remedy = Warning, "import costs, or put cost_of_goods_sold into the feed; until then the default margin holds"
	}
	return f
}

func feed(ctx context.Context, shop *nightly.Shop, feed nightly.Feed) Finding {
	f := Finding{Check: shop.Name + ": feed", Verdict: OK, Detail: feed.Location}
	source := feed.Source
	source.Timeout = 30 * time.Second
	r, _, err := feedsource.Open(ctx, feed.Location, source)
	if err != nil {
		return Finding{f.Check, Error, err.Error(), "correct feeds.location; until then the last good feed stays in force"}
	}
	if err := r.Close(); err != nil {
		return Finding{f.Check, Warning, err.Error(), ""}
	}
	return f
}

// adAccounts asks every ad account for its own description.
func adAccounts(ctx context.Context, shop *nightly.Shop, now time.Time) []Finding {
	conns, err := shop.Connect(ctx)
	var out []Finding
	if err != nil {
		out = append(out, Finding{shop.Name + ": credentials", Error, err.Error(), remedyOf(err)})
	}
	for _, c := range conns {
		out = append(out, adAccount(ctx, shop, c, now))
		err := c.Ads.Close()
		if c.Conversions != nil {
			out = append(out, conversions(ctx, shop, c.Conversions, now))
			err = errors.Join(err, c.Conversions.Close())
		}
		if c.Catalog != nil {
			out = append(out, catalog(ctx, shop, c))
		}
		if err != nil {
			out = append(out, Finding{shop.Name + ": connection", Warning, err.Error(), ""})
		}
	}
	return out
}

func adAccount(ctx context.Context, shop *nightly.Shop, c nightly.Connection, now time.Time) Finding {
	f := Finding{Check: fmt.Sprintf("%s: %s %s", shop.Name, c.Ads.Platform(), c.AdAccount), Verdict: OK}
	a, err := c.Ads.Account(ctx)
	if err != nil {
		return Finding{f.Check, Error, err.Error(), remedyOf(err)}
	}
	f.Detail = fmt.Sprintf("%s, %s, %s", a.Name, a.Currency, a.TimeZone)
	if a.Currency != shop.Currency {
		f.Verdict = Warning
		f.Remedy = fmt.Sprintf("the ad account is kept in %s and the shop in %s: nothing is proposed for it; use accounts of one currency", a.Currency, shop.Currency)
	}
	if zone := shop.OtherZone(c.Ads.Platform(), c.AdAccount, a.TimeZone, now); zone != "" {
		f.Verdict = Warning
		f.Remedy = fmt.Sprintf("the configuration says %s: nothing is proposed for it; correct time_zone, or give the ad account's own under %s", zone, c.Ads.Platform())
	}
	if u := c.Ads.Usage(); u.Limit > 0 {
		f.Detail += fmt.Sprintf("; %d operations used for this check, %d a day allowed", u.Operations, u.Limit)
	}
	return f
}

// conversions asks whether the platform would take orders' values.
func conversions(ctx context.Context, shop *nightly.Shop, api platform.Conversions, now time.Time) Finding {
	f := Finding{Check: fmt.Sprintf("%s: values told to %s", shop.Name, api.Platform()), Verdict: OK, Detail: "the platform would take orders"}
	if err := api.Check(ctx, now); err != nil {
		return Finding{f.Check, Error, err.Error(), remedyOf(err)}
	}
	return f
}

var errEnough = errors.New("enough")

// catalog reads the first items of the platform's catalog.
func catalog(ctx context.Context, shop *nightly.Shop, c nightly.Connection) Finding {
	f := Finding{Check: fmt.Sprintf("%s: catalog of %s", shop.Name, c.Ads.Platform()), Verdict: OK}
	items := 0
	err := c.Catalog.ItemStatuses(ctx, func(s []platform.ItemStatus) error {
		items = len(s)
		return errEnough
	})
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return Finding{f.Check, Error, err.Error(), remedyOf(err)}
	case items == 0:
		f.Verdict, f.Detail, f.Remedy = Warning, "the catalog holds no item", "see whether its id in the configuration is the one the feed is uploaded to"
	default:
		f.Detail = fmt.Sprintf("%d items on the first page", items)
	}
	return f
}

// remedyOf is the platform's own remedy, or the general one for its kind.
func remedyOf(err error) string {
	var pe *platform.Error
	if !errors.As(err, &pe) {
		return "correct the account's section in the configuration"
	}
	if pe.Remedy != "" {
		return pe.Remedy
	}
	switch pe.Kind {
	case platform.Authentication:
		return "renew the credentials and grant them access to the ad account"
	case platform.Quota:
		return "wait, or ask the platform for a higher access level"
	case platform.Rejected:
		return "correct the ids in the configuration"
	}
	return "see whether the platform can be reached from this machine: name resolution, firewall, proxy"
}

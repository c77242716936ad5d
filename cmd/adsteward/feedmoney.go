package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

type feedsSpend struct {
	Account string `help:"Of this account; the first of the configuration where not given." placeholder:"A"`
	Limit   int    `help:"Print at most this many rows of each table." default:"20"`
	JSON    bool   `name:"json" help:"One JSON object: account, date, from, to, currency, spend, total, campaigns, unfit, losing, idle, excluded."`
}

// feedsSpendReport is the JSON of feeds spend.
type feedsSpendReport struct {
	Account string      `json:"account"`
	Date    *civil.Date `json:"date"` // of the night; null where none has joined feeds and spend
	feeds.Money
	Excluded []present.ExcludedItem `json:"excluded"` // what is kept out of ads
}

func (c *feedsSpend) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return err
	}
	out := feedsSpendReport{Account: shop.Name}
	m, run, err := a.steward.FeedMoney(e.ctx, out.Account)
	if err != nil {
		return err
	}
	if out.Money = m; run.RunID != "" {
		out.Date = &run.Date
	}
	newest, err := a.store.NewestApplied(e.ctx, out.Account, string(platform.Excluded))
	if err != nil {
		return err
	}
	offers, err := a.steward.Offers(e.ctx, out.Account, a.steward.Now())
	if err != nil {
		return err
	}
	if out.Excluded, err = present.ExcludedItems(newest, offers); err != nil {
		return err
	}
	if c.JSON {
		out.filled()
		return printJSON(e.stdout, out)
	}
	if out.Date == nil {
		_, err := fmt.Fprintln(e.stdout, "No night has joined feeds and spend yet: configure a feed under feeds: and run one with `adsteward run`.")
		return err
	}
	entities, err := a.store.Entities(e.ctx, out.Account)
	if err != nil {
		return err
	}
	return out.print(e.stdout, campaignNames(entities), c.Limit)
}

// filled makes empty lists of those that are nil.
func (r *feedsSpendReport) filled() {
	for _, l := range []*[]feeds.Finding{&r.Unfit, &r.Losing, &r.Idle} {
		if *l == nil {
			*l = []feeds.Finding{}
		}
	}
	if r.Campaigns == nil {
		r.Campaigns = []feeds.CampaignItems{}
	}
}

// campaignNames is by the key orders and worths name a campaign with.
func campaignNames(entities []store.Entity) map[string]string {
	names := map[string]string{}
	for _, en := range entities {
		if en.EntityType == string(platform.Campaign) {
			names[bidding.CampaignKey(platform.Name(en.Platform), en.EntityID)] = en.Name
		}
	}
	return names
}

func (r *feedsSpendReport) print(out io.Writer, names map[string]string, most int) error {
	amount := func(m money.Micros) string { return money.Plain(m, r.Currency) }
	name := func(campaign string) string {
		if n := names[campaign]; n != "" {
			return n
		}
		return campaign
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "SPENT ON ITEMS, %s TO %s\t%s %s\n", r.From, r.To, amount(r.Spend), r.Currency)
	for _, l := range []struct {
		what string
		m    money.Micros
	}{{"on items in no feed of the platform", r.Total.Missing}, {"on items with errors in the feed", r.Total.Errors}, {"on items out of stock", r.Total.OutOfStock},
		{"on items sold at or below their cost", r.Total.BelowCost}, {"on items that lose money at break-even", r.Total.Losing},
		{"on items whose cost is not known", r.NoCost}, {"on platforms no feed is for", r.Unjudged}} {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", l.what, amount(l.m), present.Percent(shareOf(l.m, r.Spend)))
	}
	fmt.Fprintln(w, "\nCAMPAIGN\tON ITEMS\tUNFIT\tSHARE\tLOSING\tSHARE")
	for i, c := range r.Campaigns {
		if i < most {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name(c.Campaign), amount(c.Spend), amount(c.Unfit), present.Percent(c.UnfitShare()), amount(c.Losing), present.Percent(c.LosingShare()))
		}
	}
	list := func(title string, count int, rows []feeds.Finding, head string, row func(feeds.Finding) string) {
		fmt.Fprintf(w, "\n%s (%d)\n", title, count)
		if count > 0 {
			fmt.Fprintln(w, head)
		}
		for _, f := range rows[:min(most, len(rows))] {
			fmt.Fprintln(w, row(f))
		}
		if left := count - min(most, len(rows)); left > 0 {
			fmt.Fprintf(w, "and %d more\n", left)
		}
	}
	list("SPEND WITHOUT A FIT ITEM", r.UnfitCount, r.Unfit, "ITEM\tCAMPAIGN\tWHY\tSPENT\tVALUE", func(f feeds.Finding) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", f.ItemID, name(f.Campaign), present.Words(f.Reason), amount(f.Spend), amount(f.Value))
	})
	list("LOSING ITEMS", r.LosingCount, r.Losing, "ITEM\tCAMPAIGN\tPRICE\tCOST\tADVERTISING A SALE\tLEFT\tSPENT", func(f feeds.Finding) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", f.ItemID, name(f.Campaign), amount(f.Price), amount(*f.UnitCost), amount(f.AdCost), amount(f.Left), amount(f.Spend))
	})
	list("ITEMS WITHOUT SPEND", r.IdleCount, r.Idle, "ITEM\tTITLE\tPRICE\tLEFT OF A SALE", func(f feeds.Finding) string {
		left := present.None
		if f.UnitCost != nil {
			left = amount(f.Left)
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s", f.ItemID, f.Title, amount(f.Price), left)
	})
	fmt.Fprintf(w, "\nKEPT OUT OF ADS (%d)\n", len(r.Excluded))
	if len(r.Excluded) > 0 {
		fmt.Fprintln(w, "ITEM\tTITLE\tPLATFORM\tSINCE\tWHY\tTHROUGH\tHAD COST\tPROPOSAL")
	}
	for _, x := range r.Excluded[:min(most, len(r.Excluded))] {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.ItemID, x.Title, present.PlatformName(x.Platform), x.Since.Format("2006-01-02"), present.Words(x.Reason),
			cmp.Or(x.Group, present.None), present.Amount(x.Spend, x.Currency), x.Proposal)
	}
	if left := len(r.Excluded) - most; left > 0 {
		fmt.Fprintf(w, "and %d more\n", left)
	}
	return w.Flush()
}

func shareOf(part, whole money.Micros) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

type feedsLabels struct {
	Out      string `required:"" help:"The file to write; one that is there is replaced as a whole." type:"path" placeholder:"FILE"`
	Platform string `enum:"google,meta" default:"google" help:"google or meta."`
	Account  string `help:"Of this account; the first of the configuration where not given." placeholder:"A"`
}

func (c *feedsLabels) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return err
	}
	offers, err := a.steward.Offers(e.ctx, shop.Name, a.steward.Now())
	if err != nil {
		return err
	}
	excluded, err := a.steward.Excluded(e.ctx, shop.Name, platform.Name(c.Platform), offers)
	if err != nil {
		return err
	}
	var rows int
	var unwritten []string
	err = writeWhole(c.Out, func(w io.Writer) (err error) {
		if rows, unwritten, err = shop.Labels.Write(w, c.Platform, shop.Currency, offers, excluded); err == nil && rows+len(excluded)-len(unwritten) == 0 {
			err = usage("no item of a feed for %s has a price and a cost in %s, so that there is nothing to write; give cost_of_goods_sold in the feed, or import costs and run a night", c.Platform, shop.Currency)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range unwritten {
		fmt.Fprintf(e.stderr, "Item %q is not in it, since its id cannot be written in such a file: exclude it on the platform.\n", id)
	}
	_, err = fmt.Fprintf(e.stdout, "%d items with custom_label_%d, and %d kept out of ads, in %s. Add it to your feed as a supplemental source; check it with: adsteward feeds validate %s --platform %s --supplemental\n",
		rows, shop.Labels.Slot, len(excluded)-len(unwritten), c.Out, c.Out, c.Platform)
	return err
}

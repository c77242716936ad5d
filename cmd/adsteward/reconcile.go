package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"adsteward/attribution"
	"adsteward/internal/nightly"
	"adsteward/internal/present"
)

type reconcileCmd struct {
	Account string `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
	Days    int    `help:"So many days before the newest night, 1 to 90." default:"30" placeholder:"N"`
	CSV     string `name:"csv" help:"Write a table to this file." type:"path" placeholder:"FILE"`
	Table   string `help:"Which table --csv writes: claims, overlap, days, lags, lengths, paths or customers." default:"claims" enum:"claims,overlap,days,lags,lengths,paths,customers" placeholder:"T"`
	JSON    bool   `name:"json" help:"One JSON object: account, from, to, currency, campaigns, platforms, ads, no_ad, shop, overlap, days, lags, lengths, paths, notes."`
}

func (*reconcileCmd) Help() string {
	return "What Google Ads and Meta claim against the shop's own orders, each paid once. Example: adsteward reconcile --days 30 --csv claims.csv"
}

// reconcileReport is the JSON of reconcile.
type reconcileReport struct {
	Account string `json:"account"`
	attribution.Reconciliation
}

func (c *reconcileCmd) Run(e *env) error {
	if c.Days < 1 || c.Days > nightly.MaxReconcileDays {
		return usage("--days %d: 1 to %d days can be compared", c.Days, nightly.MaxReconcileDays)
	}
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return err
	}
	out := reconcileReport{Account: shop.Name}
	if out.Reconciliation, err = a.steward.Reconcile(e.ctx, out.Account, c.Days); err != nil {
		return err
	}
	if c.CSV != "" {
		if err := writeWhole(c.CSV, func(w io.Writer) error { return writeTable(w, out.Reconciliation, c.Table) }); err != nil {
			return err
		}
	}
	switch {
	case c.JSON:
		return printJSON(e.stdout, out)
	case c.CSV != "":
		return nil
	}
	return out.print(e.stdout)
}

func writeTable(w io.Writer, r attribution.Reconciliation, id string) error {
	tables := present.ReconcileTables(r)
	t := tables[slices.IndexFunc(tables, func(t present.Table) bool { return t.ID == id })]
	out := csv.NewWriter(w)
	if err := out.Write(t.Columns); err != nil {
		return err
	}
	return out.WriteAll(t.Rows) // flushes
}

func (r reconcileReport) print(out io.Writer) error {
	if r.Shop.Orders == 0 && r.Ads.Claimed.Orders == 0 && r.Ads.Claimed.Value == 0 {
		_, err := fmt.Fprintf(out, "From %s to %s nothing was sold and nothing claimed; import orders, and run a night to read what the platforms report.\n", r.From, r.To)
		return err
	}
	amount := func(a attribution.Amount) string {
		return fmt.Sprintf("%s (%s)", present.Amount(a.Value.Float(), r.Currency), present.Count(a.Orders))
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CAMPAIGN\tCLAIMED\tAFTER ITS CLICK\tNOT MATCHED\tSHARED\tPAID ONCE\tOVER-CLAIM\t80 %\tVERDICT")
	names := present.CampaignNames(r.Reconciliation)
	row := func(name string, b attribution.Balance) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, amount(b.Claimed), amount(b.Clicked), amount(b.Unmatched()), amount(b.Shared()), amount(b.Credited),
			present.Signed(b.Over.Value.Float(), r.Currency), present.Interval(b.Over.ValueLow.Float(), b.Over.ValueHigh.Float(), r.Currency), present.ClaimVerdict(b.Over.Verdict))
	}
	for _, b := range r.Campaigns {
		row(present.PlatformName(b.Platform)+": "+present.CampaignTitle(b.Campaign, names), b)
	}
	for _, b := range r.Platforms {
		row("All of "+present.PlatformName(b.Platform), b)
	}
	row("All ads", r.Ads)
	fmt.Fprintf(w, "After no ad\t\t\t\t\t%s\n", amount(r.NoAd))
	fmt.Fprintf(w, "All the shop sold\t\t\t\t\t%s\n", amount(r.Shop))
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, o := range r.Overlap {
		if len(o.Platforms) > 1 {
			fmt.Fprintf(out, "Orders after ads of %s: %s, of %s %s; each can claim them whole.\n", present.PlatformNames(o.Platforms), present.Count(o.Orders), present.Amount(o.Value.Float(), r.Currency), r.Currency)
		}
	}
	for _, b := range r.Platforms {
		if b.ToldOnly.Orders > 0 {
			fmt.Fprintf(out, "Orders told to %s by their numbers, without a click of it: %s; it can claim them by e-mail or phone.\n", present.PlatformName(b.Platform), present.Count(b.ToldOnly.Orders))
		}
	}
	for _, b := range r.Platforms {
		if b.ToldLate.Orders > 0 {
			fmt.Fprintf(out, "Orders told to %s more than %.0f hours late: %s; where the website's pixel told them at once, they count twice.\n", present.PlatformName(b.Platform), attribution.MetaKnows.Hours(), present.Count(b.ToldLate.Orders))
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintln(out, n)
	}
	_, err := fmt.Fprintf(out, "%s to %s, %s, orders in brackets. %s --json has the days, lags and paths.\n", r.From, r.To, r.Currency, strings.Join([]string{
		"AFTER ITS CLICK: the shop's orders after a click of the platform, each once a platform.",
		"PAID ONCE: each order split over all its clicks.",
		"OVER-CLAIM: what is not matched, and what is shared with the other platform; its interval is of counting alone."}, " "))
	return err
}

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/present"
)

type segmentsCmd struct {
	Account string `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
	By      string `enum:"all,platform,campaign,category,country,rfm," default:"" help:"Only all, platform, campaign, category, country, or rfm; all of these but rfm where not given."`
	JSON    bool   `name:"json" help:"One JSON object: account, date, currency, segments, and rfm with --by rfm."`
}

func (c *segmentsCmd) Help() string {
	return "Example: adsteward segments --by campaign. What customers are worth and cost by how they were acquired, as the newest night found."
}

// segmentsReport is the JSON of segments.
type segmentsReport struct {
	Account  string        `json:"account"`
	Date     *civil.Date   `json:"date"` // of the night; null where none has told segments
	Currency string        `json:"currency"`
	Segments []ltv.Segment `json:"segments"`
	RFM      *ltv.RFM      `json:"rfm,omitempty"`
}

func (c *segmentsCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	out, err := c.gather(e, a)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	if out.Date == nil {
		_, err := fmt.Fprintln(e.stdout, "No night has told segments yet; `adsteward run` runs one. It takes a lifetime model, and that takes about a hundred customers, thirty of them with a second order.")
		return err
	}
	if c.By == "rfm" {
		return out.printRFM(e.stdout)
	}
	return out.print(e.stdout)
}

func (c *segmentsCmd) gather(e *env, a *app) (segmentsReport, error) {
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return segmentsReport{}, err
	}
	out := segmentsReport{Account: shop.Name, Currency: shop.Currency, Segments: []ltv.Segment{}}
	run, models, err := a.store.NewestModels(e.ctx, shop.Name, "segment", resultNights)
	if err != nil || len(models) == 0 {
		return out, err
	}
	out.Date = &run.Date
	for _, m := range models {
		var s ltv.Segment
		if err := json.Unmarshal([]byte(m.Body), &s); err != nil {
			return out, fmt.Errorf("the stored segment %q cannot be read: %w", m.Key, err)
		}
		if c.wants(s.Level) {
			out.Segments = append(out.Segments, s)
		}
	}
	out.sort()
	if c.By != "rfm" {
		return out, nil
	}
	rfm, err := a.store.Models(e.ctx, run.RunID, "rfm")
	if err != nil || len(rfm) == 0 {
		return out, err
	}
	if err := json.Unmarshal([]byte(rfm[0].Body), &out.RFM); err != nil {
		return out, fmt.Errorf("the stored groups by recency, frequency and value cannot be read: %w", err)
	}
	return out, nil
}

// segmentLevels are those listed, in order.
var segmentLevels = []ltv.Level{ltv.ByAll, ltv.ByPlatform, ltv.ByCampaign, ltv.ByCategory, ltv.ByCountry}

func (c *segmentsCmd) wants(l ltv.Level) bool {
	if c.By != "" {
		return string(l) == c.By
	}
	return slices.Contains(segmentLevels, l)
}

// sort orders by level and, within one, the largest first.
func (r segmentsReport) sort() {
	slices.SortStableFunc(r.Segments, func(a, b ltv.Segment) int {
		return cmp.Or(slices.Index(segmentLevels, a.Level)-slices.Index(segmentLevels, b.Level), b.Customers-a.Customers)
	})
}

func (r segmentsReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SEGMENT\tCUSTOMERS\tNEW\tFIRST ORDER\tREPEAT 90/365 D\tCHURN\tMULTIPLE\t80 %\tLTV\tCAC\tLTV:CAC\tEARNED BACK")
	for _, s := range r.Segments {
		cac, ratio, back := present.None, present.None, present.None
		if s.CAC != nil {
			cac, ratio, back = present.Amount(*s.CAC, r.Currency), present.Ratio(*s.LTVToCAC), "not in the horizon"
			if s.PaybackDay != nil && *s.PaybackDay == 0 {
				back = "first order"
			} else if s.PaybackDay != nil {
				back = fmt.Sprintf("day %d", *s.PaybackDay)
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s / %s\t%s\t%s\t%s to %s\t%s\t%s\t%s\t%s\n", s.Title(), s.Customers, s.NewCustomers, present.Amount(s.FirstValue, r.Currency),
			shareText(s.Repeat90), shareText(s.Repeat365), present.Percent(s.Churn), present.Ratio(s.Lambda.Value), present.Ratio(s.Lambda.Low), present.Ratio(s.Lambda.High),
			present.Amount(s.LTV, r.Currency), cac, ratio, back)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nNight of %s, %s. MULTIPLE: what a customer brings within the horizon over their first order. LTV: that as contribution margin. CAC: spend over new customers. --json says why.\n",
		r.Date, r.Currency)
	return err
}

func shareText(share *float64) string {
	if share == nil {
		return present.None
	}
	return present.Percent(*share)
}

func (r segmentsReport) printRFM(out io.Writer) error {
	if r.RFM == nil {
		_, err := fmt.Fprintln(out, "The newest night has no customers to group.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "GROUP\tCUSTOMERS\tSHARE\tSPENT EACH\tEXPECTED EACH\tWHO THEY ARE")
	for _, g := range r.RFM.Groups {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", g.Name, g.Customers, present.Percent(g.Share), present.Amount(g.Spent, r.Currency), present.Amount(g.Expected, r.Currency), g.Meaning)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nNight of %s, %s. %s\n", r.Date, r.Currency, strings.ReplaceAll(r.RFM.Why, ". ", ".\n"))
	return err
}

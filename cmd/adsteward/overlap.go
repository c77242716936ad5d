package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/present"
)

type audiencesOverlap struct {
	Account string `help:"Of this account; the first of the configuration where not given." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON object: account, date, limit, campaigns, overlaps."`
}

func (c *audiencesOverlap) Help() string {
	return "Example: adsteward audiences overlap. Two campaigns that only people on lists see, and that share many of them, take them from each other: above max_overlap in the policy neither is scaled up."
}

// overlapReport is the JSON of audiences overlap.
type overlapReport struct {
	Account string      `json:"account"`
	Date    *civil.Date `json:"date"` // of the night; null where none has compared audiences
	bidding.Audiences
}

func (c *audiencesOverlap) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return err
	}
	out := overlapReport{Account: shop.Name}
	found, run, err := a.steward.AudienceReport(e.ctx, out.Account)
	if err != nil {
		return err
	}
	if out.Audiences = found; run.RunID != "" {
		out.Date = &run.Date
	} else {
		out.Campaigns, out.Overlaps = []bidding.Audience{}, []bidding.Overlap{}
	}
	if c.JSON {
		return printJSON(e.stdout, out)
	}
	return out.print(e.stdout)
}

func (r overlapReport) print(out io.Writer) error {
	if r.Date == nil {
		_, err := fmt.Fprintln(out, "No night has compared audiences yet: set audiences.enabled in the configuration and run one with `adsteward run`.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if len(r.Overlaps) > 0 {
		fmt.Fprintln(w, "CAMPAIGN\tAND\tPLATFORM\tIN BOTH\tSMALLER AUDIENCE\tSHARE\tGROWTH")
	}
	for _, o := range r.Overlaps {
		growth := "free"
		if o.Bars {
			growth = "both held"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", o.A.Name, o.B.Name, present.PlatformName(string(o.A.Platform)), o.Both, min(o.A.People, o.B.People), present.Percent(o.Share), growth)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	unknown := 0
	for _, c := range r.Campaigns {
		if c.Unknown {
			unknown++
		}
	}
	held := "max_overlap is off: nothing is held back for it"
	if r.Limit > 0 {
		held = fmt.Sprintf("above max_overlap (%s) neither is scaled up", present.Percent(r.Limit))
	}
	_, err := fmt.Fprintf(out, "Night of %s: %d campaigns are shown to people on lists only, %d of them to lists not kept here; %d overlaps. SHARE is of the smaller audience; %s.\n",
		r.Date, len(r.Campaigns), unknown, len(r.Overlaps), held)
	return err
}

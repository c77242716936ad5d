package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/present"
)

type adsCmd struct {
	Account string `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
	Worn    bool   `help:"Only worn-out ads."`
	JSON    bool   `name:"json" help:"One JSON object: account, date, units, each with its ads."`
}

func (*adsCmd) Help() string {
	return "Example: adsteward ads --worn. How each ad of what shows people pictures or films holds up, as the newest night found."
}

// adsReport is the JSON of ads.
type adsReport struct {
	Account string            `json:"account"`
	Date    *civil.Date       `json:"date"` // of the night; null where none has told ads
	Units   []bidding.UnitAds `json:"units"`
}

func (c *adsCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	out, err := c.gather(e, a)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(e.stdout, out)
	case out.Date == nil:
		_, err := fmt.Fprintln(e.stdout, "No night has told ads yet; `adsteward run` runs one. They are those of Meta and of Google's demand generation, display and video campaigns.")
		return err
	}
	return out.print(e.stdout)
}

// gather reads the newest night that told ads, the units with most money on
// worn-out ones first.
func (c *adsCmd) gather(e *env, a *app) (adsReport, error) {
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return adsReport{}, err
	}
	out := adsReport{Account: shop.Name, Units: []bidding.UnitAds{}}
	run, models, err := a.store.NewestModels(e.ctx, shop.Name, "ads", resultNights)
	if err != nil || len(models) == 0 {
		return out, err
	}
	out.Date = &run.Date
	for _, m := range models {
		var u bidding.UnitAds
		if err := json.Unmarshal([]byte(m.Body), &u); err != nil {
			return out, fmt.Errorf("the stored ads of %q cannot be read: %w", m.Key, err)
		}
		if c.Worn {
			u.Ads = slices.DeleteFunc(u.Ads, func(r bidding.AdReport) bool { return len(r.Falls) == 0 })
		}
		if len(u.Ads) > 0 {
			out.Units = append(out.Units, u)
		}
	}
	slices.SortStableFunc(out.Units, func(x, y bidding.UnitAds) int { return cmp.Compare(y.Worn, x.Worn) })
	return out, nil
}

func (r adsReport) print(out io.Writer) error {
	fmt.Fprintf(out, "%s, night of %s: spend and CTR of the last seven days, CTR before them\n", r.Account, r.Date)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CAMPAIGN\tAD\tSPEND\tSHARE\tCTR BEFORE\tCTR NOW\tVERDICT")
	ctr := func(v float64) string {
		if v == 0 {
			return present.None
		}
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	for _, u := range r.Units {
		for _, ad := range u.Ads {
			verdict := "holds"
			switch {
			case ad.Why != "":
				verdict = "not judged: " + ad.Why
			case len(ad.Falls) > 0:
				f := ad.Falls[0]
				what := "CTR"
				if f.Figure == "ad_conversion_rate" {
					what = "conversion rate"
				}
				verdict = fmt.Sprintf("worn out since about %s: %s %s instead of %s", f.Since, what, ctr(f.Now), ctr(f.Then))
			}
			fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\n", u.Name, ad.Name, present.Amount(ad.Spend, u.Currency), u.Currency, present.Percent(ad.Share), ctr(ad.CTR), ctr(ad.CTRNow), verdict)
		}
		if u.More > 0 {
			fmt.Fprintf(w, "%s\tand %d that spend less\n", u.Name, u.More)
		}
	}
	if len(r.Units) == 0 {
		fmt.Fprintln(w, "None is worn out.")
	}
	return w.Flush()
}

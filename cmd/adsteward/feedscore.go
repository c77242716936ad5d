package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"adsteward/feeds"
	"adsteward/internal/civil"
	"adsteward/internal/nightly"
	"adsteward/internal/present"
)

type feedsScore struct {
	Account string `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON object: account, date, platforms."`
}

// scoreReport is the JSON of feeds score.
type scoreReport struct {
	Account   string                `json:"account"`
	Date      *civil.Date           `json:"date"` // of the night; null where none has read a catalog
	Platforms []feeds.PlatformScore `json:"platforms"`
}

func (c *feedsScore) Run(e *env) error {
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
		_, err := fmt.Fprintln(e.stdout, "No night has read a catalog yet. Set google.merchant_id or meta.catalog_id in the configuration, name a feed, and `adsteward run`.")
		return err
	}
	for _, p := range out.Platforms {
		if err := printScore(e.stdout, p); err != nil {
			return err
		}
	}
	return nil
}

func (c *feedsScore) gather(e *env, a *app) (scoreReport, error) {
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return scoreReport{}, err
	}
	out := scoreReport{Account: shop.Name, Platforms: []feeds.PlatformScore{}}
	run, models, err := a.store.NewestModels(e.ctx, shop.Name, nightly.ItemScoreModel, resultNights)
	if err != nil || len(models) == 0 {
		return out, err
	}
	out.Date = &run.Date
	for _, m := range models {
		var s feeds.PlatformScore
		if err := json.Unmarshal([]byte(m.Body), &s); err != nil {
			return out, fmt.Errorf("the stored score of %q cannot be read: %w", m.Key, err)
		}
		out.Platforms = append(out.Platforms, s)
	}
	return out, nil
}

func printScore(out io.Writer, p feeds.PlatformScore) error {
	var states []string
	for _, s := range slices.Sorted(maps.Keys(p.States)) {
		states = append(states, fmt.Sprintf("%d %s", p.States[s], s))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s: %s\n", present.CatalogName(p.Platform), strings.Join(states, ", "))
	fmt.Fprintf(w, "of items with an error in our check, refused:\t%s\n", proportion(p.Precision))
	fmt.Fprintf(w, "of items refused, with an error in our check:\t%s\n", proportion(p.Recall))
	if len(p.Rules) > 0 {
		fmt.Fprintf(w, "\nrule\tconfirmed by the platform\tnot so\n")
	}
	for _, r := range p.Rules {
		confirmed := proportion(r.Precision)
		if r.Absent > 0 {
			confirmed += fmt.Sprintf("; of %d more it does not have the item", r.Absent)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Rule, confirmed, r.Example)
	}
	if len(p.Codes) > 0 {
		fmt.Fprintf(w, "\nthe platform's code\tforeseen\tmissed\tmeaning\n")
	}
	for _, c := range p.Codes {
		meaning := c.Meaning
		if slices.ContainsFunc(p.Unknown, func(u feeds.CodeScore) bool { return u.Code == c.Code }) {
			meaning = "(not known to adsteward) " + meaning
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Code, proportion(c.Recall), c.Example, meaning)
	}
	for _, g := range p.Groups {
		fmt.Fprintf(w, "of the whole catalog: %s, %d items: %s\n", g.Code, g.Items, g.Title)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// proportion writes "12 of 14, 86 % (60 to 96 %)".
func proportion(p feeds.Proportion) string {
	if p.N == 0 {
		return "none"
	}
	return fmt.Sprintf("%d of %d, %s (%.0f to %s)", p.Hits, p.N, present.Percent(p.Share()), 100*p.Low, present.Percent(p.High))
}

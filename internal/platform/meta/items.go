package meta

import (
	"context"
	"strings"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// itemsPerCampaign is how many items a campaign is taken to show a day when it is
// decided whether a report is asked for in the background.
const itemsPerCampaign = 50

// ItemPerformance implements platform.Items: insights by product_id, which only
// campaigns with a catalog have. Meta breaks purchases on the shop's own site down
// by no product, so that there are costs, clicks and impressions alone.
func (c *Client) ItemPerformance(ctx context.Context, from, to civil.Date, yield func([]platform.ItemPerformance) error) error {
	days := to.Sub(from) + 1
	if days <= 0 {
		return nil
	}
	q := facebook.Params{
		"level":          "campaign",
		"fields":         "campaign_id,spend,impressions,clicks",
		"breakdowns":     []string{"product_id"},
		"time_increment": 1,
		"time_range":     map[string]string{"since": from.String(), "until": to.String()},
	}
	return c.insights(ctx, q, itemsPerCampaign*days, func(rows []node) error {
		out := make([]platform.ItemPerformance, 0, len(rows))
		for _, row := range rows {
			p, err := itemPerformance(row)
			if err != nil {
				return unreadable("insights by product", err)
			}
			if p.ItemID != "" {
				out = append(out, p)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return yield(out)
	})
}

func itemPerformance(row node) (p platform.ItemPerformance, err error) {
	p.Campaign = platform.Ref{Type: platform.Campaign, ID: row.text("campaign_id")}
	// Meta writes "SKU-1, Blue shoe"; a row without one is of what shows no product.
	p.ItemID, _, _ = strings.Cut(row.text("product_id"), ", ")
	if p.Date, err = civil.Parse(row.text("date_start")); err != nil {
		return p, err
	}
	if s := row.text("spend"); s != "" {
		if p.Cost, err = money.Parse(s); err != nil {
			return p, err
		}
	}
	if p.Clicks, err = row.integer("clicks"); err != nil {
		return p, err
	}
	p.Impressions, err = row.integer("impressions")
	return p, err
}

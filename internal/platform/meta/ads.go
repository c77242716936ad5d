package meta

import (
	"context"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// usualAds is how many ads an account is taken to show a day when it is decided
// whether a report is asked for in the background.
const usualAds = 100

// AdPerformance implements platform.SingleAds: insights by ad and day, which Meta
// has of ads that were shown. Purchases count as in Performance.
func (c *Client) AdPerformance(ctx context.Context, from, to civil.Date, yield func([]platform.AdPerformance) error) error {
	days := to.Sub(from) + 1
	if days <= 0 {
		return nil
	}
	q := insightsQuery(platform.Campaign, from, to)
	q["level"] = "ad"
	q["fields"] = "ad_id,ad_name,adset_id,campaign_id,spend,impressions,clicks,actions"
	return c.insights(ctx, q, usualAds*days, func(rows []node) error {
		out := make([]platform.AdPerformance, 0, len(rows))
		for _, row := range rows {
			p, err := adPerformance(row)
			if err != nil {
				return unreadable("insights by ad", err)
			}
			if p.AdID != "" && (p.Impressions != 0 || p.Clicks != 0 || p.Cost != 0) {
				out = append(out, p)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return yield(out)
	})
}

func adPerformance(row node) (platform.AdPerformance, error) {
	d, err := performance(row, platform.AdSet)
	return platform.AdPerformance{AdID: row.text("ad_id"), Name: row.text("ad_name"), AdSet: d.Entity,
		Campaign: platform.Ref{Type: platform.Campaign, ID: row.text("campaign_id")}, Date: d.Date, Cost: d.Cost,
		Conversions: d.Conversions, Clicks: d.Clicks, Impressions: d.Impressions}, err
}

package googleads

import (
	"context"

	"github.com/shenzhencenter/google-ads-pb/services"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// ItemPerformance implements platform.Items: shopping and Performance Max
// campaigns by item. It takes one operation for each ten thousand rows, and is
// asked again from the beginning where a page does not come.
func (c *Client) ItemPerformance(ctx context.Context, from, to civil.Date, yield func([]platform.ItemPerformance) error) error {
	if to < from {
		return nil
	}
	rows, err := c.rows(ctx, c.customer, itemsQuery(from, to))
	if err != nil {
		return err
	}
	out := make([]platform.ItemPerformance, 0, len(rows))
	for _, r := range rows {
		p, err := readItem(r)
		if err != nil {
			return err
		}
		if p.ItemID != "" { // an ad that shows no product
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return yield(out)
}

func readItem(r *services.GoogleAdsRow) (platform.ItemPerformance, error) {
	day, err := civil.Parse(r.GetSegments().GetDate())
	if err != nil {
		return platform.ItemPerformance{}, malformed("a row of the report of items has no day: " + err.Error())
	}
	m := r.GetMetrics()
	value, err := money.FromFloat(m.GetConversionsValue())
	if err != nil {
		return platform.ItemPerformance{}, malformed("the conversion value of an item: " + err.Error())
	}
	return platform.ItemPerformance{Campaign: ref(platform.Campaign, r.GetCampaign().GetId()), ItemID: r.GetSegments().GetProductItemId(), Date: day,
		Cost: money.Micros(m.GetCostMicros()), Value: value, Conversions: m.GetConversions(), Clicks: m.GetClicks(), Impressions: m.GetImpressions()}, nil
}

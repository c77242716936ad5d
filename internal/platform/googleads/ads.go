package googleads

import (
	"context"

	"github.com/shenzhencenter/google-ads-pb/services"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// AdPerformance implements platform.SingleAds. It takes one operation, and one
// more each time a broken stream is taken up again. Whole days are handed over,
// in order, each once.
func (c *Client) AdPerformance(ctx context.Context, from, to civil.Date, yield func([]platform.AdPerformance) error) error {
	if to < from {
		return nil
	}
	r := &report[platform.AdPerformance]{next: from, read: readAd, date: func(p platform.AdPerformance) civil.Date { return p.Date }, yield: yield}
	return r.run(ctx, c, func(from civil.Date) string { return adsQuery(from, to) })
}

func readAd(r *services.GoogleAdsRow) (platform.AdPerformance, error) {
	day, err := civil.Parse(r.GetSegments().GetDate())
	if err != nil {
		return platform.AdPerformance{}, malformed("a row of the report of ads has no day: " + err.Error())
	}
	m, ad := r.GetMetrics(), r.GetAdGroupAd().GetAd()
	return platform.AdPerformance{AdID: ref(platform.Campaign, ad.GetId()).ID, Name: ad.GetName(), Campaign: ref(platform.Campaign, r.GetCampaign().GetId()),
		AdSet: ref(platform.AdGroup, r.GetAdGroup().GetId()), Date: day, Cost: money.Micros(m.GetCostMicros()),
		Conversions: m.GetConversions(), Clicks: m.GetClicks(), Impressions: m.GetImpressions()}, nil
}

package nightly

import (
	"context"
	"fmt"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

const (
	// adModel is the kind under which a run keeps what it made of the ads of each
	// unit of control.
	adModel = "ads"
	// adDays of single ads are kept and looked at.
	adDays = firstPullDays
	// newAdDays are the newest days that say which ads spend most; where ads could
	// not be asked for lately, some of them are missing.
	newAdDays = 28
	// judgedAds bounds the ads of an ad account that are looked at.
	judgedAds = 2000
)

// pullAds reads how single ads did: as far back as campaigns are pulled again,
// since what clicks bring is reported late. Rows go to the store as they come. Days in
// another currency are forgotten.
func (n *night) pullAds(ctx context.Context, c Connection, countsFrom, today civil.Date) error {
	if c.SingleAds == nil {
		return nil
	}
	p := string(c.Ads.Platform())
	last, err := n.Store.LastAdDay(ctx, n.shop.Name, p, c.AdAccount)
	if err != nil {
		return err
	}
	oldest := max(today.AddDays(-adDays), countsFrom)
	from := oldest
	if !last.IsZero() {
		from = max(oldest, min(last.AddDays(1), today).AddDays(-restateDays))
	}
	if from == today { // its currency has just changed
		return n.Store.ForgetAds(ctx, n.shop.Name, p, c.AdAccount, oldest)
	}
	err = c.SingleAds.AdPerformance(ctx, from, today.AddDays(-1), func(batch []platform.AdPerformance) error {
		rows := make([]store.AdDay, 0, len(batch))
		for _, a := range batch {
			rows = append(rows, store.AdDay{AdID: a.AdID, Name: a.Name, Campaign: a.Campaign.ID, AdSet: a.AdSet.ID, Date: a.Date,
				Cost: a.Cost, Conversions: a.Conversions, Clicks: a.Clicks, Impressions: a.Impressions})
		}
		return n.Store.UpsertAdDays(ctx, n.shop.Name, p, c.AdAccount, rows)
	})
	if err != nil {
		return fmt.Errorf("performance of single ads: %w", err)
	}
	return n.Store.ForgetAds(ctx, n.shop.Name, p, c.AdAccount, oldest)
}

// loadAds adds to the ad accounts the ads that spend most of their money now.
func (n *night) loadAds(ctx context.Context, accounts []bidding.Account) error {
	at := map[string]*bidding.Account{}
	for i := range accounts {
		at[adAccountKey(accounts[i].Platform, accounts[i].ID)] = &accounts[i]
	}
	since := n.date.AddDays(-newAdDays)
	top, err := n.Store.TopAds(ctx, n.shop.Name, n.date, since, judgedAds)
	if err != nil || len(top) == 0 {
		return err
	}
	place := make(map[[3]string]int, len(top)) // in their account's list
	for _, d := range top {
		if a := at[adAccountKey(platform.Name(d.Platform), d.AdAccount)]; a != nil {
			place[[3]string{d.Platform, d.AdAccount, d.AdID}] = len(a.Ads)
			a.Ads = append(a.Ads, bidding.AdSeries{ID: d.AdID, Name: d.Name, Campaign: d.Campaign, AdSet: d.AdSet})
		}
	}
	return n.Store.EachAdDay(ctx, n.shop.Name, n.date.AddDays(-adDays), n.date, since, judgedAds, func(d store.AdDay) error {
		if i, ok := place[[3]string{d.Platform, d.AdAccount, d.AdID}]; ok {
			s := &at[adAccountKey(platform.Name(d.Platform), d.AdAccount)].Ads[i]
			s.Days = append(s.Days, response.Day{Date: d.Date, Spend: d.Cost.Float(), Conversions: d.Conversions, Clicks: float64(d.Clicks), Impressions: float64(d.Impressions)})
		}
		return nil
	})
}

package nightly

import (
	"context"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/platform"
	"adsteward/store"
)

// moneyModel is the kind under which a run keeps the feeds joined to spend.
const moneyModel = "feed_money"

// listedItems bounds each list of the join that is kept.
const listedItems = 500

// joinItems joins feeds and spend by the worths of this night. Spend in another
// currency than the shop's is left out.
func (n *night) joinItems(ctx context.Context, models *modelSet, worths map[string]bidding.Worth, other bidding.Worth) error {
	if len(n.shop.Feeds) == 0 {
		return nil
	}
	offers, err := n.Offers(ctx, n.shop.Name, n.asOf())
	if err != nil {
		return err
	}
	from, to := n.date.AddDays(-itemDays), n.date.AddDays(-1)
	rows, err := n.shopItemSpend(ctx, from, to)
	if err != nil {
		return err
	}
	spend := make([]feeds.ItemSpend, 0, len(rows))
	for _, r := range rows {
		spend = append(spend, feeds.ItemSpend{Platform: r.Platform, Campaign: bidding.CampaignKey(platform.Name(r.Platform), r.Campaign),
			ItemID: r.ItemID, Cost: r.Cost, Value: r.Value, Conversions: r.Conversions, Clicks: r.Clicks})
	}
	by := make(map[string]feeds.Worth, len(worths))
	for k, w := range worths {
		by[k] = itemWorth(w)
	}
	out := feeds.Join(offers, spend, by, itemWorth(other), listedItems)
	out.From, out.To, out.Currency = from, to, n.shop.Currency
	models.add(n.runID, moneyModel, "", out)
	return nil
}

func itemWorth(w bidding.Worth) feeds.Worth {
	return feeds.Worth{K: w.K(), Later: w.Margin * max(w.LTVMultiple-1, 0)}
}

// loadItems adds where each campaign's spend on items went, as this night found.
func (n *night) loadItems(ctx context.Context, in *bidding.Input) error {
	found, err := loadModels[feeds.Money](ctx, n.Store.Queries, n.runID, moneyModel)
	if err != nil {
		return err
	}
	in.Items = map[string]bidding.ItemMoney{}
	for _, c := range found[""].Campaigns {
		in.Items[c.Campaign] = bidding.ItemMoney{Spend: c.Spend.Float(), Unfit: c.Unfit.Float(), Losing: c.Losing.Float()}
	}
	return nil
}

// FeedMoney is the newest night's join of an account, with its run; the run is
// zero where no night has made one.
func (s *Steward) FeedMoney(ctx context.Context, account string) (feeds.Money, store.Run, error) {
	runs, err := s.Store.Runs(ctx, account, lookBackDays)
	if err != nil {
		return feeds.Money{}, store.Run{}, err
	}
	for _, r := range runs {
		found, err := loadModels[feeds.Money](ctx, s.Store.Queries, r.RunID, moneyModel)
		if err != nil {
			return feeds.Money{}, store.Run{}, err
		}
		if m, ok := found[""]; ok {
			return m, r, nil
		}
	}
	return feeds.Money{}, store.Run{}, nil
}

package nightly

import (
	"context"
	"errors"

	"adsteward/internal/civil"
	"adsteward/store"
)

// Sums of many orders serve for salesNights, so that a night reads the orders since
// and not those of two months: what happens to single ones changes a margin little.
// Orders younger than settleDays are never kept, for those come in late.
const (
	salesNights = 7
	settleDays  = 3
	// fewOrders are read every night: that costs nothing, and each of them matters.
	fewOrders = 5000
	// keptLines bounds what is kept; a shop of more products by campaign reads its
	// orders every night too.
	keptLines = 50_000
)

const salesModel = "sales"

// keptSales are sums of the orders of From..Until and what they rest on besides
// orders: the costs known, and whether orders were told apart by age.
type keptSales struct {
	From  civil.Date    `json:"from"`
	Until civil.Date    `json:"until"`
	Costs uint64        `json:"costs"`
	Aged  bool          `json:"aged"`
	Sales []store.Sales `json:"sales"`
}

func (k *keptSales) orders() (sum int) {
	for _, s := range k.Sales {
		sum += s.Orders
	}
	return sum
}

// sales sums up the orders of the last iotaDays, or of a few more where older sums
// serve, under costs of a fingerprint, and adds new sums to the models. What
// happened to an order after it was summed up, a refund or a click that came late,
// counts when sums are made anew; an order more or less has them made at once.
func (n *night) sales(ctx context.Context, models *modelSet, cuts []civil.Date, costs uint64) ([]store.Sales, error) {
	read := func(from, until civil.Date) ([]store.Sales, error) {
		return n.Store.Sales(ctx, n.shop.Name, from, until, cuts...)
	}
	yesterday := n.date.AddDays(-1)
	kept, err := n.keptSales(ctx, len(cuts) > 0, costs)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		kept = &keptSales{From: n.date.AddDays(-iotaDays), Until: yesterday.AddDays(-settleDays), Costs: costs, Aged: len(cuts) > 0}
		if kept.Sales, err = read(kept.From, kept.Until); err != nil {
			return nil, err
		}
		lines := 0
		for _, s := range kept.Sales {
			lines += len(s.Lines)
		}
		if kept.orders() >= fewOrders && lines <= keptLines {
			models.add(n.runID, salesModel, "", kept)
		}
	}
	young, err := read(kept.Until.AddDays(1), yesterday)
	return append(kept.Sales, young...), err
}

// keptSales are the newest sums of a night shortly before that serve this one; nil
// where there are none.
func (n *night) keptSales(ctx context.Context, aged bool, costs uint64) (*keptSales, error) {
	for k := 1; k < salesNights; k++ {
		s, err := loadModel[keptSales](ctx, n.Store.Queries, RunID(n.shop.Name, n.date.AddDays(-k)), salesModel, "")
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil || s.Costs != costs || s.Aged != aged {
			return nil, err
		}
		orders, err := n.Store.OrdersBetween(ctx, n.shop.Name, s.From, s.Until)
		if err != nil || orders != s.orders() {
			return nil, err
		}
		return &s, nil
	}
	return nil, nil
}

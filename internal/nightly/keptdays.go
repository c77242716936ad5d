package nightly

import (
	"context"
	"errors"

	"adsteward/attribution"
	"adsteward/internal/civil"
	"adsteward/store"
)

// keptPaths bounds the paths of kept days, each counted for every day it is seen on; a
// shop of more joins its orders anew every night.
const keptPaths = 50_000

const keptDaysModel = "reconcile_days"

// keptDays say of which orders a night has kept what it gathered for reconciliation,
// under keptDaysModel and the key "". The days themselves are under daysKey.
type keptDays struct {
	From   civil.Date `json:"from"`
	Until  civil.Date `json:"until"`
	Orders int        `json:"orders"` // that the shop had of these days
	run    string     // of the night
}

const daysKey = "days"

// keepDays puts what the night gathered of orders among its models, but of those
// younger than settleDays, for which others still come in, and of few, which cost
// nothing to join.
func (n *night) keepDays(ctx context.Context, models *modelSet, claims *reconciling) error {
	k := keptDays{From: claims.from, Until: n.date.AddDays(-1 - settleDays)}
	var err error
	if k.Orders, err = n.Store.OrdersBetween(ctx, n.shop.Name, k.From, k.Until); err != nil || k.Orders < fewOrders {
		return err
	}
	days, paths := claims.OrderDays(k.Until), 0
	for i := range days {
		paths += len(days[i].Paths)
	}
	if paths <= keptPaths {
		models.add(n.runID, keptDaysModel, "", k)
		models.add(n.runID, keptDaysModel, daysKey, days)
	}
	return nil
}

func (k *keptDays) days(ctx context.Context, q *store.Queries) ([]attribution.OrderDay, error) {
	return loadModel[[]attribution.OrderDay](ctx, q, k.run, keptDaysModel, daysKey)
}

// keptDays are the newest gathered since a night, nil where there are none that
// serve. What happened to one of their orders since, a refund or a click or login that
// came late, counts when they are gathered anew; an order more or less has that done
// at once.
func (n *night) keptDays(ctx context.Context, since civil.Date) (*keptDays, error) {
	for date := n.date.AddDays(-1); date >= since; date-- {
		run := RunID(n.shop.Name, date)
		k, err := loadModel[keptDays](ctx, n.Store.Queries, run, keptDaysModel, "")
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		orders, err := n.Store.OrdersBetween(ctx, n.shop.Name, k.From, k.Until)
		if err != nil || orders != k.Orders {
			return nil, err
		}
		k.run = run
		return &k, nil
	}
	return nil, nil
}

package nightly

import (
	"context"
	"errors"

	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/store"
)

// addDiagnostics puts how the lifetime model holds among the night's models.
func (n *night) addDiagnostics(ctx context.Context, models *modelSet, fit *ltv.Fit, of basis, days *customerDays) error {
	d, err := n.diagnostics(ctx, fit, of, days)
	if d != nil {
		models.add(n.runID, "ltv_diagnostics", "", d)
	}
	return err
}

// diagnostics hold the lifetime model against the shop's orders: those of the
// night that fitted it while it serves on, new ones where this night did. nil
// where there are none.
func (n *night) diagnostics(ctx context.Context, fit *ltv.Fit, of basis, days *customerDays) (*ltv.Diagnostics, error) {
	if fit == nil {
		return nil, nil
	}
	if of.Date != n.date {
		stored, err := loadModels[ltv.Diagnostics](ctx, n.Store.Queries, RunID(n.shop.Name, of.Date), "ltv_diagnostics")
		if d, ok := stored[""]; ok && err == nil {
			return &d, nil
		}
		return nil, err
	}
	first, err := n.Store.FirstOrder(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	d, err := ltv.DiagnoseNight(fit, first, n.date, func(add func(string, civil.Date, float64) error) error {
		return days.each(ctx, func(d store.CustomerDay) error {
			return add(d.CustomerID, d.Date, d.Revenue.Float())
		})
	})
	if _, refused := errors.AsType[*ltv.Refused](err); refused {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.Currency = n.shop.Currency
	return d, nil
}

package nightly

import (
	"context"
	"fmt"

	"adsteward/bidding"
	"adsteward/bidding/ltv"
	"adsteward/internal/parallel"
)

// value refits what a customer and a sale are worth: the lifetime model on all
// orders, and margin, lifetime multiple and incremental share per campaign.
func value(ctx context.Context, n *night) (report, error) {
	var models, sold modelSet
	var fit *ltv.Fit
	var of basis
	var warning string
	var segments *ltv.Segmentation
	var book *bidding.Book
	err := parallel.Do(func() (err error) {
		book, err = n.book(ctx, &sold)
		return err
	}, func() error {
		days, err := n.customerDays(ctx)
		if err != nil {
			return err
		}
		if fit, of, warning, err = n.lifetime(ctx, days); err != nil {
			return err
		}
		return parallel.Do(func() (err error) {
			segments, err = n.segments(ctx, fit, of, days)
			return err
		}, func() error {
			return n.addDiagnostics(ctx, &models, fit, of, days)
		})
	})
	if err != nil {
		return report{}, err
	}
	models.join(sold)
	worths, def, err := n.fitWorths(ctx, fit, book)
	if err != nil {
		return report{}, err
	}
	if err := n.addSegments(ctx, &models, fit, of, segments, worths, def); err != nil {
		return report{}, err
	}
	if fit != nil {
		models.add(n.runID, "ltv", "", fit)
		models.add(n.runID, "ltv_basis", "", of)
	}
	for k, w := range worths {
		models.add(n.runID, "worth", k, w)
	}
	models.add(n.runID, "worth", "", def)
	if err := n.joinItems(ctx, &models, worths, def); err != nil {
		return report{}, err
	}
	summary := fmt.Sprintf("margin %.0f %%, a new customer is worth %.2f first orders", 100*def.Margin, def.Lambda)
	if warning != "" {
		summary += "; " + warning
	}
	return report{Summary: summary}, models.put(ctx, n.Store.Queries)
}

package nightly

import (
	"context"
	"errors"
	"fmt"
)

// value refits what a customer and a sale are worth: the lifetime model on all
// orders, and margin, lifetime multiple and incremental share per campaign.
func value(ctx context.Context, n *night) (report, error) {
	fit, of, warning, err := n.lifetime(ctx)
	if err != nil {
		return report{}, err
	}
	segments, err := n.segments(ctx, fit, of)
	if err != nil {
		return report{}, err
	}
	worths, def, err := n.fitWorths(ctx, fit)
	if err != nil {
		return report{}, err
	}
	var models modelSet
	if err := errors.Join(n.addSegments(ctx, &models, fit, of, segments, worths, def), n.addDiagnostics(ctx, &models, fit, of)); err != nil {
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

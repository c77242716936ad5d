package doctor

import (
	"context"

	"adsteward/internal/nightly"
)

// Notify says whether people are told of nights, and sends them a test where that is
// wanted.
func Notify(ctx context.Context, shop *nightly.Shop, test bool) []Finding {
	f := Finding{Check: shop.Name + ": notify", Verdict: OK, Detail: "a test was sent and taken"}
	switch {
	case shop.Notify == nil && !test:
		return nil
	case shop.Notify == nil:
		f.Verdict, f.Detail, f.Remedy = Warning, "nobody is told of nights", "set notify.webhook_file to a file with the address of an incoming webhook"
	case !test:
		f.Detail = "people are told of nights by a webhook; adsteward doctor --notify tries it"
	default:
		if err := shop.Notify(ctx, "adsteward: a test. You will be told here how the nights of "+shop.Name+" went."); err != nil {
			f.Verdict, f.Detail, f.Remedy = Error, err.Error(), "make the webhook anew and give its address as notify.webhook or notify.webhook_file"
		}
	}
	return []Finding{f}
}

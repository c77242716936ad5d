package doctor

import (
	"context"
	"fmt"
	"slices"

	"adsteward/audiences"
	"adsteward/internal/nightly"
	"adsteward/store"
)

// consents warns where people are to be reached, or told of, and nobody is known to have
// agreed: all that is sent is nothing then.
func consents(ctx context.Context, st *store.Store, shop *nightly.Shop) []Finding {
	if !shop.Audience.Enabled && !slices.ContainsFunc(shop.Tell, func(t nightly.TellSettings) bool { return t.Enabled }) {
		return nil
	}
	f := Finding{Check: shop.Name + ": consents", Verdict: OK}
	purposes, err := st.ConsentPurposes(ctx, shop.Name)
	if err != nil {
		return []Finding{{f.Check, Error, err.Error(), ""}}
	}
	var heeded, others int64
	for p, n := range purposes {
		if audiences.Heeded(p) {
			heeded += n
		} else {
			others += n
		}
	}
	f.Detail = fmt.Sprintf("%d statements about ads, %d about other purposes, which are not heeded", heeded, others)
	if heeded == 0 {
		f.Verdict, f.Remedy = Warning, fmt.Sprintf("import consents with the purpose %s, or %s and %s; until then nobody is put on a list and no order is told",
			audiences.PurposeAds, audiences.PurposeUserData, audiences.PurposePersonalization)
	}
	return []Finding{f}
}

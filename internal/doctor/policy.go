package doctor

import (
	"context"
	"fmt"
	"slices"

	"adsteward/internal/nightly"
	"adsteward/store"
)

// policyNames warns of names in the policy that nothing goes by, so far as a night has
// seen what there is: a slip in one leaves unprotected what it was to protect.
func policyNames(ctx context.Context, st *store.Store, shop *nightly.Shop) (out []Finding) {
	check := shop.Name + ": names in the policy"
	rows, err := st.Entities(ctx, shop.Name)
	if err != nil {
		return []Finding{{check, Error, err.Error(), ""}}
	}
	if len(rows) == 0 {
		return nil
	}
	var names []string
	for _, e := range rows {
		names = append(names, e.EntityID, e.Name, e.Platform, e.AdAccount)
	}
	unknown := func(setting, name string) {
		out = append(out, Finding{check, Warning, fmt.Sprintf("%s: nothing goes by %q", setting, name), "write the id, or the name as the platform does"})
	}
	for _, m := range shop.Policy.Monthly {
		for _, pattern := range m.Match {
			one := m
			one.Match = []string{pattern}
			if !one.Covers(names...) {
				unknown("monthly", pattern)
			}
		}
	}
	for _, e := range shop.Policy.Entities {
		if !slices.Contains(names, e.Match) {
			unknown("entities", e.Match)
		}
	}
	protected := slices.DeleteFunc(slices.Clone(shop.Policy.Protected), func(s string) bool { return slices.Contains(names, s) })
	if len(protected) == 0 {
		return out
	}
	products, err := st.Products(ctx, shop.Name) // items can be protected, too
	if err != nil {
		return append(out, Finding{check, Error, err.Error(), ""})
	}
	for _, s := range protected {
		if !slices.ContainsFunc(products, func(p store.Product) bool { return p.ItemID == s || p.Title == s }) {
			unknown("protected", s)
		}
	}
	return out
}

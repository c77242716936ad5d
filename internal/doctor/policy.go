package doctor

import (
	"context"
	"fmt"

	"adsteward/internal/nightly"
	"adsteward/store"
)

// policyNames warns of names in the policy that nothing goes by.
func policyNames(ctx context.Context, st *store.Store, shop *nightly.Shop) (out []Finding) {
	check := shop.Name + ": names in the policy"
	unknown, err := nightly.UnknownNames(ctx, st.Queries, shop.Name, shop.Policy)
	for _, u := range unknown {
		out = append(out, Finding{check, Warning, fmt.Sprintf("%s: nothing goes by %q", u.Setting, u.Name), "write the id, or the name as the platform does; * stands for anything"})
	}
	if err != nil {
		out = append(out, Finding{check, Error, err.Error(), ""})
	}
	return out
}

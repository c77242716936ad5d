package nightly

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"adsteward/bidding/guard"
	"adsteward/store"
)

// UnknownName is a name in the policy that nothing goes by, and the setting it is in.
type UnknownName struct{ Setting, Name string }

// UnknownNames are those of a shop's policy, so far as a night has seen what there is: a
// slip in one leaves unprotected what it was to protect.
func UnknownNames(ctx context.Context, q *store.Queries, account string, p guard.Policy) (out []UnknownName, err error) {
	rows, err := q.Entities(ctx, account)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var names, groups []string
	for _, e := range rows {
		names, groups = append(names, e.EntityID, e.Name), append(groups, e.Platform, e.AdAccount)
	}
	look := func(setting string, names []string, patterns ...string) {
		for _, s := range patterns {
			if !guard.AnyLike(s, names) {
				out = append(out, UnknownName{setting, s})
			}
		}
	}
	for _, m := range p.Monthly {
		look("monthly", slices.Concat(names, groups), m.Match...)
	}
	for _, e := range p.Entities {
		look("entities", names, e.Match)
	}
	if !slices.ContainsFunc(p.Protected, func(s string) bool { return !guard.AnyLike(s, names) }) {
		return out, nil
	}
	products, err := q.Products(ctx, account) // items can be protected, too
	for _, x := range products {
		names = append(names, x.ItemID, x.Title)
	}
	look("protected", names, p.Protected...)
	return out, err
}

// unknownNames says so in the night's own words; empty where all are known.
func (n *night) unknownNames(ctx context.Context) (string, error) {
	unknown, err := UnknownNames(ctx, n.Store.Queries, n.shop.Name, n.shop.Policy)
	var b strings.Builder
	for _, u := range unknown {
		fmt.Fprintf(&b, "; policy, %s: nothing goes by %q", u.Setting, u.Name)
	}
	return b.String(), err
}

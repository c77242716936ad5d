package present

import (
	"slices"
	"time"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/platform"
	"adsteward/store"
)

// ExcludedItem is an item that is kept out of a platform's ads, by itself or as one
// of a product group. Reason is as bidding.ItemEvidence has it, Spend what the item
// cost in the days before, in Currency; 0 where it is not known of an item of a
// group.
type ExcludedItem struct {
	Platform string    `json:"platform"`
	ItemID   string    `json:"item_id"` // "" of a group as a whole
	Group    string    `json:"group"`   // attribute=value of the product group through which; "" by itself
	Title    string    `json:"title"`
	Reason   string    `json:"reason"`
	Spend    float64   `json:"spend"`
	Currency string    `json:"currency"`
	Since    time.Time `json:"since"`
	Proposal string    `json:"proposal"`

	members []bidding.GroupMember
}

// Excluded lists the items and product groups that are kept out of ads, of the
// newest applied change of each (store.NewestApplied); never nil, so that it
// marshals as an array.
func Excluded(newest []store.Proposal) ([]ExcludedItem, error) {
	out := []ExcludedItem{}
	for _, p := range newest {
		if p.Proposed <= 0 {
			continue
		}
		b, err := Body(p)
		if err != nil {
			return nil, err
		}
		if b.Item == nil {
			b.Item = &bidding.ItemEvidence{}
		}
		x := ExcludedItem{Platform: p.Platform, ItemID: p.EntityID, Title: p.EntityName, Reason: b.Item.Reason, Spend: b.Evidence.Spend,
			Currency: p.Currency, Since: p.AppliedAt.Time.UTC(), Proposal: p.ProposalID}
		if p.EntityType == string(platform.ProductGroup) {
			x.ItemID, x.Group = "", p.EntityID
		}
		if b.Item.Group != nil {
			x.members = b.Item.Group.Members
		}
		out = append(out, x)
	}
	return out, nil
}

// ExcludedItems is Excluded with the items that the feeds have of each group in its
// place. An item that is out by itself as well is listed once, with its group.
func ExcludedItems(newest []store.Proposal, offers []feeds.Offer) ([]ExcludedItem, error) {
	all, err := Excluded(newest)
	out := []ExcludedItem{}
	type key struct{ platform, id string }
	at := map[key]int{}
	for _, x := range all {
		if x.Group == "" {
			at[key{x.Platform, x.ItemID}], out = len(out), append(out, x)
		}
	}
	for _, g := range all {
		if g.Group == "" {
			continue
		}
		in := feeds.InGroups(offers, g.Platform, map[string]bool{g.Group: true})
		for i := range offers {
			o := &offers[i]
			if _, yes := in[o.ID]; !yes {
				continue
			}
			if k, known := at[key{g.Platform, o.ID}]; known {
				out[k].Group = g.Group
				continue
			}
			x := g
			x.ItemID, x.Title, x.Spend = o.ID, o.Title, 0
			if m := slices.IndexFunc(g.members, func(m bidding.GroupMember) bool { return m.ID == o.ID }); m >= 0 {
				x.Spend = g.members[m].Total().Spend
			}
			at[key{g.Platform, o.ID}], out = len(out), append(out, x)
		}
	}
	return out, err
}

package present

import (
	"time"

	"adsteward/bidding"
	"adsteward/store"
)

// ExcludedItem is an item that is kept out of a platform's ads. Reason is as
// bidding.ItemEvidence has it, Spend what the item cost in the days before, in
// Currency.
type ExcludedItem struct {
	Platform string    `json:"platform"`
	ItemID   string    `json:"item_id"`
	Title    string    `json:"title"`
	Reason   string    `json:"reason"`
	Spend    float64   `json:"spend"`
	Currency string    `json:"currency"`
	Since    time.Time `json:"since"`
	Proposal string    `json:"proposal"`
}

// Excluded lists the items that are kept out of ads, of the newest applied change
// of each item (store.NewestApplied); never nil, so that it marshals as an array.
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
		out = append(out, ExcludedItem{Platform: p.Platform, ItemID: p.EntityID, Title: p.EntityName, Reason: b.Item.Reason, Spend: b.Evidence.Spend,
			Currency: p.Currency, Since: p.AppliedAt.Time.UTC(), Proposal: p.ProposalID})
	}
	return out, nil
}

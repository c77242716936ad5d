package platform

import "context"

// ItemState is what a platform makes of an item of the product catalog.
type ItemState string

const (
	ItemApproved    ItemState = "approved"
	ItemPending     ItemState = "pending"     // not judged yet
	ItemLimited     ItemState = "limited"     // shown in some places or less often
	ItemDisapproved ItemState = "disapproved" // not shown
)

// ItemStatus is one item as the platform judges it.
type ItemStatus struct {
	ItemID string // as in the feed
	State  ItemState
	Issues []ItemIssue
}

// ItemIssue is one thing a platform finds wrong with an item.
type ItemIssue struct {
	Code        string `json:"code"`  // the platform's own
	Error       bool   `json:"error"` // keeps the item from being shown; else a warning
	Attribute   string `json:"attribute,omitempty"`
	Description string `json:"description,omitempty"`
}

// CatalogGroup is an issue that a platform sums up for the whole catalog.
type CatalogGroup struct {
	Code  string
	Error bool // must be repaired; else an opportunity
	Title string
	Items int // that it is about
}

// Catalog is a product catalog as the platform sees it.
type Catalog interface {
	// ItemStatuses hands every item to yield in batches. It stops at the first
	// error of yield and returns it.
	ItemStatuses(ctx context.Context, yield func([]ItemStatus) error) error
	// Groups lists what the platform says of the catalog as a whole; none where
	// it says nothing beyond the items.
	Groups(ctx context.Context) ([]CatalogGroup, error)
}

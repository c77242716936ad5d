package meta

import (
	"context"
	"fmt"
	"strings"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/platform"
)

// Catalog speaks of one product catalog. It implements platform.Catalog.
type Catalog struct {
	client  *Client
	catalog string
}

var _ platform.Catalog = (*Catalog)(nil)

// Catalog returns the catalog of the id. It sends nothing. The token needs
// catalog_management for it.
func (c *Client) Catalog(catalogID string) (*Catalog, error) {
	if catalogID == "" || strings.Trim(catalogID, "0123456789") != "" {
		return nil, fmt.Errorf("meta: %q is not the id of a catalog; it is the number under the catalog's name in the Commerce Manager", catalogID)
	}
	return &Catalog{c, catalogID}, nil
}

// ItemStatuses lists the catalog's items with their review and what is wrong
// with each. Items that Meta did not take at all are in no catalog and do not
// come.
func (i *Catalog) ItemStatuses(ctx context.Context, yield func([]platform.ItemStatus) error) error {
	return i.client.pages(ctx, i.catalog+"/products", facebook.Params{"fields": "retailer_id,review_status,errors"}, func(rows []node) error {
		batch := make([]platform.ItemStatus, 0, len(rows))
		for _, row := range rows {
			batch = append(batch, itemStatus(row))
		}
		return yield(batch)
	})
}

// Groups lists the catalog's diagnostics, those of the events of its pixel too.
func (i *Catalog) Groups(ctx context.Context) (out []platform.CatalogGroup, err error) {
	err = i.client.pages(ctx, i.catalog+"/diagnostics", facebook.Params{"fields": "type,severity,title,number_of_affected_items"}, func(rows []node) error {
		for _, row := range rows {
			items, err := row.integer("number_of_affected_items")
			if err != nil {
				return &platform.Error{Platform: platform.Meta, Kind: platform.Rejected, Message: "the catalog's diagnostics cannot be read: " + err.Error()}
			}
			out = append(out, platform.CatalogGroup{Code: row.text("type"), Error: row.text("severity") == "MUST_FIX", Title: row.text("title"), Items: int(items)})
		}
		return nil
	})
	return out, err
}

func itemStatus(row node) platform.ItemStatus {
	s := platform.ItemStatus{ItemID: row.text("retailer_id"), State: platform.ItemApproved}
	for _, e := range row.list("errors") {
		issue := platform.ItemIssue{Code: e.text("error_type"), Error: strings.EqualFold(e.text("error_priority"), "HIGH"), Description: e.text("title")}
		if issue.Description == "" {
			issue.Description = e.text("description")
		}
		issue.Attribute = attributeOf(issue.Code)
		if issue.Error {
			s.State = platform.ItemLimited
		}
		s.Issues = append(s.Issues, issue)
	}
	switch row.text("review_status") {
	case "rejected":
		s.State = platform.ItemDisapproved
	case "pending", "outdated":
		s.State = platform.ItemPending
	}
	return s
}

// attributeOf is the attribute an error is about, in the words of feeds. Meta
// names none, but most of its names of errors hold it: EMPTY_PRICE.
func attributeOf(code string) string {
	rest := strings.ToLower(code)
	for _, prefix := range []string{"empty_", "missing_", "invalid_"} {
		rest = strings.TrimPrefix(rest, prefix)
	}
	switch {
	case strings.HasPrefix(rest, "image_"):
		return "image_link"
	case rest == "quality_item_link_broken" || rest == "url":
		return "link"
	case rest == "name":
		return "title"
	case rest != strings.ToLower(code):
		return rest
	}
	return ""
}

// Package catalog judges the shop's feed as the emulated platforms do: by the
// rules that package feeds knows, with deliberate differences, so that what is
// predicted from the feed alone is neither always right nor complete:
//
//   - Google lets a third of the items without identifiers pass (LenientOf).
//   - Some pictures have overlays or are too small, and some pages do not open;
//     no feed shows either (OverlayOf, PageOf).
//   - Some items carry an issue under a name that nobody has written down
//     (OddOf).
//   - Some are not judged yet (PendingOf).
//   - Meta does not take items without an image at all: they are not in its
//     catalog.
//
// Which items these are follows from their ids alone.
package catalog

import (
	"hash/fnv"
	"io"
	"strings"
	"time"

	"adsteward/feeds"
	"adsteward/internal/platform"
)

// One item in so many differs, by its id.
const (
	LenientOf = 3 // of those without identifiers
	OverlayOf = 23
	PageOf    = 41
	OddOf     = 57
	PendingOf = 61
)

// Item is a product as a platform judges it.
type Item struct {
	ID, Title string
	Pending   bool
	Issues    []Issue
}

// Issue is what a platform finds wrong, under the platform's own name.
type Issue struct {
	Code, Attribute, Title string
	Error                  bool
}

// Refused tells whether the item is not shown.
func (i Item) Refused() bool {
	for _, issue := range i.Issues {
		if issue.Error {
			return true
		}
	}
	return false
}

// Judge reads the feed as the platform does.
func Judge(feed io.Reader, p platform.Name, now time.Time) ([]Item, error) {
	var out []Item
	_, err := feeds.Validate(feed, feeds.Options{Platform: string(p), Now: now}, func(it feeds.Item, issues []feeds.Issue) error {
		if it.ID == "" {
			return nil
		}
		item := Item{ID: it.ID, Title: it.Title, Pending: one(PendingOf, p, "pending", it.ID)}
		for _, i := range issues {
			switch {
			case i.Severity == feeds.Normalized:
				continue
			case p == platform.Google && i.Rule == "identifier.missing" && one(LenientOf, p, "lenient", it.ID):
				continue
			case p == platform.Meta && i.Rule == "image_link.required":
				return nil
			}
			item.Issues = append(item.Issues, Issue{nameOf(p, i), i.Attribute, i.Message, i.Severity == feeds.Error})
		}
		item.Issues = append(item.Issues, unseen(p, it.ID)...)
		out = append(out, item)
		return nil
	})
	return out, err
}

// unseen are the issues that no feed shows.
func unseen(p platform.Name, id string) (out []Issue) {
	add := func(of int, google, meta, attribute, title string, bad bool) {
		if !one(of, p, google, id) {
			return
		}
		code := google
		if p == platform.Meta {
			code = meta
		}
		out = append(out, Issue{code, attribute, title, bad})
	}
	add(OverlayOf, "image_link_unwanted_overlays", "IMAGE_RESOLUTION_LOW", "image_link", "The image cannot be used", true)
	add(PageOf, "landing_page_error", "QUALITY_ITEM_LINK_BROKEN", "link", "The page does not open", true)
	add(OddOf, "seasonal_demand_low", "SEASONAL_DEMAND_LOW", "", "Few people look for this", false)
	return out
}

// nameOf is the platform's name of what a rule found.
func nameOf(p platform.Name, i feeds.Issue) string {
	missing := strings.HasSuffix(i.Rule, ".required") || strings.HasSuffix(i.Rule, ".missing")
	switch {
	case p == platform.Meta && missing:
		return "EMPTY_" + strings.ToUpper(i.Attribute)
	case p == platform.Meta:
		return "INVALID_" + strings.ToUpper(i.Attribute)
	case i.Code != "":
		return i.Code
	case missing:
		return "item_missing_required_attribute"
	}
	return "invalid_attribute_value"
}

// one picks an item in n.
func one(n int, p platform.Name, what, id string) bool {
	h := fnv.New64a()
	io.WriteString(h, string(p)+" "+what+" "+id) // never fails, as documented
	x := h.Sum64()
	return (x^x>>32)%uint64(n) == 0
}

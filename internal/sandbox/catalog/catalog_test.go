package catalog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adsteward/internal/platform"
)

// TestJudge holds that the platforms differ from the feed's rules where they
// are said to, and about as often.
func TestJudge(t *testing.T) {
	t.Parallel()
	const n = 3000
	var b strings.Builder
	b.WriteString("id\ttitle\tdescription\tlink\timage_link\tprice\tavailability\tbrand\tcondition\n")
	for i := range n {
		image := "https://shop.example/i.jpg"
		if i%10 == 0 {
			image = ""
		}
		fmt.Fprintf(&b, "sku-%d\tA fine thing %d\tIt is fine and blue\thttps://shop.example/p/%d\t%s\t10.00 EUR\tin_stock\tAcme\tnew\n", i, i, i, image)
	}
	judged := func(p platform.Name) ([]Item, map[string]int) {
		items, err := Judge(strings.NewReader(b.String()), p, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		codes := map[string]int{}
		for _, it := range items {
			for _, i := range it.Issues {
				codes[i.Code]++
			}
		}
		return items, codes
	}
	about := func(what string, got, want int) {
		t.Helper()
		if got < want*7/10 || got > want*13/10 {
			t.Errorf("%s: %d, about %d were due", what, got, want)
		}
	}
	google, codes := judged(platform.Google)
	if len(google) != n {
		t.Errorf("Google has %d of %d items", len(google), n)
	}
	about("pictures with an overlay", codes["image_link_unwanted_overlays"], n/OverlayOf)
	about("pages that do not open", codes["landing_page_error"], n/PageOf)
	about("items without identifiers", codes["missing_gtin_and_mpn"], n-n/LenientOf)
	about("items of an unknown issue", codes["seasonal_demand_low"], n/OddOf)
	about("items without an image", codes["item_missing_required_attribute"], n/10)
	meta, codes := judged(platform.Meta)
	if len(meta) != n-n/10 || codes["EMPTY_IMAGE_LINK"] != 0 {
		t.Errorf("Meta has %d of %d items and %v", len(meta), n, codes)
	}
}

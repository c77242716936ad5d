package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPages reads the settings of landing pages and catalogs: defaults, values
// and what is wrong with them.
func TestPages(t *testing.T) {
	t.Parallel()
	load := func(pages, merchant string) (*Config, error) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "adsteward.yaml")
		yaml := "accounts:\n  - name: a\n    currency: EUR\n    feeds: [{location: f.xml, platform: both" + pages + "}]\n    google: {customer_id: \"1\"" + merchant + "}\n"
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(file)
	}
	for pages, want := range map[string]*Pages{
		"":                     nil,
		", pages: {}":          {Sample: 100, Rate: 1},
		", pages: {sample: 0}": {Sample: 0, Rate: 1},
		", pages: {rate: 0.5}": {Sample: 100, Rate: 0.5},
		", pages: {sample: 7, allow_private: true}": {Sample: 7, Rate: 1, AllowPrivate: true},
	} {
		c, err := load(pages, `, merchant_id: "123"`)
		if err != nil {
			t.Errorf("%q: %v", pages, err)
			continue
		}
		got := c.Accounts[0].Feeds[0].Pages
		if (got == nil) != (want == nil) || got != nil && *got != *want || c.Accounts[0].Google.MerchantID != "123" {
			t.Errorf("%q is read as %+v", pages, got)
		}
	}
	for _, c := range []struct{ pages, merchant, want string }{
		{", pages: {sample: -1}", "", "feeds[0].pages.sample: -1 is not between"},
		{", pages: {rate: 0}", "", "feeds[0].pages.rate: 0 is not above 0"},
		{", pages: {rate: .nan}", "", "feeds[0].pages.rate: NaN is not above 0"},
		{", pages: {sampel: 3}", "", "sampel is no key"},
		{"", ", merchant_id: shop", `google.merchant_id: "shop" is not a Merchant Center id`},
	} {
		if _, err := load(c.pages, c.merchant); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%s: %v", c.pages, c.merchant, err)
		}
	}
}

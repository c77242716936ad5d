package storefront

import (
	"strings"
	"testing"

	"adsteward/store"
)

func TestLandingAddressTellsTheTouch(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]store.Touch{
		"https://shop.example/a?gclid=Cj0K&utm_source=newsletter": {Channel: "google", ClickID: "Cj0K"},
		"https://shop.example/a?gad_campaignid=77&gbraid=0AA":     {Channel: "google", ClickID: "0AA", Campaign: "77"},
		"https://shop.example/?wbraid=W&utm_campaign=x&utm_id=5":  {Channel: "google", ClickID: "W", Campaign: "5"},
		"/a?fbclid=IwAR0aB":                {Channel: "meta", ClickID: "IwAR0aB"},
		"https://shop.example/?msclkid=m1": {Channel: "microsoft", ClickID: "m1"},
		"https://shop.example/?utm_source=Google&utm_medium=cpc&utm_campaign=Spring%20Sale": {Channel: "google", Campaign: "Spring Sale"},
		"https://shop.example/?utm_source=google&utm_medium=organic":                        {Channel: "google organic"},
		"https://shop.example/page": {Channel: "direct"},
	} {
		m, _, err := read(t, options(Touches), "visitor_id,at,landing_url\nv1,2026-01-01T10:00:00Z,"+address+"\n")
		if err != nil || len(m.touches) != 1 {
			t.Fatalf("%s: %v", address, err)
		}
		for _, got := range m.touches {
			if got.Channel != want.Channel || got.ClickID != want.ClickID || got.Campaign != want.Campaign || got.VisitorID != "v1" {
				t.Errorf("%s: %+v", address, got)
			}
		}
	}
}

func TestTouchSaysItsKind(t *testing.T) {
	t.Parallel()
	m, _, err := read(t, options(Touches), "visitor_id,at,channel,kind,click_id,landing_url\nv1,2026-01-01T10:00:00Z,meta,view,,\nv1,2026-01-01T10:00:00Z,meta,click,,\nv1,2026-01-01T10:00:00Z,meta,,,\n"+
		"v2,2026-01-01T10:00:00Z,meta,,own,https://shop.example/?fbclid=other\n")
	if err != nil || len(m.touches) != 3 { // click and nothing are the same touch
		t.Fatalf("%v %v", m.touches, err)
	}
	for _, got := range m.touches {
		if got.VisitorID == "v2" && got.ClickID != "own" {
			t.Errorf("the address overrules the column: %+v", got)
		}
	}
	for rows, want := range map[string]string{
		"visitor_id,at,channel,kind\nv1,2026-01-01,meta,seen\n":          `"seen" is neither click nor view`,
		"visitor_id,at,landing_url\nv1,2026-01-01,https://a b/%zz\n":     "is no address",
		"visitor_id,at,channel,landing_url\nv1,2026-01-01,,\n":           "channel",
		"visitor_id,at,landing_url\n,2026-01-01,https://shop.example/\n": "says whose touch it is",
	} {
		if _, _, err := read(t, options(Touches), rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", rows, err)
		}
	}
}

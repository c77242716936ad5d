package storefront

import (
	"net/url"
	"strings"

	"adsteward/store"
)

// clickParameters are what ad platforms append to a landing page, with the channel
// they tell: Google's gclid, and gbraid and wbraid where Apple's rules forbid it.
func clickParameters() []struct{ name, channel string } {
	return []struct{ name, channel string }{{"gclid", "google"}, {"gbraid", "google"}, {"wbraid", "google"}, {"fbclid", "meta"}, {"msclkid", "microsoft"}}
}

// landed fills what a touch does not say itself from the address that was visited:
// the click id, the channel (the platform's, else utm_source with a utm_medium
// other than a paid click's), and the campaign (utm_id, gad_campaignid,
// utm_campaign). Click ids keep their case: an fbclid is case-sensitive.
func landed(rec record, t *store.Touch) error {
	address := rec.get("landing_url")
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return rec.bad("landing_url", "%q is no address; write it as https://shop.example/page?gclid=...", address)
	}
	q := u.Query()
	for _, p := range clickParameters() {
		click := q.Get(p.name)
		if click == "" {
			continue
		}
		if t.ClickID == "" {
			t.ClickID = click
		}
		if t.Channel == "" {
			t.Channel = p.channel
		}
		break
	}
	if t.Channel == "" {
		t.Channel = strings.ToLower(q.Get("utm_source"))
		switch medium := strings.ToLower(q.Get("utm_medium")); medium {
		case "", "cpc", "ppc", "paid", "paidsearch", "paid_social", "paidsocial":
		default:
			t.Channel = strings.TrimSpace(t.Channel + " " + medium)
		}
	}
	if t.Channel == "" {
		t.Channel = "direct"
	}
	for _, name := range []string{"utm_id", "gad_campaignid", "utm_campaign"} {
		if t.Campaign == "" {
			t.Campaign = q.Get(name)
		}
	}
	return nil
}

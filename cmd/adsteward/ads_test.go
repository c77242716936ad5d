package main

import (
	"strings"
	"testing"

	"adsteward/internal/present"
	"adsteward/internal/sandbox/market"
)

// TestAds goes from a market whose ads wear out, through the emulated platforms,
// to what is printed and held back: most of the money of Meta's campaign is on a
// worn-out film, a tenth of that of Google's on another.
func TestAds(t *testing.T) {
	t.Parallel()
	sc, err := market.ReadScenario(strings.NewReader(`{"name": "worn", "seed": 11, "start": "2026-02-02", "history_days": 90, "campaigns": [
		{"id": "m1", "name": "Meta – Autumn", "platform": "meta", "budget": 120, "n": 4000, "v": 3.5, "ads": [
			{"name": "Old film", "share": 4, "half_life_days": 12, "wears_from": "2026-01-08"}, {"name": "New film"}]},
		{"id": "g1", "name": "Demand – Autumn", "platform": "google", "type": "prospecting", "budget": 120, "n": 4000, "v": 3.5, "ads": [
			{"name": "Small film", "half_life_days": 12, "wears_from": "2026-01-08"}, {"name": "Large film", "share": 9}]},
		{"id": "g2", "platform": "google", "budget": 120, "v": 1.2}]}`))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, worldOptions{scenario: sc})
	if out := w.must("ads"); !strings.HasPrefix(out, "No night has told ads yet") {
		t.Errorf("before the first night: %s", out)
	}
	if r := w.run("ads", "--account", "nobody"); r.code != 2 || !strings.Contains(r.stderr, `account "nobody" is not in the configuration`) {
		t.Errorf("of nobody: %d %s", r.code, r.stderr)
	}
	w.must("run", "--date", worldStart.String())
	found := decode[adsReport](t, w.must("ads", "--json"))
	if len(found.Units) != 2 || found.Units[0].Name != "Meta – Autumn" || len(found.Units[0].Ads) != 2 || len(found.Units[1].Ads) != 2 {
		t.Fatalf("%+v", found)
	}
	for i, want := range []struct {
		worn  string
		share float64
	}{{"Old film", 0.8}, {"Small film", 0.1}} {
		u := found.Units[i]
		ad := u.Ads[0]
		if ad.Name != want.worn || len(ad.Falls) != 1 || ad.Falls[0].Figure != "ad_ctr" || len(u.Ads[1].Falls) != 0 || u.Worn < want.share-0.02 || u.Worn > want.share+0.02 {
			t.Errorf("%s: %+v", u.Name, u)
			continue
		}
		// Three and a half weeks of halving every twelve days leave a quarter; the
		// last seven of them, eighteen to twenty-five, 2^(-21.5/12).
		if left := ad.CTRNow / u.Ads[1].CTRNow; left < 0.24 || left > 0.34 {
			t.Errorf("%s: %.2f of the other ad's CTR, want 0.29", ad.Name, left)
		}
	}
	if out := w.must("ads", "--worn"); !strings.Contains(out, "Old film") || !strings.Contains(out, "worn out since about 2026-01-") || strings.Contains(out, "New film") {
		t.Error(out)
	}
	if out := w.must("status"); !strings.Contains(out, "80 % went to worn-out ads: “Old film” (80 %)") || !strings.Contains(out, "The ad “Small film”") {
		t.Errorf("status says nothing of them:\n%s", out)
	}
	// The night wanted to raise both, and only one rests on worn-out ads.
	raised := map[string]bool{}
	for _, p := range decode[[]present.Proposal](t, w.must("proposals", "list", "--json")) {
		raised[p.Entity.Name] = p.ChangePct != nil && *p.ChangePct > 0
	}
	if raised["Meta – Autumn"] || !raised["Demand – Autumn"] {
		t.Errorf("raised: %v", raised)
	}
}

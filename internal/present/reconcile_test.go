package present

import (
	"testing"

	"adsteward/attribution"
	"adsteward/internal/money"
)

func TestNamesOfReconciliations(t *testing.T) {
	t.Parallel()
	names := map[string]string{"google:1": "Brand", "google:2": ""}
	for key, want := range map[string]string{"google:1": "Brand", "google:2": "Google Ads campaign 2", "meta:": "Meta, campaign not known", "email": "Email", "": "(not named)"} {
		if got := CampaignTitle(key, names); got != want {
			t.Errorf("%q is called %q, want %q", key, got, want)
		}
	}
	if got := PathText(attribution.PathCount{Steps: []string{"meta:9", "email", "google:1"}, Cut: true}, names); got != "… > Meta campaign 9 > Email > Brand" {
		t.Error(got)
	}
	for cell, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "-5 %": "'-5 %", "Brand": "Brand", "": ""} {
		if got := SafeCell(cell); got != want {
			t.Errorf("%q becomes %q", cell, got)
		}
	}
	a := func(orders float64, value money.Micros) attribution.Amount {
		return attribution.Amount{Orders: orders, Value: value}
	}
	if got := UnknownCustomers(attribution.Balance{Credited: a(0.3, 30), New: a(0.1, 10), Returning: a(0.2, 20)}); got != a(0, 0) {
		t.Errorf("0.3 - 0.1 - 0.2 is %v", got)
	}
	low, high := ShareInterval(attribution.Share{Iota: 0.9, RelSD: 0.5})
	if low >= 0.9 || low <= 0 || high != 1 {
		t.Errorf("%v to %v", low, high)
	}
}

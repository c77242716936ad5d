package attribution

import (
	"math"
	"strings"
	"testing"

	"adsteward/internal/money"
)

func TestShares(t *testing.T) {
	t.Parallel()
	value := func(c string, orders int, reported money.Micros) CampaignValue {
		return CampaignValue{Campaign: c, Orders: orders, Shop: money.Micros(orders) * 50 * money.One, Reported: reported * money.One}
	}
	in := []CampaignValue{
		value("google:big", 400, 40_000), value("google:small", 1, 1000), value("google:none", 0, 100_000),
		value("google:over", 100, 2000), value("meta:1", 1, 10_000),
	}
	got := map[string]Share{}
	for _, s := range Shares(in) {
		got[s.Campaign] = s
	}
	if s := got["google:big"]; math.Abs(s.Iota-0.5) > 0.02 || !s.Compared {
		t.Errorf("a campaign with half its claim in the shop has share %v", s.Iota)
	}
	if s := got["google:small"]; s.Iota < 0.05 || s.Iota > 0.3 || s.RelSD <= got["google:big"].RelSD {
		t.Errorf("one order of 1,000 reported gives %v with error %v", s.Iota, s.RelSD)
	}
	if s := got["google:none"]; s.Iota != 0.05 {
		t.Errorf("a large claim with no order behind it has share %v", s.Iota)
	}
	if s := got["google:over"]; s.Iota != 1 {
		t.Errorf("more orders than claimed give %v", s.Iota)
	}
	// One platform whose clicks cannot be joined says nothing of its own worth.
	if s := got["meta:1"]; s.Iota != 1 || s.Compared {
		t.Errorf("a platform that cannot be joined has share %v", s.Iota)
	}
}

func TestSharesLeanOnTheirPlatform(t *testing.T) {
	t.Parallel()
	eur := func(f float64) money.Micros { return money.Micros(f * 1e6) }
	got := Shares([]CampaignValue{
		{Campaign: "meta:large", Orders: 1000, Shop: eur(50_000), Reported: eur(100_000)},
		{Campaign: "meta:small", Orders: 1, Shop: eur(50), Reported: eur(50)},
		{Campaign: "meta:empty claim", Orders: 0, Shop: 0, Reported: eur(50_000)},
		{Campaign: "meta:modest", Orders: 2000, Shop: eur(100_000), Reported: eur(50_000)},
		{Campaign: "meta:silent", Orders: 3, Shop: eur(150)},
	})
	all := 150_050. / 200_050
	mean := 150_050. / 3001
	w := func(reported float64) float64 { n := reported / mean; return n / (n + 25) }
	want := []float64{w(100_000)*0.5 + (1-w(100_000))*all, w(50)*1 + (1-w(50))*all, minIota, 1, all}
	for i, s := range got {
		if math.Abs(s.Iota-want[i]) > 1e-12 || !s.Compared || s.Why == "" {
			t.Errorf("%s: %+v, want %v", s.Campaign, s, want[i])
		}
	}
	for _, s := range Shares([]CampaignValue{{Campaign: "meta:untouched", Reported: eur(500)}}) {
		if s.Iota != 1 || s.Compared || !strings.Contains(s.Why, "taken as incremental") {
			t.Errorf("%+v", s)
		}
	}
}

package main

import (
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/present"
)

func TestPrintOutcomes(t *testing.T) {
	t.Parallel()
	lost := bidding.Outturn{From: civil.MustParse("2026-01-05"), Days: 14, Gain: -12.5, GainLow: -20, GainHigh: -4, PromisedGain: 3.2, LossProbability: 0.96, Verdict: bidding.Loss, RolledBack: "back00000001"}
	o := present.Outcomes{Account: "shop", Currency: "EUR", Meaning: "Of 1 promise …", Changes: []present.Outcome{
		{Entity: present.Entity{Name: "Shoes"}, Outturn: lost},
		{Entity: present.Entity{Type: "campaign", ID: "7"}, Outturn: bidding.Outturn{From: lost.From, Days: 2, Verdict: bidding.Unjudged}}},
		All: bidding.Calibrate("", []bidding.Followed{{Outturn: lost}}), ByMonth: []bidding.Calibration{bidding.Calibrate("2026-01", []bidding.Followed{{Outturn: lost}})}}
	for range outcomesShown {
		o.Changes = append(o.Changes, o.Changes[1])
	}
	var b strings.Builder
	if err := printOutcomes(&b, o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"shop, EUR a day\nOf 1 promise", "Shoes", "−12.50 (−20.00 to −4.00)", "96 %", "Lost money", "back00000001", "campaign 7", "Not judged", "2026-01", "2 older ones"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

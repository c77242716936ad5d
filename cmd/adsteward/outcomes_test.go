package main

import (
	"encoding/json"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/present"
	"adsteward/store"
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

func TestShowOutcome(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(bidding.Outturn{From: civil.MustParse("2026-01-05"), To: civil.MustParse("2026-01-18"), Days: 14, ProfitPerDay: 60, Low: 51, High: 112, Counterfactual: 72.5,
		Gain: -12.5, GainLow: -20, GainHigh: -4, Believed: -6, BelievedLow: -11, BelievedHigh: -1, LossProbability: 0.96, Verdict: bidding.Loss, RolledBack: "back00000001"})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := showOutcome(&b, store.Proposal{Currency: "EUR", Measured: string(body)}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Outcome, 2026-01-05 to 2026-01-18: The change lost money with a probability of 96 %", "gain by these days alone: −12.50 EUR a day (80 %: −20.00 to −4.00)", "proposal back00000001 puts it back"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := showOutcome(&b, store.Proposal{Currency: "EUR"}); err != nil || b.Len() > 0 {
		t.Errorf("of an unmeasured one it says %q, %v", b.String(), err)
	}
	if err := showOutcome(&b, store.Proposal{Currency: "EUR", Measured: "nothing"}); err == nil {
		t.Error("a broken outcome is taken")
	}
}

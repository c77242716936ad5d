package bidding_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// week is an account of n units whose curves are as wrong as they say, times a
// factor, and their week from a fortnight ago on.
func week(n int, seed uint64, factor float64) (bidding.Input, []bidding.UnitReport) {
	rng := rand.New(rand.NewPCG(seed, 3))
	acc := bidding.Account{Platform: platform.Google, ID: "1", Currency: "EUR", Today: today, LastData: today - 1, Lag: atOnce}
	var units []bidding.UnitReport
	for i := range n {
		const level, levelSD, luck = 500.0, 0.08, 90.0
		u := bidding.UnitReport{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: fmt.Sprint(i)}},
			Campaigns: []platform.Ref{{Type: platform.Campaign, ID: fmt.Sprint(i)}}}
		u.Curve = response.Curve{Unit: u.Key.String(), Spend: 100, Level: level, LevelSD: levelSD, Elasticity: 0.6, ElasticityMean: 0.6, ElasticitySD: 1e-6,
			OrderLuck: luck, Dispersion: luck, Clustering: 1, Days: 60, Seed: uint64(rng.Int64())}
		truth := level * math.Exp(factor*levelSD*rng.NormFloat64())
		s := bidding.Series{Entity: u.Campaigns[0]}
		for d := range 7 {
			value := truth * hill(0.9, 0.6)
			s.Days = append(s.Days, response.Day{Date: today.AddDays(d - 14), Spend: 90, Value: value + factor*math.Sqrt(luck*value)*rng.NormFloat64()})
		}
		acc.Performance = append(acc.Performance, s)
		units = append(units, u)
	}
	return bidding.Input{Now: now, Currency: "EUR", Policy: guard.Default(), Accounts: []bidding.Account{acc}}, units
}

// Curves that are as sure as they should be hold their 80 % four times in five;
// twice as sure, and it shows.
func TestCheckForecasts(t *testing.T) {
	t.Parallel()
	in, units := week(1000, 1, 1)
	f := bidding.NewMeter(&in, response.Result{}, nil).Check(units, nil, today.AddDays(-14))
	if f.Count != 1000 || f.Inside80 < 760 || f.Inside80 > 840 || f.Inside50 < 450 || f.Inside50 > 550 || f.Inside95 < 925 {
		t.Errorf("true curves: %+v", f.Held)
	}
	in, units = week(1000, 2, 2)
	if f := bidding.NewMeter(&in, response.Result{}, nil).Check(units, nil, today.AddDays(-14)); f.Inside80 > 560 { // P(|z| < 1.28/2) = 0.48
		t.Errorf("curves twice as sure as they should be: %+v", f.Held)
	}
	// Where every forecast is half too high, every outcome is in the lowest tenth.
	in, units = week(1000, 3, 1e-9)
	dow := map[string][7]float64{"google": {1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5}}
	if f := bidding.NewMeter(&in, response.Result{}, nil).Check(units, dow, today.AddDays(-14)); f.Histogram[0] != 1000 {
		t.Errorf("forecasts half too high: %+v", f.Held)
	}
}

func TestCheckForecastsLeavesOut(t *testing.T) {
	t.Parallel()
	from := today.AddDays(-14)
	for name, c := range map[string]struct {
		edit    func(*bidding.Input, []bidding.UnitReport)
		outages []response.Outage
	}{
		"young":   {func(_ *bidding.Input, us []bidding.UnitReport) { us[0].Curve.Days = 10 }, nil},
		"no data": {func(in *bidding.Input, _ []bidding.UnitReport) { in.Accounts[0].Performance[0].Days = nil }, nil},
		"NaN": {func(in *bidding.Input, _ []bidding.UnitReport) {
			in.Accounts[0].Performance[0].Days[0].Value = math.NaN()
		}, nil},
		"outage": {func(*bidding.Input, []bidding.UnitReport) {}, []response.Outage{{Platform: "google", Unit: "google/1/budget/0", Date: from},
			{Platform: "google", Unit: "google/1/budget/0", Date: from + 1}, {Platform: "google", Unit: "google/1/budget/0", Date: from + 2}}},
		"off": {func(in *bidding.Input, _ []bidding.UnitReport) {
			for d := range 3 {
				in.Accounts[0].Performance[0].Days[d].Spend = 0
			}
		}, nil},
	} {
		in, units := week(2, 1, 1)
		c.edit(&in, units)
		if f := bidding.NewMeter(&in, response.Result{Outages: c.outages}, nil).Check(units, nil, from); f.Count != 1 {
			t.Errorf("%s: %d units are held to their forecasts", name, f.Count)
		}
	}
	if f := bidding.NewMeter(&bidding.Input{}, response.Result{}, nil).Check(nil, nil, civil.Date(0)); f.Count != 0 {
		t.Error("nothing has forecasts")
	}
}

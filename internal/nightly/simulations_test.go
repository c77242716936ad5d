package nightly

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store/storetest"
)

func TestAddSimulationsKnowsItsEntities(t *testing.T) {
	t.Parallel()
	c, s := platform.Ref{Type: platform.Campaign, ID: "1"}, platform.Ref{Type: platform.AdSet, ID: "1"}
	a := bidding.Account{Performance: []bidding.Series{{Entity: c}, {Entity: s}}}
	addSimulations(&a, []platform.Simulation{{Entity: c, Points: []platform.SimulatedPoint{{Spend: 10, Result: 2}, {Spend: 20, Result: 3}}},
		{Entity: platform.Ref{Type: platform.Campaign, ID: "gone"}, Points: []platform.SimulatedPoint{{Spend: 1, Result: 1}}}})
	want := []response.Simulated{{Spend: 10, Result: 2}, {Spend: 20, Result: 3}}
	if d := cmp.Diff(want, a.Performance[0].Simulated); d != "" || a.Performance[1].Simulated != nil {
		t.Errorf("%s and %v", d, a.Performance[1].Simulated)
	}
}

// A night's curves lean on what the platform estimates, and where it does not
// answer on what it said the night before.
func TestCurvesLeanOnTheNewestSimulations(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 3)
	today := civil.Of(testNow)
	d.history(60, today)
	flat := platform.Simulation{Entity: platform.Ref{Type: platform.Campaign, ID: "c0"}}
	for _, f := range []float64{0.6, 0.8, 1, 1.25, 1.6} {
		flat.Points = append(flat.Points, platform.SimulatedPoint{Spend: 100 * f, Result: math.Pow(f, 0.2)})
	}
	d.ads.simulations = []platform.Simulation{flat}
	for night := range 2 {
		day := today.AddDays(night)
		if night > 0 {
			d.now = d.now.AddDate(0, 0, 1)
			d.history(60, day)
			d.ads.spoil = func(call string) error {
				if call == "simulations" {
					return &platform.Error{Platform: platform.Google, Kind: platform.Retryable, Message: "no estimates tonight", Err: errors.New("503")}
				}
				return nil
			}
		}
		if err := d.RunDirect(t.Context(), "shop", day, []Stage{Pull, Attribute, Value, Curves}); err != nil {
			t.Logf("night %d: %v", night, err) // the second is partial
		}
		fits, err := loadModels[response.Result](t.Context(), d.Store.Queries, RunID("shop", day), "curves")
		if err != nil || len(fits[""].Curves) != 3 {
			t.Fatalf("night %d: %v, %v", night, fits, err)
		}
		c, other := fits[""].Curves[0], fits[""].Curves[1]
		if c.SimulatedShare == 0 || other.SimulatedShare != 0 || c.Elasticity >= other.Elasticity {
			t.Errorf("night %d: elasticity %.2f (%.0f %% simulated) beside %.2f", night, c.Elasticity, 100*c.SimulatedShare, other.Elasticity)
		}
	}
}

package bidding_test

import (
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
)

// promises are n outcomes at quantiles spread evenly over a share of the promise
// around its middle, each so much above what was promised.
func promises(n int, share, promised, above float64, platform string) (out []bidding.Followed) {
	for i := range n {
		q := (float64(i) + 0.5) / float64(n)
		f := bidding.Followed{Platform: platform, Field: "daily_budget", Month: "2026-01"}
		f.Promised, f.ProfitPerDay, f.PIT, f.Verdict = promised, promised+above+(q-0.5), 0.5+share*(q-0.5), bidding.Undecided
		out = append(out, f)
	}
	return out
}

func TestCalibrate(t *testing.T) {
	t.Parallel()
	c := bidding.Calibrate("", promises(40, 1, 50, 0, "google"))
	if c.Count != 40 || c.Inside50 != 20 || c.Inside80 != 32 || c.Inside95 != 38 || c.Undecided != 40 {
		t.Errorf("even promises: %+v", c)
	}
	for i, n := range c.Histogram {
		if n != 4 {
			t.Errorf("tenth %d holds %d of 40", i, n)
		}
	}
	if s := c.Explain(); s != "Of 40 promises at 80 %, 32 held; 32 should have. That is as near as chance allows. On average it promised neither too much nor too little, as far as can be told." {
		t.Error(s)
	}
	// The standard error of a mean of even steps in (-1/2, 1/2).
	if want := math.Sqrt((1 - 1.0/1600) / 12 / 39); math.Abs(c.BiasSD-want) > 1e-9 {
		t.Errorf("the error of the bias is %v, not %v", c.BiasSD, want)
	}
	for want, list := range map[string][]bidding.Followed{
		"It promised 12 % too much.":         promises(40, 1, 50, -6, "meta"),
		"It promised 10 % too little.":       promises(40, 1, -50, 5, "meta"),
		"It is more careful than it need be": promises(40, 0.5, 50, 0, "meta"),
		"Too few to tell more":               promises(5, 1, 50, 0, "meta"),
		"was judged, and it held":            promises(1, 1, 50, 0, "meta"),
		"No promise is old enough":           nil,
	} {
		if s := bidding.Calibrate("", list).Explain(); !strings.Contains(s, want) {
			t.Errorf("%q does not say %q", s, want)
		}
	}
	extreme := promises(40, 1, 0, 0, "meta")
	for i := range extreme {
		extreme[i].PIT = float64(i % 2)
	}
	c = bidding.Calibrate("", extreme)
	if c.Inside95 != 0 || c.Histogram[0] != 20 || c.Histogram[9] != 20 || !strings.Contains(c.Explain(), "surer than it should be") {
		t.Errorf("outcomes at the ends: %+v, %s", c, c.Explain())
	}
}

func TestCalibrateBy(t *testing.T) {
	t.Parallel()
	list := append(promises(20, 1, 50, -6, "meta"), promises(10, 1, 50, 0, "google")...)
	list = append(list, bidding.Followed{Platform: "none", Outturn: bidding.Outturn{Verdict: bidding.Unjudged}}, bidding.Followed{Platform: "old"})
	by := bidding.CalibrateBy(list, func(f bidding.Followed) string { return f.Platform })
	if len(by) != 2 || by[0].Name != "google" || by[1].Name != "meta" || by[0].Count != 10 || by[1].Count != 20 || math.Abs(by[1].Bias+6) > 1e-9 {
		t.Errorf("groups: %+v", by)
	}
}

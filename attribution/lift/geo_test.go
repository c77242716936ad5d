package lift

import (
	"encoding/csv"
	"math"
	"strconv"
	"strings"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/shareddata"
)

// published is the geo experiment of the shared data: 100 regions, 50 treated,
// six weeks before and four of the test.
func published(t testing.TB) *GeoTest {
	t.Helper()
	p, _, err := ReadPanel(shareddata.Open(t, "attribution/geoexperiments_salesandcost.csv"))
	if err != nil {
		t.Fatal(err)
	}
	arms, strata, err := ReadAssignment(shareddata.Open(t, "attribution/geoexperiments_geoassignment.csv"), p)
	if err != nil || strata != nil {
		t.Fatal(err, strata)
	}
	day := civil.MustParse
	return &GeoTest{Panel: p, Arms: arms, Pre: Period{day("2015-01-05"), day("2015-02-15")}, Test: Period{day("2015-02-16"), day("2015-03-15")}}
}

// reference reads the one row of figures of a published result.
func reference(t testing.TB, name string) map[string]float64 {
	t.Helper()
	rows, err := csv.NewReader(shareddata.Open(t, name)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for i, name := range rows[0] {
		if v, err := strconv.ParseFloat(rows[1][i], 64); err == nil {
			out[name] = v
		}
	}
	return out
}

func near(got, want, relative float64) bool { return math.Abs(got-want) <= relative*math.Abs(want) }

// The published results are met to their last printed digits.
func TestPublishedGeoExperiment(t *testing.T) {
	t.Parallel()
	g := published(t)
	for method, file := range map[Method]string{GBR: "geoexperiments_GBR_iROAS.csv", TBR: "geoexperiments_TBR_iROAS.csv"} {
		want := reference(t, "attribution/"+file)
		r, err := g.Analyse(method, want["level"])
		if err != nil {
			t.Fatal(method, err)
		}
		for name, pair := range map[string][2]float64{
			"estimate": {r.IROAS.Value, want["estimate"]}, "lower": {r.IROAS.Low, want["lower"]}, "upper": {r.IROAS.High, want["upper"]},
			"incr.resp": {r.Lift.Value, want["incr.resp"]}, "incr.cost": {r.Cost, want["incr.cost"]},
		} {
			if !near(pair[0], pair[1], 1e-9) {
				t.Errorf("%s %s: %v, published %v", method, name, pair[0], pair[1])
			}
		}
	}
	want := reference(t, "attribution/geoexperiments_TBR_lift.csv")
	r, err := g.Analyse(TBR, 2*want["level"]-1) // the published interval is one-sided
	if err != nil {
		t.Fatal(err)
	}
	if !near(r.Lift.Value, want["estimate"], 1e-9) || !near(r.Lift.SE, want["se"], 1e-9) || !near(r.Lift.Low, want["lower"], 1e-9) {
		t.Errorf("lift %+v, published %v", r.Lift, want)
	}
	last := r.Days[len(r.Days)-1]
	if len(r.Days) != 28 || last.Date != g.Test.To || !near(last.Cumulative, r.Lift.Value, 1e-9) || !near(*last.Low, r.Lift.Low, 1e-9) {
		t.Errorf("%d days, the last %+v", len(r.Days), last)
	}
}

// The other methods see the same effect, and chance does not.
// Where every region spent the same before the test, or few of the control spent
// anything, spend that rose in both groups alike was not added by the test.
func TestSpendThatRoseEverywhereIsNotAdded(t *testing.T) {
	t.Parallel()
	for _, spending := range []int{1, 2, 6} { // of the control
		first := civil.MustParse("2026-01-01")
		p := &Panel{First: first}
		arms := []Arm{}
		for g := range 12 {
			cost, sales := make([]float64, 40), make([]float64, 40)
			for d := range cost {
				sales[d] = float64((g + 1) * (10 + d%7))
				if g >= 6 || g < spending {
					cost[d] = 5
				}
				if d >= 30 {
					cost[d] *= 1.5
				}
			}
			arms = append(arms, []Arm{Control, Treated}[g/6])
			p.Geos, p.Response, p.Cost = append(p.Geos, strconv.Itoa(g)), append(p.Response, sales), append(p.Cost, cost)
		}
		test := GeoTest{Panel: p, Arms: arms, Pre: Period{first, first.AddDays(29)}, Test: Period{first.AddDays(30), first.AddDays(39)}}
		r, err := test.Analyse(DiD, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Cost) > 1e-9 || r.IROAS != nil {
			t.Errorf("%d of the control spend: added %g, %+v", spending, r.Cost, r.IROAS)
		}
	}
}

func TestOtherMethodsAgreeOnThePublishedExperiment(t *testing.T) {
	t.Parallel()
	g := published(t)
	for _, method := range Methods() {
		r, err := g.Analyse(method, 0.95)
		if err != nil {
			t.Fatal(method, err)
		}
		p, err := g.Placebo(method, nil, 199, 1)
		if err != nil {
			t.Fatal(method, err)
		}
		t.Logf("%s: lift %.0f [%.0f, %.0f], iROAS %.4f [%.4f, %.4f], cost %.0f, placebo p %.3f", method, r.Lift.Value, r.Lift.Low, r.Lift.High, r.IROAS.Value, r.IROAS.Low, r.IROAS.High, r.Cost, p.P)
		if !(r.IROAS.Low < 3 && r.IROAS.High > 3 && r.IROAS.Low > 0) || p.P > 0.05 || strings.Join(r.Warnings, "") != "" {
			t.Errorf("%s: %+v, placebo %+v", method, r.IROAS, p)
		}
	}
}

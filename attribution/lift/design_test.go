package lift

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"adsteward/internal/civil"
)

func designOptions() DesignOptions {
	return DesignOptions{Days: 14, OneOf: 2, Method: TBR, Level: 0.9, Power: 0.8, Placebos: 200, IROAS: 2, Seed: 1}
}

// A design treats one region of each pair, pairs are alike, and its minimum
// detectable effect is shown in a real test as often as was asked for, twice the
// effect nearly always.
func TestDesignKeepsItsPromise(t *testing.T) {
	t.Parallel()
	trials := few(400)
	var shown, twice, total int
	for r := range trials {
		rnd := rand.New(rand.NewPCG(uint64(r), 11))
		g := regions(rnd, 20, 70, 14, 0.15, 0)
		o := designOptions()
		o.Seed = uint64(r)
		d, err := g.Panel.Design(g.Pre, o)
		if err != nil {
			t.Fatal(err)
		}
		pairs := map[int][]Arm{}
		for i, a := range d.Regions {
			g.Arms[i] = a.Arm
			pairs[a.Pair] = append(pairs[a.Pair], a.Arm)
		}
		for _, arms := range pairs {
			if len(pairs) != 10 || len(arms) != 2 || arms[0] == arms[1] {
				t.Fatal(d.Regions)
			}
		}
		for k, n := range map[float64]*int{1: &shown, 2: &twice} {
			test := *g
			panel := *g.Panel
			test.Panel = &panel
			panel.Response = nil
			for i, row := range g.Panel.Response {
				row = append([]float64{}, row...)
				if g.Arms[i] == Treated {
					for day := 70; day < 84; day++ {
						row[day] *= 1 + k*d.Power.Relative
					}
				}
				panel.Response = append(panel.Response, row)
			}
			res, err := test.Analyse(TBR, o.Level)
			if err != nil {
				t.Fatal(err)
			}
			if res.Lift.Low > 0 {
				*n++
			}
		}
		total++
		if !near(d.Budget, d.Power.Relative*d.Expected/2, 1e-12) || d.Correlation < 0.7 || math.Abs(d.Share-0.5) > 0.1 {
			t.Errorf("%+v", d)
		}
	}
	t.Logf("the detectable effect was shown in %d of %d tests, twice as much in %d", shown, total, twice)
	if share := float64(shown) / float64(total); share < 0.72 || share > 0.92 || float64(twice)/float64(total) < 0.97 {
		t.Errorf("shown %v, twice %v", share, float64(twice)/float64(total))
	}
}

// Placebos of the published data raise false alarms about as often as they may,
// and find that a test of it could show what it did show.
func TestDesignOfThePublishedData(t *testing.T) {
	t.Parallel()
	g := published(t)
	for _, m := range []Method{GBR, TBR, DiD} {
		o := designOptions()
		o.Method, o.Days = m, 28
		d, err := g.Panel.Design(Period{g.Pre.From, g.Test.From.AddDays(-1)}, o)
		if err != nil {
			t.Fatal(m, err)
		}
		t.Logf("%s: detects %.2f %% = %.0f of %.0f, budget %.0f, correlation %.3f, false alarms %.3f", m, 100*d.Power.Relative, d.Power.Total, d.Expected, d.Budget, d.Correlation, d.Power.FalseAlarms)
		if !(d.Power.Total > 0 && d.Power.Total < 147337) || d.Power.FalseAlarms > 0.25 || d.Usual != 0 {
			t.Errorf("%s: %+v", m, d.Power)
		}
		for i, c := range d.Power.Curve {
			if c.Share < 0 || c.Share > 1 || i > 0 && c.Share < d.Power.Curve[i-1].Share || c.Relative == d.Power.Relative && math.Abs(c.Share-0.8) > 0.01 {
				t.Errorf("%s: %+v", m, d.Power.Curve)
			}
		}
	}
}

// One of three: a third is treated; regions without response are left out, and
// those without partners are control.
func TestDesignOneOfThree(t *testing.T) {
	t.Parallel()
	g := regions(rand.New(rand.NewPCG(2, 2)), 11, 60, 14, 0.1, 0)
	for d := range g.Panel.Response[4] {
		g.Panel.Response[4][d] = 0
	}
	o := designOptions()
	o.OneOf = 3
	d, err := g.Panel.Design(g.Pre, o)
	if err != nil {
		t.Fatal(err)
	}
	arms := map[Arm]int{}
	for _, r := range d.Regions {
		arms[r.Arm]++
	}
	if arms[Treated] != 3 || arms[Control] != 7 || arms[LeftOut] != 1 || d.Regions[4] != (Assignment{Geo: "E"}) {
		t.Errorf("%v, %+v", arms, d.Regions)
	}
}

func TestDesignSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	g := regions(rand.New(rand.NewPCG(2, 2)), 4, 60, 14, 0.1, 0)
	for want, change := range map[string]func(*DesignOptions){
		"the test has 0 days":      func(o *DesignOptions) { o.Days = 0 },
		"it needs 74":              func(o *DesignOptions) { o.Days = 60 },
		"one region of 1":          func(o *DesignOptions) { o.OneOf = 1 },
		"there must be 6 at least": func(o *DesignOptions) { o.OneOf = 3 },
		`no method "x"`:            func(o *DesignOptions) { o.Method = "x" },
		"the level":                func(o *DesignOptions) { o.Level = 1 },
		"the power is 0":           func(o *DesignOptions) { o.Power = 0 },
		"return aimed at is -1":    func(o *DesignOptions) { o.IROAS = -1 },
		"5 placebos; give 20 to":   func(o *DesignOptions) { o.Placebos = 5 },
	} {
		o := designOptions()
		change(&o)
		if d, err := g.Panel.Design(g.Pre, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %+v, want %q", err, d.Power, want)
		}
	}
	if _, err := g.Panel.Design(Period{g.Pre.From.AddDays(-1), g.Pre.To}, designOptions()); err == nil || !strings.Contains(err.Error(), "is not within the data") {
		t.Error(err)
	}
}

// What a switchback plan can show, by history alone, is shown as often as was
// asked for.
func TestSwitchbackDetectable(t *testing.T) {
	t.Parallel()
	plan, err := PlanSwitchback(civil.MustParse("2026-06-03"), 56, 1, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	trials := few(400)
	shown := 0
	for r := range trials {
		rnd := rand.New(rand.NewPCG(uint64(r), 12))
		before, err := PlanSwitchback(civil.MustParse("2026-01-02"), 140, 1, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		history := shop(rnd, before, 0, 1)
		p, err := plan.Detectable(history, 0.9, 0.8, uint64(r))
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&SwitchbackTest{Plan: plan, Days: shop(rnd, plan, p.Total/28, p.Total/28)}).Analyse(0.9, uint64(r))
		if err != nil {
			t.Fatal(err)
		}
		if res.Lift.Low > 0 {
			shown++
		}
		if !(p.Relative > 0 && p.Relative < 0.1) || p.FalseAlarms > 0.3 {
			t.Errorf("%+v", p)
		}
	}
	share := float64(shown) / float64(trials)
	t.Logf("shown in %.0f %% of the tests", 100*share)
	if share < 0.7 || share > 0.9 {
		t.Errorf("shown in %v of the tests, want 0.8", share)
	}
	if _, err := plan.Detectable(nil, 0.9, 0.8, 1); err == nil {
		t.Error("no history passes")
	}
	short, _ := PlanSwitchback(civil.MustParse("2026-05-01"), 14, 1, 0, 1)
	if _, err := plan.Detectable(shop(rand.New(rand.NewPCG(1, 1)), short, 0, 1), 0.9, 0.8, 1); err == nil || !strings.Contains(err.Error(), "must fit into them") {
		t.Error(err)
	}
}

package ltv

import (
	"math"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/shareddata"
)

func cdnow(t testing.TB, name string) *OrderLog {
	t.Helper()
	l, err := ReadOrders(shareddata.Open(t, "ltv/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var calibrationEnd = civil.MustParse("1997-09-30")

func near(t testing.TB, what string, got, want, rel float64) {
	t.Helper()
	if !(math.Abs(got-want) <= rel*math.Abs(want)) {
		t.Errorf("%s is %.10g, want %.10g", what, got, want)
	}
}

// Values published by Fader, Hardie and Lee and by Batislam et al., and those
// that other packages reproduce.
func TestPublishedOrderFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file  string
		model Model
		want  []float64
		rel   float64
		ll    float64
	}{
		{"cdnow_sample.csv", BGNBD, []float64{.242595, 4.413603, .792922, 2.425906}, 5e-6, -9582.4292},
		{"cdnow_sample.csv", MBGNBD, []float64{.52484, 6.18308, .89136, 1.61400}, 1e-5, -9582.1357},
		// The published beta stops a little short of the maximum, which is flat.
		{"cdnow_sample.csv", ParetoNBD, []float64{.55327, 10.5776, .60629, 11.6704}, 2e-4, -9594.9762},
		{"cdnow_master.csv", BGNBD, []float64{.251624, 4.788945, .723434, 2.161087}, 5e-6, -95368.444},
	} {
		rows := Merge(cdnow(t, c.file).Histories(calibrationEnd), 7)
		f, err := FitOrders(c.model, rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range c.model.pack(f.Params) {
			near(t, c.file+" "+string(c.model)+" "+c.model.Names()[i], v, c.want[i], c.rel)
		}
		near(t, c.file+" "+string(c.model)+" log-likelihood", f.LogLikelihood, c.ll, 1e-8)
		if c.model == BGNBD && c.file == "cdnow_sample.csv" {
			for n, se := range map[string]float64{"r": .01256, "alpha": .37822, "a": .18573, "b": .70541} {
				near(t, "standard error of "+n, f.SE[n], se, 1e-3)
			}
		}
		if at := newLattice(rows).logLik(c.model, c.want, make([]float64, 4)); at > f.LogLikelihood+1e-7 || at < f.LogLikelihood-1e-4 {
			t.Errorf("%s %s: %.6f at the published parameters, %.6f at ours", c.file, c.model, at, f.LogLikelihood)
		}
		if len(f.Warnings) > 0 {
			t.Errorf("warnings: %v", f.Warnings)
		}
	}
}

func TestPublishedSpendFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file      string
		all       bool
		customers int
		want      [3]float64
		rel, ll   float64
	}{
		{"cdnow_sample.csv", false, 946, [3]float64{6.24957, 3.74422, 15.44352}, 2e-6, -4055.9177},
		{"cdnow_sample.csv", true, 2349, [3]float64{9.8812, 3.3987, 7.9286}, 3e-5, -9898.4510},
		{"cdnow_master.csv", false, 9450, [3]float64{6.275359, 3.624450, 14.983689}, 2e-6, -40763.476},
	} {
		s, err := FitSpend(spendRows(cdnow(t, c.file).Histories(calibrationEnd), c.all))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range []float64{s.P, s.Q, s.V} {
			near(t, c.file+" parameter", v, c.want[i], c.rel)
		}
		near(t, c.file+" log-likelihood", s.LogLikelihood, c.ll, 2e-8)
		if s.Customers != c.customers {
			t.Errorf("%d customers, want %d", s.Customers, c.customers)
		}
	}
}

// The published holdout of each model, in every column, rounded as published.
func TestHoldoutOfCDNOW(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file                        string
		model                       Model
		all                         bool
		orders, mae, r, value, gini float64
	}{
		{"cdnow_sample.csv", BGNBD, false, -12.2, .7855, .626, -15.6, .638},
		{"cdnow_sample.csv", ParetoNBD, true, -11.5, .7545, .630, -15.8, .693},
		{"cdnow_master.csv", BGNBD, false, -14.3, .8187, .669, -17.3, .672},
		{"cdnow_master.csv", ParetoNBD, true, -12.9, .7938, .671, -16.8, .720},
	} {
		a, err := Analyse(cdnow(t, c.file), Question{Model: c.model, Observe: calibrationEnd, Unit: "week", Horizon: 365, Discount: 0.1, SpendAll: c.all, Margin: 1, Rand: seeded(), Clock: still})
		if err != nil {
			t.Fatal(err)
		}
		h := a.Holdout
		for _, v := range []struct {
			name            string
			got, want, unit float64
		}{
			{"orders error %", *h.OrdersErrorPct, c.orders, 0.1}, {"MAE", h.MAE, c.mae, 1e-4}, {"r", h.Correlation, c.r, 1e-3},
			{"value error %", *h.ValueErrorPct, c.value, 0.1}, {"value Gini", *h.ValueGini, c.gini, 1e-3},
		} {
			if math.Abs(v.got-v.want) > 0.6*v.unit { // the table is rounded, and its parameters stop a little short
				t.Errorf("%s %s: %s is %.5f, want %g", c.file, c.model, v.name, v.got, v.want)
			}
		}
		if h.Coverage80 < 0.75 || h.Coverage80 > 0.85 {
			t.Errorf("%s %s: %.3f of customers in their 80 %% interval", c.file, c.model, h.Coverage80)
		}
		if c.all && *h.ValueGini <= *h.ValueGiniPastSpend {
			t.Errorf("%s: value Gini %.4f, past spend alone has %.4f", c.file, *h.ValueGini, *h.ValueGiniPastSpend)
		}
	}
}

func TestGini(t *testing.T) {
	t.Parallel()
	actual := []float64{0, 0, 5, 20}
	for _, c := range []struct {
		predicted []float64
		want      float64
	}{{[]float64{1, 2, 3, 4}, 1}, {[]float64{7, 7, 7, 7}, 0}, {[]float64{4, 3, 2, 1}, -1}} {
		got := gini(c.predicted, actual)
		if got == nil || math.Abs(*got-c.want) > 1e-12 {
			t.Errorf("%v: %v, want %g", c.predicted, *got, c.want)
		}
	}
	if gini([]float64{1, 2}, []float64{0, 0}) != nil || gini([]float64{1, 2}, []float64{3, 3}) != nil {
		t.Error("where nothing differs there is no Gini")
	}
}

package market

import (
	"math"
	"strings"
	"testing"
)

// A platform's estimates follow the truth around the present budget, but for an
// error in the elasticity that differs between campaigns and weeks.
func TestSimulationsAreNearTheTruth(t *testing.T) {
	t.Parallel()
	const campaigns = 200
	var b strings.Builder
	b.WriteString(`{"name": "s", "seed": 3, "start": "2026-03-02", "nights": 30, "currency": "EUR", "history_days": 20, "campaigns": [`)
	for i := range campaigns {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`{"id": "c` + strings.Repeat("i", i) + `", "platform": "google", "type": "search", "budget": 100, "n": 800, "p": 0.6, "v": 2, "sigma": 0.9, "iota": 0.5, "noise": 0.1}`)
	}
	b.WriteString(`]}`)
	sc, err := ReadScenario(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(sc)
	if err != nil {
		t.Fatal(err)
	}
	var sum, squares float64
	for i := range campaigns {
		points := m.Simulate(i)
		if len(points) != len(simulatedBudgets) {
			t.Fatalf("%d points", len(points))
		}
		lo, hi := points[4], points[6] // 0.9 and 1.1 times the budget
		var before, after float64
		for _, x := range m.campaigns[i].days[len(m.campaigns[i].days)-simulatedDays:] {
			before += m.campaigns[i].spec.response(x.demand, lo.Budget)
			after += m.campaigns[i].spec.response(x.demand, hi.Budget)
		}
		off := (math.Log(hi.Value/lo.Value) - math.Log(after/before)) / math.Log(1.1/0.9)
		sum, squares = sum+off, squares+off*off
	}
	mean := sum / campaigns
	sd := math.Sqrt(squares/campaigns - mean*mean)
	if math.Abs(mean) > 0.03 || math.Abs(sd-simulationError) > 0.02 {
		t.Errorf("elasticities are off by %.3f ± %.3f, want 0 ± %g", mean, sd, simulationError)
	}
}

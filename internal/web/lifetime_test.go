package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/store"
)

// TestLifetimePage shows what the newest night stored: every chart wide and
// narrow with its table, the warning, and words where there is no chart.
func TestLifetimePage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	viewer := x.as("viewer")
	if a := x.get("/value/lifetime", viewer); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No night has stored this yet") {
		t.Errorf("before any night: %d", a.StatusCode)
	}
	p := 0.25
	d := ltv.Diagnostics{Model: ltv.BGNBD, Currency: "EUR", First: civil.MustParse("2025-01-01"), Until: testDay, Cut: civil.MustParse("2025-09-01"),
		Frequency: ltv.FrequencyCheck{Finding: ltv.Finding{Says: "The model expects <b>.", Off: true}, Actual: []float64{70, 20, 4, 3, 1, 1, 1, 0}, Expected: []float64{68, 22, 4, 3, 1, 1, .5, .5}},
		Tracking:  ltv.Tracking{Weeks: []ltv.Week{{Last: civil.MustParse("2025-08-25"), Actual: 4, Expected: 3, ActualToDate: 4, ExpectedToDate: 3}, {Last: civil.MustParse("2025-09-01"), Actual: 2, Expected: 3, ActualToDate: 6, ExpectedToDate: 6}}},
		Alive:     ltv.AliveMap{MedianAge: 90, Since: []int{0, 30}, Cells: [][]ltv.AliveCell{{{Customers: 9, PAlive: &p}, {}}, {{}, {}}}, Customers: 100, Active: 61},
		Tenths:    ltv.Lift{Finding: ltv.Finding{Missing: "Too few customers for tenths."}},
		Cohorts: ltv.Triangle{Expected: []ltv.CohortExpected{{Orders: .2, Value: 8}}, Cohorts: []ltv.Cohort{{Month: "2025-01", Customers: 80, RepeatOrders: 20, RepeatValue: 800,
			Ages: []ltv.CohortCell{{Customers: 80, Active: 15, Orders: 20, Value: 800}}}}}}
	body, err := json.Marshal(d)
	must(t, err)
	must(t, x.store.PutModels(t.Context(), []store.Model{{RunID: shop + "/" + testDay.String(), Kind: "ltv_diagnostics", Body: string(body)}}))
	page := x.get("/value/lifetime", viewer).Text
	for what, want := range map[string]int{
		`class="drawing drawing-wide"`: 5, `class="drawing drawing-narrow"`: 5, `<figure class="chart"`: 6, `Same as a table`: 5, `role="img"`: 10,
		"Too few customers for tenths.": 1, "&lt;b&gt;": 1, `href="#frequency"`: 1, `id="frequency"`: 1, `class="caption warn"`: 1,
		`Value a customer, EUR`: 1, "61 still active": 1, ">10.00</text>": 2,
	} {
		if got := strings.Count(page, what); got != want {
			t.Errorf("%q is there %d times, want %d", what, got, want)
		}
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "style=") {
		t.Error("a number that is none, or a style that the policy forbids")
	}
}

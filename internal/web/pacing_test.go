package web

import (
	"encoding/json"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/store"
)

// fillMonths stores two monthly budgets, one of which is not foreseen.
func (x *site) fillMonths() {
	x.t.Helper()
	const e = money.One
	first := testDay.AddDays(-testDay.Time().Day() + 1)
	months := []bidding.Month{
		{Pace: guard.Pace{Name: "Every <b>", Currency: "EUR", Budget: 30000 * e, Forecast: 33000 * e, Known: true, Room: -150 * e, Over: true},
			First: first, Last: first + 29, Today: testDay, DaysLeft: 12, Spent: 20000 * e, Low: 32000 * e, High: 34500 * e, Most: 40000 * e,
			PerDay: 1083 * e, Left: 833 * e, State: bidding.Above, Why: "It lands <i>above</i>."},
		{Pace: guard.Pace{Name: "Nothing", Currency: "JPY", Budget: 5000 * e}, State: bidding.Unforeseen, Why: "No campaign."},
	}
	var models []store.Model
	for _, m := range months {
		b, err := json.Marshal(m)
		must(x.t, err)
		models = append(models, store.Model{RunID: shop + "/" + testDay.String(), Kind: "pacing", Key: m.Name, Body: string(b)})
	}
	must(x.t, x.store.PutModels(x.t.Context(), models))
}

func TestMonthlyBudgetsOnThePageOfChanges(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	cookie := x.as(viewer)
	x.fill(3)
	if a := x.get("/", cookie); strings.Contains(a.Text, "Monthly budgets") {
		t.Error("without monthly budgets the page speaks of them")
	}
	x.fillMonths()
	a := x.get("/", cookie)
	hasAll(t, "the page", a.Text, "Monthly budgets", "Every &lt;b&gt;", "12 days left", "20,000", "33,000", "32,000 – 34,500", "30,000 EUR", "1,083", "833",
		`<b class="neg">above its budget</b>`, "It lands &lt;i&gt;above&lt;/i&gt;.", `class="whisk neg"`, "5,000 JPY", "not known yet", "No campaign.")
	// The scale ends at the interval's upper end: the budget stands at 30,000 of 34,500.
	if x := coord(whiskPad + 30000.0/34500*(paceWidth-2*whiskPad)); !strings.Contains(a.Text, `<line class="ruler-even" x1="`+x+`"`) {
		t.Errorf("the budget is not drawn at %s", x)
	}
	if n := strings.Count(a.Text, `class="pace-spent"`); n != 1 {
		t.Errorf("%d bars are drawn, want one", n)
	}
}

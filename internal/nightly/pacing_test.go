package nightly

import (
	"strings"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// pacedNight runs a night of six campaigns of 100 a day under a monthly budget.
// It is 10 March, so 900 of each are spent.
func pacedNight(t *testing.T, months ...guard.Monthly) *desk {
	t.Helper()
	d := setup(t, storetest.Open(t), 6)
	today := civil.Of(testNow)
	d.history(60, today)
	d.Shops[0].Policy.Monthly = months
	if r := runQueued(t, d.Steward, today); r.State != Done {
		t.Fatalf("the run is %s: %s", r.State, stageErrors(t, d.Store, r.RunID))
	}
	return d
}

func TestANightStoresWhereItsMonthsStand(t *testing.T) {
	t.Parallel()
	d := pacedNight(t, guard.Monthly{Name: "all", Budget: 16000})
	_, months, err := newestPacing(t.Context(), d.Store.Queries, "shop")
	if err != nil || len(months) != 1 {
		t.Fatalf("%v, %v", months, err)
	}
	m := months[0]
	// 31 days at 600, of which 30.4 are charged.
	if m.Spent.Float() < 5300 || m.Spent.Float() > 5500 || m.Forecast.Float() < 17900 || m.Forecast.Float() > 18300 || m.DaysLeft != 22 || len(m.Units) != 6 {
		t.Errorf("month %+v", m)
	}
	if m.State != bidding.Above || m.Wanted >= m.Budgets {
		t.Errorf("a month that lands at %v of 16,000 is %s", m.Forecast.Float(), m.State)
	}
	var change money.Micros
	for _, p := range open(t, d.Store) {
		change += p.Proposed - p.Seen
	}
	if want := max(m.Room, -90*money.One); change > want+money.One { // steps of 15 %
		t.Errorf("the proposals change the budgets by %v a day, the month asks for %v", change.Float(), want.Float())
	}
	if _, months, err := newestPacing(t.Context(), pacedNight(t).Store.Queries, "shop"); err != nil || len(months) != 0 {
		t.Errorf("without monthly budgets a night stores %v, %v", months, err)
	}
}

// Of a plan that lands as a whole, somebody approves only the increases.
func TestAnIncreaseAloneIsNotPushedAboveTheMonth(t *testing.T) {
	t.Parallel()
	d := pacedNight(t, guard.Monthly{Name: "all", Budget: 18100}) // on course
	var up, down []store.Proposal
	for _, p := range open(t, d.Store) {
		if p.Proposed > p.Seen {
			up = append(up, p)
		} else {
			down = append(down, p)
		}
	}
	if len(up) == 0 || len(down) == 0 {
		t.Fatalf("%d increases and %d cuts", len(up), len(down))
	}
	d.now = testNow.Add(time.Hour)
	d.mustApprove(t, up[0].ProposalID)
	out := d.Apply(t.Context(), "ann", nil)
	if len(out) != 1 || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "monthly_cap (monthly.all)") {
		t.Fatalf("an increase without the cuts: %+v", out)
	}
	for _, p := range append(down, up[1:]...) {
		d.mustApprove(t, p.ProposalID)
	}
	for _, o := range d.Apply(t.Context(), "ann", nil) {
		if o.Err != nil || o.State != bidding.Applied {
			t.Errorf("with the cuts: %+v", o)
		}
	}
}

package present_test

import (
	"encoding/json"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/present"
	"adsteward/store"
)

func TestMonthsAreSaidInALine(t *testing.T) {
	t.Parallel()
	const e = money.One
	m := bidding.Month{Pace: guard.Pace{Name: "All", Currency: "EUR", Budget: 3000 * e, Forecast: 3300 * e, Known: true}, First: civil.MustParse("2028-02-01"),
		DaysLeft: 9, Spent: 2000 * e, Low: 3200 * e, High: 3400 * e, Left: 111_110_000, Why: "It lands above."}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := present.ReadMonths("shop", []store.Model{{Key: "All", Body: string(b)}})
	if err != nil || len(got) != 1 || got[0].Month.Spent != m.Spent || got[0].Account != "shop" {
		t.Fatalf("%+v, %v", got, err)
	}
	if want := "All, February 2028: 2,000.00 of 3,000.00 EUR spent, lands at 3,300.00 (80 %: 3,200.00 to 3,400.00), 111.11 a day left for 9 days. It lands above."; got[0].Line() != want {
		t.Errorf("got %s", got[0].Line())
	}
	out, err := json.Marshal(got[0])
	for _, want := range []string{`"account":"shop"`, `"name":"All"`, `"forecast":3300`, `"first":"2028-02-01"`, `"left_per_day":111.11`} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("JSON %s lacks %s (%v)", out, want, err)
		}
	}
	if _, err := present.ReadMonths("shop", []store.Model{{Key: "All", Body: "{"}}); err == nil || !strings.Contains(err.Error(), "All") {
		t.Errorf("a broken model: %v", err)
	}
}

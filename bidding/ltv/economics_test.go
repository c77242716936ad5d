package ltv

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// acquisition is 60 days' spend by campaign, in euros, at a margin of 40 %.
func acquisition(spend ...any) Acquisition {
	a := Acquisition{Days: 60, Currency: "EUR", Spend: map[string]money.Micros{}, DefaultMargin: 0.4}
	for i := 0; i < len(spend); i += 2 {
		a.Spend[spend[i].(string)] = money.Micros(spend[i+1].(int)) * money.One
	}
	return a
}

func TestWhatACustomerCosts(t *testing.T) {
	t.Parallel()
	w := newWorld(8)
	f, err := FitNight(w.build(t, map[string][2]float64{"": {4000, 1}}), Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	end := civil.MustParse("2026-01-31")
	var rows []dayRow
	add := func(n int, age int, s Source) {
		for range n {
			rows = append(rows, dayRow{fmt.Sprintf("c%05d", len(rows)), s, end.AddDays(-age), 50})
		}
	}
	add(80, 20, Source{Campaign: "google:1", Category: "shoes", Country: "DE"})
	add(20, 20, Source{Campaign: "google:1", Category: "bags", Country: "DE"})
	add(50, 20, Source{Campaign: "google:2", Category: "shoes", Country: "AT"})
	add(10, 20, Source{Campaign: "meta:3", Category: "bags", Country: "AT"})
	add(40, 20, Source{Campaign: "", Category: "shoes", Country: "DE"})
	add(70, 200, Source{Campaign: "google:1", Category: "shoes", Country: "DE"}) // not new
	g := profiled(t, f, end, rows)
	in := acquisition("google:1", 1000, "google:2", 4000, "google:9", 300)
	in.Foreign = map[string]bool{"meta:3": true}
	in.Margin = map[string]float64{"google:1": 0.5}
	g.Price(f, in)
	by := map[string]Segment{}
	for _, s := range g.Segments {
		by[s.Key()] = s
	}
	cac := func(key string) float64 {
		if by[key].CAC == nil {
			return math.NaN()
		}
		return *by[key].CAC
	}
	near(t, "CAC of campaign 1", cac("platform=google/campaign=1"), 10, 1e-12)
	near(t, "CAC of campaign 2", cac("platform=google/campaign=2"), 80, 1e-12)
	near(t, "CAC of Google, the campaign that won nobody in it", cac("platform=google"), 5300.0/150, 1e-12)
	one := by["platform=google/campaign=1"]
	near(t, "lifetime value", one.LTV, 0.5*50*one.Lambda.Value, 1e-12)
	near(t, "LTV:CAC", *one.LTVToCAC, one.LTV/10, 1e-12)
	if *one.PaybackDay != 0 || by["platform=google/campaign=2"].Margin != 0.4 {
		t.Errorf("%+v", one)
	}
	if why := strings.Join(one.Why, " "); !strings.Contains(why, "margin of a first order of EUR 50.00, times") || !strings.Contains(why, "EUR 1,000.00 spent in 60 days for 100 new customers: EUR 10.00 each.") {
		t.Errorf("the words of campaign 1: %s", why)
	}
	if got := amount(2154.43, "JPY"); got != "JPY 2,154" {
		t.Errorf("yen are written as %s", got)
	}
	for key, word := range map[string]string{
		"":                           "another currency",
		"platform=meta":              "another currency",
		"platform=":                  "no advertisement was clicked",
		"platform=google/campaign=9": "no new customer came",
		"category=bags":              "another currency", // campaign 3 sells them too
		"country=AT":                 "another currency",
	} {
		s, ok := by[key]
		if !ok || s.CAC != nil || s.LTVToCAC != nil || s.PaybackDay != nil || !strings.Contains(strings.Join(s.Why, " "), word) {
			t.Errorf("%q: %v %+v", key, ok, s)
		}
	}
	// All of Germany's came by campaign 1 or without a click.
	near(t, "CAC of Germany", cac("country=DE"), 1000.0/140, 1e-12)

	// The day of payback against a walk along the curve.
	slow := by["platform=google/campaign=2"]
	for _, cost := range []float64{20.01, 21, 25, 1e9} {
		got := slow.payback(f, cost)
		theta := (slow.Lambda.Value - 1) / (f.DefaultLambda() - 1)
		want := -1
		for day := 0; day <= 365 && want < 0; day++ {
			if 0.4*50*(1+theta*f.Orders.NewCustomer().Orders(float64(day))*f.Spend.Mean/f.FirstValue) >= cost {
				want = day
			}
		}
		if (got == nil) != (want < 0) || got != nil && *got != want {
			t.Errorf("a cost of %g is earned back on day %v, not %d", cost, got, want)
		}
	}
	if slow.payback(f, 20) == nil || *slow.payback(f, 20) != 0 {
		t.Error("the first order earns its own margin on day 0")
	}
}

package market_test

import (
	"math"
	"testing"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// The ad groups of a campaign add up to it day by day, have the parts that are
// documented, and leave everything else of the market as it was; each has a bid of its
// own. With chance a part of a sale is in none.
func TestAdGroupsAddUp(t *testing.T) {
	t.Parallel()
	for name, noise := range map[string]string{"by chance": "0.15", "evenly": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const head = `{"name": "groups", "seed": 5, "start": "2026-03-01", "history_days": 200, "campaigns": [
				{"id": "one", "platform": "google", "budget": 40, "bidding": "manual_cpc"},
				{"id": "g", "platform": "google", "budget": 90, "bidding": "manual_cpc", "noise": `
			plain, m := newMarket(t, head+noise+"}]}"), newMarket(t, head+noise+`, "ad_groups": 3}]}`)
			from, to := m.Today()-200, m.Today()-1
			before := plain.Report("", from, to)
			for i, d := range m.Report("", from, to) {
				if d != before[i] {
					t.Fatalf("with ad groups the day is %+v, without %+v", d, before[i])
				}
			}
			days := map[platform.Performance]platform.Performance{} // of a campaign's day: what its ad groups come to
			var of [3]platform.Performance
			for _, d := range m.GroupReport(platform.Google, from, to) {
				day := before[d.Campaign*200+d.Date.Sub(from)]
				if d.Campaign == 0 && d.Performance != day {
					t.Fatalf("the only ad group has %+v, its campaign %+v", d, day)
				}
				s := days[day]
				days[day] = plus(s, d.Performance)
				if d.Campaign == 1 {
					of[d.Group] = plus(of[d.Group], d.Performance)
					if whole := d.Conversions == math.Trunc(d.Conversions); noise != "0" && (!whole || (d.Conversions == 0) != (d.Value == 0)) {
						t.Fatalf("half a sale: %+v", d)
					}
				}
			}
			if len(days) != 400 {
				t.Fatalf("%d days", len(days))
			}
			for day, s := range days {
				if math.Abs(s.Conversions-day.Conversions) > 1e-9 {
					t.Errorf("on %s there are %v conversions in all, %v in the campaign", day.Date, s.Conversions, day.Conversions)
				}
				if s.Entity, s.Date, s.Conversions = day.Entity, day.Date, day.Conversions; s != day {
					t.Errorf("the ad groups come to %+v, the campaign to %+v", s, day)
				}
			}
			sum := plus(plus(of[0], of[1]), of[2])
			for i, p := range of {
				x := float64(i + 1)
				if got, want := p.Cost.Float()/sum.Cost.Float(), 1/x/(1+1/2.+1/3.); math.Abs(got-want) > 0.001 {
					t.Errorf("ad group %d has %.4f of the spend, want %.4f", i, got, want)
				}
				if got, want := p.Conversions/sum.Conversions, 1/(x*x)/(1+1/4.+1/9.); math.Abs(got-want) > 0.02 {
					t.Errorf("ad group %d has %.3f of the sales, want %.3f", i, got, want)
				}
			}
		})
	}
}

func plus(a, b platform.Performance) platform.Performance {
	return platform.Performance{Cost: a.Cost + b.Cost, Value: a.Value + b.Value, Conversions: a.Conversions + b.Conversions,
		Clicks: a.Clicks + b.Clicks, Impressions: a.Impressions + b.Impressions, Eligible: a.Eligible + b.Eligible}
}

func TestAdGroupsBidForThemselves(t *testing.T) {
	t.Parallel()
	m := newMarket(t, `{"name": "groups", "seed": 5, "start": "2026-03-01", "history_days": 5, "campaigns": [
		{"id": "g", "platform": "google", "name": "Shoes", "p": 0.5, "bidding": "manual_cpc", "ad_groups": 2}]}`)
	groups := func(m *market.Market) []market.Group { return m.Campaigns("")[0].Groups }
	second := groups(m)[1]
	if err := m.SetBid(second.Key, 700_000, "ann", "web"); err != nil {
		t.Fatal(err)
	}
	again, err := market.Restore(m.Scenario(), m.Journal())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*market.Market{m, again} {
		if got := groups(m); got[0] != (market.Group{Key: "g", Name: "Shoes ad group 1", Bid: money.One / 2}) || got[1].Bid != 700_000 || got[1].Name != "Shoes ad group 2" {
			t.Errorf("ad groups %+v", got)
		}
		if e := m.Changes(""); len(e) != 1 || e[0].Key != second.Key || e[0].Old != money.One/2 || e[0].Field != platform.CPCBid {
			t.Errorf("changes %+v", e)
		}
	}
}

// Several ad sets with a minimum ROAS each have no bids, and the market goes by the mean of
// their minimums, by clicks: one raised by a third moves it by its part of the clicks.
func TestAdSetsHaveMinimumsOfTheirOwn(t *testing.T) {
	t.Parallel()
	const head = `{"name": "floors", "seed": 5, "start": "2026-03-01", "history_days": 5, "campaigns": [
		{"id": "m", "platform": "meta", "name": "Film", "budget": 900, "noise": 0, "target_roas": `
	m, same, single := newMarket(t, head+`4.5, "ad_sets": 2}]}`), newMarket(t, head+`4.5, "ad_sets": 2}]}`), newMarket(t, head+"4.5}]}")
	second := m.Campaigns("")[0].Groups[1]
	if second != (market.Group{Key: "m ad set 2", Name: "Film ad set 2", Floor: 4_500_000}) {
		t.Fatalf("%+v", second)
	}
	if err := m.SetBid(second.Key, money.One, "ann", "web"); err == nil {
		t.Error("it takes a bid")
	}
	const mean = 5 * money.One // of 4.5 at two thirds and 6 at a third
	for key, v := range map[string]money.Micros{"m": 4_500_000, second.Key: 6 * money.One} {
		if err := m.SetTargetROAS(key, v, "ann", "web"); err != nil {
			t.Fatal(err)
		}
	}
	if err := single.SetTargetROAS("m", mean, "ann", "web"); err != nil {
		t.Fatal(err)
	}
	again, err := market.Restore(m.Scenario(), m.Journal())
	if err != nil {
		t.Fatal(err)
	}
	day := m.Today()
	of := func(m *market.Market) money.Micros {
		m.AdvanceTo(day + 1)
		return m.Report("", day, day)[0].Cost
	}
	want, before := of(single), of(same)
	for _, m := range []*market.Market{m, again} {
		c := m.Campaigns("")[0]
		if c.TargetROAS != mean || c.Groups[0].Floor != 4_500_000 || c.Groups[1].Floor != 6*money.One || c.Learning != "target" {
			t.Errorf("%+v", c)
		}
		if got := of(m); got != want || got >= before {
			t.Errorf("it spends %v; a campaign of that minimum %v, and with 4.5 %v", got, want, before)
		}
		if e := m.Changes(""); len(e) != 1 || e[0].Key != second.Key || e[0].Old != 4_500_000 || e[0].Field != platform.TargetROAS {
			t.Errorf("changes %+v", e)
		}
	}
}

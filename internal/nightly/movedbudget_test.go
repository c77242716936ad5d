package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// leveledAds is an ad account of one campaign, m, with the ad sets a, b and gone, which
// take six, three and one tenth of its days. It tells of the campaign where that owns the
// budget, else of the ad sets, one after the other; of gone no more once it is.
type leveledAds struct {
	*fakeAds
	onSets, gone bool
	noParts      bool
	breaks       int // after so many ad sets; 0: never
	asked        []string
}

var leveledSets = []struct {
	id     string
	tenths money.Micros
}{{"a", 6}, {"b", 3}, {"gone", 1}}

var leveled = platform.Ref{Type: platform.Campaign, ID: "m"}

func (a *leveledAds) Structure(context.Context) ([]platform.Entity, error) {
	m := platform.Entity{Ref: leveled, Name: "M", Status: platform.Enabled, Channel: "sales", Fields: map[platform.Field]money.Micros{}}
	if !a.onSets {
		m.Budget, m.Fields[platform.DailyBudget] = leveled, 100*money.One
	}
	out := []platform.Entity{m}
	for _, s := range leveledSets {
		if s.id == "gone" && a.gone {
			continue
		}
		e := platform.Entity{Ref: platform.Ref{Type: platform.AdSet, ID: s.id}, Name: s.id, Status: platform.Enabled, Parent: leveled, Budget: leveled,
			Fields: map[platform.Field]money.Micros{platform.BidAmount: money.One}}
		if a.onSets {
			e.Budget, e.Fields[platform.DailyBudget] = e.Ref, s.tenths*10*money.One
		}
		out = append(out, e)
	}
	return out, nil
}

func (a *leveledAds) day(r platform.Ref, d civil.Date, tenths money.Micros) platform.Performance {
	spend := (50 + money.Micros(d%7)) * tenths * money.One / 10
	return platform.Performance{Entity: r, Date: d, Cost: spend, Value: 3 * spend, Conversions: spend.Float() / 20, Clicks: 100, Impressions: 1000}
}

func (a *leveledAds) Performance(ctx context.Context, from, to civil.Date, yield func([]platform.Performance) error) error {
	a.asked = append(a.asked, fmt.Sprint(from))
	if a.onSets {
		return a.sets(from, to, yield)
	}
	var out []platform.Performance
	for d := from; d <= to; d++ {
		out = append(out, a.day(leveled, d, 10))
	}
	return yield(out)
}

func (a *leveledAds) PartPerformance(_ context.Context, _ []platform.Ref, from, to civil.Date, yield func([]platform.Performance) error) error {
	a.asked = append(a.asked, fmt.Sprint("parts ", from))
	return a.sets(from, to, yield)
}

func (a *leveledAds) sets(from, to civil.Date, yield func([]platform.Performance) error) error {
	for i, s := range leveledSets {
		if a.breaks > 0 && i == a.breaks {
			return errors.New("it broke")
		}
		var out []platform.Performance
		for d := from; d <= to && !(s.id == "gone" && a.gone); d++ {
			out = append(out, a.day(platform.Ref{Type: platform.AdSet, ID: s.id}, d, s.tenths))
		}
		if err := yield(out); err != nil {
			return err
		}
	}
	return nil
}

// leveledShop has leveledAds as its one ad account.
type leveledShop struct {
	*desk
	ads  *leveledAds
	date civil.Date
}

func newLeveledShop(t *testing.T, st *store.Store) *leveledShop {
	d := setup(t, st, 1)
	x := &leveledShop{desk: d, date: civil.Of(testNow), ads: &leveledAds{fakeAds: &fakeAds{name: platform.Meta, account: d.ads.account}}}
	x.ads.account.Platform, x.ads.account.ID = platform.Meta, "456"
	d.Shops[0].Expected = []AdAccountName{{platform.Meta, "456", ""}}
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
		c := Connection{AdAccount: "456", Ads: x.ads}
		if !x.ads.noParts {
			c.Parts = x.ads
		}
		return []Connection{c}, nil
	}
	return x
}

// pull pulls as the next night does and returns from which days on it asked.
func (x *leveledShop) pull(t *testing.T, fails bool) []string {
	t.Helper()
	x.ads.asked = nil
	n := &night{Steward: x.Steward, shop: &x.Shops[0], date: x.date, runID: RunID("shop", x.date)}
	if err := x.begin(t.Context(), n.shop, x.date, "test"); err != nil {
		t.Fatal(err)
	}
	rep, err := pull(t.Context(), n)
	if err = errors.Join(err, rep.Partial); (err != nil) != fails {
		t.Fatalf("pull of %s: %v", x.date, err)
	}
	x.now, x.date = x.now.AddDate(0, 0, 1), x.date+1
	return x.ads.asked
}

// once checks that each of the last n days counts once, and was told as often.
func (x *leveledShop) once(t *testing.T, what string, n int) {
	t.Helper()
	spend, told := map[civil.Date]money.Micros{}, map[civil.Date]money.Micros{}
	last := x.date - 2 // of the newest pull
	if err := x.Store.EachPerformance(t.Context(), "shop", last.AddDays(1-n), last, func(p store.Performance) error {
		spend[p.Date] += p.Cost
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	rows, err := x.Store.Restatements(t.Context(), "shop", last.AddDays(1-n))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		told[r.Date] += r.Delta
	}
	for d := last.AddDays(1 - n); d <= last; d++ {
		if want := x.ads.day(leveled, d, 10); spend[d] != want.Cost || told[d] != want.Value {
			t.Fatalf("%s: spend of %s is %v and value %v, want %v and %v", what, d, spend[d], told[d], want.Cost, want.Value)
		}
	}
}

// series are how many days of each entity curves see, and whether sums count its newest.
func (x *leveledShop) series(t *testing.T) map[string]string {
	t.Helper()
	n := &night{Steward: x.Steward, shop: &x.Shops[0], date: x.date - 1, runID: RunID("shop", x.date-1)}
	in, err := n.accountInput(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, a := range in.Accounts {
		for _, s := range a.Performance {
			out[s.Entity.ID] = fmt.Sprint(len(s.Days), " ", s.Part)
		}
	}
	return out
}

// A budget that moves from a campaign to its ad sets and back leaves every day counted
// once, also while a pull fails half-way, and curves see the days before the move.
func TestDaysOfAMovedBudgetCountOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		x := newLeveledShop(t, st)
		x.ads.noParts = true
		x.pull(t, false)
		x.once(t, "the campaign's budget", 90)

		x.ads.onSets, x.ads.breaks = true, 1
		x.pull(t, true)
		// The broken pull told nothing of its newest day: it counts at neither level.
		x.date--
		x.once(t, "a pull that broke on the night of the move", 90)
		x.date++
		x.ads.breaks = 0
		today := x.date
		if got, want := x.pull(t, false), []string{fmt.Sprint(today.AddDays(-90))}; !slices.Equal(got, want) {
			t.Errorf("after the move it asks for %v, want %v", got, want)
		}
		x.once(t, "the ad sets' budgets", 92)
		got := x.series(t)
		if got["a"] != "90 false" || got["b"] != "90 false" || got["m"] != "88 true" {
			t.Errorf("curves see %v", got)
		}
		if got, want := x.pull(t, false), []string{fmt.Sprint(today.AddDays(-31))}; !slices.Equal(got, want) {
			t.Errorf("the night after it asks for %v, want %v", got, want)
		}

		x.ads.onSets, x.ads.noParts = false, false
		x.pull(t, false)
		x.once(t, "the campaign's budget again", 94)
		if got := x.series(t); got["m"] != "90 false" || got["a"] != "90 true" {
			t.Errorf("curves see %v", got)
		}
		x.ads.breaks = 2
		x.pull(t, true)
		x.once(t, "a pull of the ad sets that broke", 95)

		// Known ad sets are not read anew, and what is told of the first alone counts for nothing yet.
		x.ads.onSets, x.ads.breaks = true, 1
		if got, want := x.pull(t, true), []string{fmt.Sprint(x.date.AddDays(-1 - 32))}; !slices.Equal(got, want) {
			t.Errorf("the budget moves once more: it asks for %v, want %v", got, want)
		}
		x.date--
		x.once(t, "a pull of known ad sets that broke", 95)
		x.date++
		x.ads.breaks = 0
		x.pull(t, false)
		x.once(t, "the ad sets' budgets once more", 97)
	})
}

// Where an ad set is gone when the budget moves, the ad sets do not come to what the
// campaign spent before: those days stay its own, tonight and on later nights.
func TestAMovedBudgetLosesNoAdSetThatIsGone(t *testing.T) {
	t.Parallel()
	x := newLeveledShop(t, storetest.Open(t))
	x.pull(t, false)
	x.ads.onSets, x.ads.gone = true, true
	x.pull(t, false)
	x.date--
	x.once(t, "an ad set is gone", 90)
	x.date++
	x.pull(t, false)
	x.date -= 2
	x.once(t, "an ad set has been gone for a night", 90)
}

// An ad set that had a budget of its own and is gone is part of the campaign that owns
// the budget now.
func TestAnAdSetThatIsGoneIsPartOfItsCampaign(t *testing.T) {
	t.Parallel()
	x := newLeveledShop(t, storetest.Open(t))
	x.ads.onSets = true
	x.pull(t, false)
	x.ads.gone = true
	x.ads.onSets = false
	x.pull(t, false)
	x.once(t, "an ad set is gone", 91)
}

// What rounding leaves of the ad sets' spend, or is credited later, is no ad set that is
// gone; a day of which one level tells nothing counts at the other.
func TestWhereADayOfAMovedBudgetCounts(t *testing.T) {
	t.Parallel()
	set := platform.Ref{Type: platform.AdSet, ID: "a"}
	row := func(r platform.Ref, d civil.Date, spend money.Micros, part bool) store.Performance {
		return store.Performance{EntityType: string(r.Type), EntityID: r.ID, Date: d, Cost: spend, Part: part}
	}
	l := &levels{told: byParts}
	m := moved{leveled: l, set: l}
	stored := []store.Performance{row(leveled, 1, 10_000, false), row(leveled, 2, 10_000, false), row(leveled, 3, 10_000, false), row(leveled, 4, 0, false),
		row(set, 2, 1, true), row(platform.Ref{Type: platform.Campaign, ID: "other"}, 1, 5, false)}
	other := row(platform.Ref{Type: platform.AdSet, ID: "b"}, 1, 5, true)
	got := m.once([]store.Performance{row(set, 1, 9_900, false), row(set, 2, 9_899, false), row(set, 5, 0, true), other}, stored)
	want := []store.Performance{row(set, 1, 9_900, false), row(set, 2, 9_899, true), row(set, 5, 0, false), other, row(leveled, 1, 10_000, true)}
	if !slices.Equal(got, want) {
		t.Errorf("to be written: %+v, want %+v", got, want)
	}
}

package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// groupedAds tells of c0 what its ad groups g0 and g1 did, three quarters and a quarter
// of its days, and of c1 what h0 and h1 did.
type groupedAds struct {
	*fakeAds
	asked []string
	fails error
}

func (a *groupedAds) PartPerformance(_ context.Context, campaigns []platform.Ref, from, to civil.Date, yield func([]platform.Performance) error) error {
	a.asked = append(a.asked, fmt.Sprint(campaigns, " ", from, " ", to))
	if a.fails != nil {
		return a.fails
	}
	var out []platform.Performance
	for _, d := range a.days {
		if name := map[string]string{"c0": "g", "c1": "h"}[d.Entity.ID]; name != "" && slices.Contains(campaigns, d.Entity) && from <= d.Date && d.Date <= to {
			small := d
			small.Entity, small.Cost, small.Value, small.Conversions = platform.Ref{Type: platform.AdGroup, ID: name + "1"}, d.Cost/4, d.Value/4, d.Conversions/4
			d.Entity, d.Cost, d.Value, d.Conversions = platform.Ref{Type: platform.AdGroup, ID: name + "0"}, d.Cost-small.Cost, d.Value-small.Value, d.Conversions-small.Conversions
			out = append(out, d, small)
		}
	}
	return yield(out)
}

// The days of ad groups are pulled as those of campaigns are, serve as series of their
// own, and change nothing of what is found out from all days together: claims, worths,
// acquisition costs, how value matures, months, alerts. A night goes on without them.
func TestAdGroupsOfTheNight(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		today := civil.Of(testNow)
		night := func(st *store.Store, told bool) (*desk, *groupedAds) {
			d := setup(t, st, 3)
			d.Shops[0].Policy.Monthly = []guard.Monthly{{Name: "all", Budget: 9000}}
			d.history(90, today)
			for _, id := range []string{"g0", "g1"} {
				d.ads.entities = append(d.ads.entities, platform.Entity{Ref: platform.Ref{Type: platform.AdGroup, ID: id}, Name: id, Status: platform.Enabled,
					Parent: d.ads.entities[0].Ref, Fields: map[platform.Field]money.Micros{platform.CPCBid: money.One}})
			}
			ads := &groupedAds{fakeAds: d.ads}
			d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
				c := Connection{AdAccount: "123", Ads: ads}
				if told {
					c.Parts = ads
				}
				return []Connection{c}, nil
			}
			if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
				t.Fatal(err)
			}
			return d, ads
		}
		d, ads := night(st, true)
		other, _ := night(storetest.Open(t), false)
		found := func(d *desk) map[string]string {
			models, err := d.Store.Models(t.Context(), RunID("shop", today), "")
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]string{}
			for _, m := range models {
				if !slices.Contains([]string{"unit", "target", "curves", "chart", "allocation", "blocked"}, m.Kind) {
					out[m.Kind+" "+m.Key] = m.Body
				}
			}
			return out
		}
		with, without := found(d), found(other)
		for key, body := range without {
			if with[key] != body {
				t.Errorf("%s is %.300s with ad groups, %.300s without", key, with[key], body)
			}
		}
		if len(with) != len(without) || len(without) < 8 {
			t.Errorf("%d models with ad groups, %d without", len(with), len(without))
		}
		units, err := loadModels[bidding.UnitReport](t.Context(), st.Queries, RunID("shop", today), "unit")
		if err != nil {
			t.Fatal(err)
		}
		whole, large := units["google/123/campaign/c0"], units["google/123/ad_group/g0"]
		if share := large.WindowSpend / whole.WindowSpend; share < 0.749 || share > 0.751 || large.Lever == nil || large.Lever.Field != platform.CPCBid {
			t.Errorf("g0 has %v of what c0 spent: %+v", share, large)
		}

		// The next night asks for the same days as of campaigns, and goes on without them.
		d.now, ads.fails = d.now.AddDate(0, 0, 1), errors.New("not today")
		if err := d.RunDirect(t.Context(), "shop", today+1, []Stage{Pull}); err != nil {
			t.Fatal(err)
		}
		if row, err := d.stageRow(t.Context(), RunID("shop", today+1), Pull); err != nil || row.State != Done || !strings.Contains(row.Error, "performance of ad groups: not today") {
			t.Errorf("a report that fails: %+v, %v", row, err)
		}
		if want := []string{fmt.Sprint("[{campaign c0}] ", today-90, " ", today-1), fmt.Sprint("[{campaign c0}] ", today-31, " ", today)}; !slices.Equal(ads.asked, want) {
			t.Errorf("asked %q, want %q", ads.asked, want)
		}
	})
}

// A shop whose ad groups were not read before reads all their days on the first night,
// again where that fails, and on later nights those of the campaigns alone. Of a campaign that
// has spent nothing it asks for no more than these.
func TestAdGroupsAreReadFromTheBeginningOnce(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 3)
	d.history(120, civil.Of(testNow))
	d.ads.days = slices.DeleteFunc(d.ads.days, func(p platform.Performance) bool { return p.Entity.ID == "c2" })
	for i := range 30 { // days on which nothing was served
		d.ads.days = append(d.ads.days, platform.Performance{Entity: d.ads.entities[2].Ref, Date: civil.Of(testNow).AddDays(-i - 50)})
	}
	ads := &groupedAds{fakeAds: d.ads}
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: ads, Parts: ads}}, nil
	}
	date := civil.Of(testNow)
	night := func() []string {
		t.Helper()
		ads.asked = nil
		if err := d.RunDirect(t.Context(), "shop", date, []Stage{Pull}); err != nil {
			t.Fatal(err)
		}
		date, d.now = date+1, d.now.AddDate(0, 0, 1)
		for _, e := range d.ads.entities[:2] {
			day := d.ads.days[0]
			day.Entity, day.Date = e.Ref, date-1
			d.ads.days = append(d.ads.days, day)
		}
		return ads.asked
	}
	give := func(campaign int, ids ...string) {
		for _, id := range ids {
			d.ads.entities = append(d.ads.entities, platform.Entity{Ref: platform.Ref{Type: platform.AdGroup, ID: id}, Name: id, Status: platform.Enabled,
				Parent: d.ads.entities[campaign].Ref, Fields: map[platform.Field]money.Micros{platform.CPCBid: money.One}})
		}
	}
	asks := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: asked %q, want %q", what, got, want)
		}
	}
	newest := func(days int) string { return fmt.Sprint(date.AddDays(-days), " ", date-1) }

	asks("no ad groups", night())
	give(0, "g0", "g1")
	ads.fails = errors.New("not today")
	want := "[{campaign c0}] " + newest(90)
	asks("first night", night(), want)
	ads.fails = nil
	want = "[{campaign c0}] " + newest(90)
	asks("the first failed", night(), want)
	n := 0
	if err := d.Store.PerformanceOf(t.Context(), "shop", "google", "123", []string{"g0"}, 0, date, func(p store.Performance) error {
		n++
		return nil
	}); err != nil || n != 90 {
		t.Errorf("%d days of g0 are stored, want 90: %v", n, err)
	}
	want = "[{campaign c0}] " + newest(32)
	asks("next night", night(), want)

	give(1, "h0", "h1")
	give(2, "i0", "i1")
	known, first := "[{campaign c0} {campaign c2}] "+newest(32), "[{campaign c1}] "+newest(90)
	asks("more campaigns", night(), known, first)
	want = "[{campaign c0} {campaign c1} {campaign c2}] " + newest(32)
	asks("all are known", night(), want)
}

package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// singleAds is a fakeAds that also tells performance by ad.
type singleAds struct {
	*fakeAds
	rows  []platform.AdPerformance
	asked []string // from and to
	fails error
}

func (f *singleAds) AdPerformance(_ context.Context, from, to civil.Date, yield func([]platform.AdPerformance) error) error {
	f.asked = append(f.asked, fmt.Sprint(from, " ", to))
	for d := from; d <= to; d++ {
		var day []platform.AdPerformance
		for _, r := range f.rows {
			if r.Date == d {
				day = append(day, r)
			}
		}
		if err := yield(day); err != nil {
			return err
		}
	}
	return f.fails
}

// show gives a campaign an ad that takes a share of its spend and is clicked less
// from a day on.
func (f *singleAds) show(campaign, id string, share float64, fell civil.Date, wear float64) {
	for i, p := range f.days {
		if p.Entity.ID != campaign {
			continue
		}
		clicks := int64(300*share) + int64(i*7%11)
		if p.Date >= fell {
			clicks = int64(float64(clicks) * wear)
		}
		f.rows = append(f.rows, platform.AdPerformance{AdID: id, Name: "Film " + id, Campaign: p.Entity, AdSet: platform.Ref{Type: platform.AdGroup, ID: "9"},
			Date: p.Date, Cost: money.Micros(share * float64(p.Cost)), Conversions: 3 * share, Clicks: clicks, Impressions: int64(30_000 * share)})
	}
}

// TestAdsOfTheNight goes from what the platform says of single ads to what is
// held back, on both databases: most of c0's money is on an ad that is worn out,
// a tenth of c1's, and c2 has none.
func TestAdsOfTheNight(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 3)
		today := civil.Of(testNow)
		for i := range d.ads.entities {
			d.ads.entities[i].Channel = "video"
		}
		d.history(90, today)
		ads := &singleAds{fakeAds: d.ads}
		d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
			return []Connection{{AdAccount: "123", Ads: ads, SingleAds: ads}}, nil
		}
		ads.show("c0", "a", 0.8, today-14, 0.5)
		ads.show("c0", "b", 0.2, today, 1)
		ads.show("c1", "c", 0.1, today-14, 0.5)
		ads.show("c1", "d", 0.9, today, 1)
		stages := []Stage{Pull, Value, Curves, Propose}
		if err := d.RunDirect(t.Context(), "shop", today, stages); err != nil {
			t.Fatal(err)
		}
		alerts := func(day civil.Date) (out []string) {
			stored, err := loadModels[[]bidding.Alert](t.Context(), st.Queries, RunID("shop", day), alertModel)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range stored[""] {
				out = append(out, strings.TrimSpace(a.ID+" "+a.Figure+" "+a.Ad))
			}
			return out
		}
		want := []string{"c0 worn_ads", "c0 ad_ctr Film a", "c1 ad_ctr Film c"}
		if got := alerts(today); !slices.Equal(got, want) {
			t.Errorf("alerts %q, want %q", got, want)
		}
		units, err := loadModels[bidding.UnitReport](t.Context(), st.Queries, RunID("shop", today), "unit")
		if err != nil {
			t.Fatal(err)
		}
		reports, err := loadModels[bidding.UnitAds](t.Context(), st.Queries, RunID("shop", today), adModel)
		if err != nil {
			t.Fatal(err)
		}
		for key, u := range units {
			f := u.Facts[key]
			if want := map[string]float64{"c0": 0.8, "c1": 0.1}[u.ID]; f.WornSpend < want-0.01 || f.WornSpend > want+0.01 || len(reports[key].Ads) != map[string]int{"c0": 2, "c1": 2}[u.ID] {
				t.Errorf("%s: %.3f on worn-out ads, %+v", key, f.WornSpend, reports[key])
			}
		}
		open, err := st.Proposals(t.Context(), store.Filter{Account: "shop", States: []string{string(bidding.Proposed)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range open {
			if p.EntityID == "c0" && p.Proposed > p.Seen {
				t.Errorf("%s grows from %v to %v on worn-out ads", p.EntityID, p.Seen, p.Proposed)
			}
		}

		// The next night asks for what is still restated. What a report broke off
		// with is kept, what cannot be read is said, and the night goes on.
		d.now, ads.fails = d.now.AddDate(0, 0, 1), errors.New("not today")
		if err := d.RunDirect(t.Context(), "shop", today+1, stages); err != nil {
			t.Fatal(err)
		}
		if row, err := d.stageRow(t.Context(), RunID("shop", today+1), Pull); err != nil || row.State != Done || !strings.Contains(row.Error, "performance of single ads: not today") {
			t.Errorf("a report that breaks off: %+v, %v", row, err)
		}
		if asked := []string{fmt.Sprint(today-90, " ", today-1), fmt.Sprint(today-30, " ", today)}; !slices.Equal(ads.asked, asked) {
			t.Errorf("asked %q, want %q", ads.asked, asked)
		}
		if got := alerts(today + 1); !slices.Equal(got, want) {
			t.Errorf("the next night: alerts %q", got)
		}
		// Ninety days are kept.
		d.now, ads.fails = d.now.AddDate(0, 0, 59), nil
		if err := d.RunDirect(t.Context(), "shop", today+60, []Stage{Pull}); err != nil {
			t.Fatal(err)
		}
		first := today + 60
		if err := st.EachAdDay(t.Context(), "shop", 0, today+60, 0, 10, func(d store.AdDay) error {
			first = min(first, d.Date)
			return nil
		}); err != nil || first != today-30 {
			t.Errorf("the oldest day kept is %s, want %s: %v", first, today-30, err)
		}
	})
}

// BenchmarkAds is what 2,000 ads, twenty in each of 100 campaigns, cost a night:
// the first pull of 90 days, that of a night after it, reading and judging them.
func BenchmarkAds(b *testing.B) {
	d := setup(b, storetest.Open(b), 100)
	today := civil.Of(testNow)
	for i := range d.ads.entities {
		d.ads.entities[i].Channel = "video"
	}
	d.history(90, today)
	ads := &dayAds{d.ads}
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: ads, SingleAds: ads}}, nil
	}
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: today, runID: RunID("shop", today)}
	c := Connection{AdAccount: "123", Ads: ads, SingleAds: ads}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if err := d.Store.ForgetAds(b.Context(), "shop", "google", "123", today); err != nil {
				b.Fatal(err)
			}
			if err := n.pullAds(b.Context(), c, civil.Date(0), today); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			if err := n.pullAds(b.Context(), c, civil.Date(0), today); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err := d.RunDirect(b.Context(), "shop", today, []Stage{Pull, Value, Curves}); err != nil {
		b.Fatal(err)
	}
	accounts := []bidding.Account{{Platform: platform.Google, ID: "123"}}
	b.Run("loaded", func(b *testing.B) {
		for b.Loop() {
			accounts[0].Ads = nil
			if err := n.loadAds(b.Context(), accounts); err != nil || len(accounts[0].Ads) != 2000 {
				b.Fatal(len(accounts[0].Ads), err)
			}
		}
	})
	in, err := n.planInput(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	fits, err := loadModels[response.Result](b.Context(), d.Store.Queries, n.runID, "curves")
	if err != nil {
		b.Fatal(err)
	}
	fit := fits[""]
	in.Curves = &fit
	for _, kind := range []string{"planned with", "planned without"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				if _, err := bidding.Plan(in); err != nil {
					b.Fatal(err)
				}
			}
		})
		in.Accounts[0].Ads = nil
	}
}

// dayAds tells the days of many ads without holding them.
type dayAds struct{ *fakeAds }

func (f *dayAds) AdPerformance(_ context.Context, from, to civil.Date, yield func([]platform.AdPerformance) error) error {
	for d := from; d <= to; d++ {
		var rows []platform.AdPerformance
		for i := range 2000 {
			rows = append(rows, platform.AdPerformance{AdID: fmt.Sprint(700_000_000_000 + i), Name: fmt.Sprint("Film ", i), Campaign: platform.Ref{Type: platform.Campaign, ID: fmt.Sprint("c", i%100)},
				AdSet: platform.Ref{Type: platform.AdGroup, ID: "9"}, Date: d, Cost: 4_750_000, Conversions: 1, Clicks: int64(10 + (i*7+int(d)*13)%11), Impressions: 1000})
		}
		if err := yield(rows); err != nil {
			return err
		}
	}
	return nil
}

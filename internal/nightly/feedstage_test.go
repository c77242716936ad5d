package nightly

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// itemAds is a fakeAds that also tells spend by item.
type itemAds struct {
	*fakeAds
	items []platform.ItemPerformance
	asked []string // from and to
	fails error
}

func (f *itemAds) ItemPerformance(_ context.Context, from, to civil.Date, yield func([]platform.ItemPerformance) error) error {
	f.asked = append(f.asked, from.String()+" "+to.String())
	if f.fails != nil {
		return f.fails
	}
	var out []platform.ItemPerformance
	for _, i := range f.items {
		if i.Date >= from && i.Date <= to {
			out = append(out, i)
		}
	}
	return yield(out)
}

// feedDesk is a desk with two feeds, and an account that spends on their items.
type feedDesk struct {
	*desk
	ads   *itemAds
	dir   string
	today civil.Date
}

func setupFeeds(t *testing.T, st *store.Store) *feedDesk {
	d := &feedDesk{desk: setup(t, st, 2), dir: t.TempDir(), today: civil.Of(testNow)}
	d.ads = &itemAds{fakeAds: d.desk.ads}
	d.history(60, d.today)
	d.Shops[0].Feeds = []Feed{{Location: d.file("google.tsv"), Platform: "google"}, {Location: d.file("meta.tsv"), Platform: "meta", Collapse: 0.5}}
	d.Shops[0].Labels = feeds.DefaultLabels()
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: d.ads, Items: d.ads}}, nil
	}
	return d
}

func (d *feedDesk) file(name string) string { return filepath.Join(d.dir, name) }

// write makes a feed of valid items but for the bad ones, which have no image.
func (d *feedDesk) write(t *testing.T, name string, bad int, ids ...string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("id\ttitle\tdescription\tlink\timage_link\tavailability\tprice\tsale_price\tcondition\tbrand\tmpn\tcost_of_goods_sold\n")
	for i, id := range ids {
		image := "https://shop.example/i/" + id + ".jpg"
		if i < bad {
			image = ""
		}
		fmt.Fprintf(&b, "%s\tTitle of %s\tA thing for every day.\thttps://shop.example/p/%s\t%s\tin_stock\t100 EUR\t90 EUR\tnew\tBrand\tM-%s\t50 EUR\n", id, id, id, image, id)
	}
	if err := os.WriteFile(d.file(name), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *feedDesk) spend(campaign, item string, units money.Micros) {
	for day := d.today - 40; day < d.today; day++ {
		d.ads.items = append(d.ads.items, platform.ItemPerformance{Campaign: platform.Ref{Type: platform.Campaign, ID: campaign}, ItemID: item,
			Date: day, Cost: units * money.One, Value: 3 * units * money.One, Conversions: 1, Clicks: 3})
	}
}

// run runs stages and returns how each feed stands, by its file's name.
func (d *feedDesk) run(t *testing.T, stages ...Stage) map[string]feeds.State {
	t.Helper()
	if err := d.RunDirect(t.Context(), "shop", d.today, stages); err != nil && !strings.Contains(err.Error(), "last good version") {
		t.Fatal(err)
	}
	states, err := loadModels[feeds.State](t.Context(), d.Store.Queries, RunID("shop", d.today), feedModel)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]feeds.State{}
	for location, s := range states {
		out[filepath.Base(location)] = s
	}
	return out
}

func (d *feedDesk) next() { d.today++; d.now = d.now.AddDate(0, 0, 1) }

// A feed that collapses or cannot be read leaves its own last good version in
// force; the other feed goes on.
func TestEachFeedKeepsItsLastGoodVersion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setupFeeds(t, st)
		ids := func() string {
			rows, err := st.Products(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, p := range rows {
				out = append(out, fmt.Sprintf("%s:%d/%d", p.ItemID, p.GoogleErrors, p.MetaErrors))
			}
			return strings.Join(out, " ")
		}
		d.write(t, "google.tsv", 1, "a", "b", "c")
		d.write(t, "meta.tsv", 0, "c", "d", "e", "f")
		s := d.run(t, Feeds)
		if s["google.tsv"].Items != 3 || s["meta.tsv"].Items != 4 || s["google.tsv"].Refused+s["meta.tsv"].Refused != "" || ids() != "a:1/0 b:0/0 c:0/0 d:0/0 e:0/0 f:0/0" {
			t.Fatalf("%+v\n%s", s, ids())
		}

		d.next()
		d.write(t, "google.tsv", 0, "a") // below 70 %
		d.write(t, "meta.tsv", 1, "c", "x")
		s = d.run(t, Feeds)
		if g := s["google.tsv"]; g.Items != 3 || g.Since != d.today-1 || !strings.Contains(g.Refused, "fell from 3 items to 1") || g.Report.Items != 1 || len(g.Rules) != 1 || g.Rules[0].Rule != "image_link.required" {
			t.Errorf("the collapsed feed: %+v", g)
		}
		if m := s["meta.tsv"]; m.Items != 2 || m.Refused != "" || m.Since != d.today || ids() != "a:1/0 b:0/0 c:0/1 x:0/0" {
			t.Errorf("half of the items is just enough here: %+v\n%s", m, ids())
		}
		issues, err := st.FeedIssues(t.Context(), store.FeedIssueFilter{Account: "shop", RunID: RunID("shop", d.today), ItemID: "c"})
		if err != nil || len(issues) != 1 || issues[0].Rule != "image_link.required" || issues[0].Fix == "" || issues[0].Line != 2 {
			t.Errorf("issues %+v, %v", issues, err)
		}

		d.next()
		if err := os.Remove(d.file("google.tsv")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.file("meta.tsv"), []byte("<html><body>Sorry</body></html>"), 0o600); err != nil {
			t.Fatal(err)
		}
		s = d.run(t, Feeds)
		if g, m := s["google.tsv"], s["meta.tsv"]; g.Items != 3 || m.Items != 2 || g.Refused == "" || m.Refused == "" || g.Since != d.today-2 || m.Since != d.today-1 || ids() != "a:1/0 b:0/0 c:0/1 x:0/0" {
			t.Errorf("%+v\n%s", s, ids())
		}
	})
}

func TestSeverityOverridesReachTheStage(t *testing.T) {
	t.Parallel()
	d := setupFeeds(t, storetest.Open(t))
	d.Shops[0].Feeds = d.Shops[0].Feeds[:1]
	d.Shops[0].Feeds[0].Severities = map[string]feeds.Severity{"image_link.required": feeds.Warning}
	d.write(t, "google.tsv", 1, "a", "b")
	s := d.run(t, Feeds)["google.tsv"]
	if s.Report.Errors != 0 || s.Report.Warnings != 1 || len(s.Rules) != 1 || s.Rules[0].Severity != feeds.Warning {
		t.Errorf("%+v", s)
	}
	p, err := d.Store.Product(t.Context(), "shop", "a")
	if err != nil || p.Errors != 0 || p.GoogleWarnings != 1 || p.MetaWarnings != 0 || p.SalePrice == nil || *p.SalePrice != 90*money.One {
		t.Errorf("%+v, %v", p, err)
	}
}

// Spend goes where feeds are; what is spent on items that should not be
// advertised keeps their campaign from growing.
func TestFeedsAreJoinedToMoney(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setupFeeds(t, st)
		d.write(t, "google.tsv", 1, "BAD", "Good", "idle")
		d.write(t, "meta.tsv", 0, "Good")
		d.spend("c0", "good", 8)
		d.spend("c0", "bad", 2)
		d.spend("c0", "nowhere", 1)
		d.spend("c1", "good", 5)
		s := d.run(t, Pull, Feeds, Value, Curves, Propose)
		if r := s["google.tsv"].Rules; len(r) != 1 || r[0].Spend != 60*money.One || r[0].Items != 1 {
			t.Errorf("30 days of 2 are at risk by the missing image: %+v", r)
		}
		m, run, err := d.FeedMoney(t.Context(), "shop")
		if err != nil || run.RunID != RunID("shop", d.today) {
			t.Fatal(run, err)
		}
		if m.Spend != 480*money.One || m.Total.Unfit != 90*money.One || m.Total.Errors != 60*money.One || m.Total.Missing != 30*money.One || m.Currency != "EUR" || m.To != d.today-1 {
			t.Errorf("%+v", m.Total)
		}
		if len(m.Unfit) != 2 || m.Unfit[0].ItemID != "BAD" || m.Unfit[0].Campaign != "google:c0" || m.Unfit[0].Price != 90*money.One || m.IdleCount != 1 || m.Idle[0].ItemID != "idle" {
			t.Errorf("%+v\n%+v", m.Unfit, m.Idle)
		}
		units, err := loadModels[bidding.UnitReport](t.Context(), st.Queries, RunID("shop", d.today), "unit")
		if err != nil || len(units) == 0 {
			t.Fatal(units, err)
		}
		for key, u := range units {
			if share := u.Facts[key].UnfitSpend; (u.ID == "c0") != (share > 0.27 && share < 0.28) || u.ID == "c1" && share != 0 {
				t.Errorf("%s: %v of the spend is unfit", key, share)
			}
		}
		open, err := st.Proposals(t.Context(), store.Filter{Account: "shop", States: []string{string(bidding.Proposed)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range open {
			if p.EntityID == "c0" && p.Proposed > p.Seen {
				t.Errorf("it grows from %v to %v", p.Seen, p.Proposed)
			}
		}
		offers, err := d.Offers(t.Context(), "shop", testNow)
		if err != nil || len(offers) != 3 || !offers[1].OnMeta || offers[0].OnMeta || d.Shops[0].Labels.Of(offers[1]) != "high-margin" {
			t.Errorf("%+v, %v", offers, err)
		}
	})
}

// Items are asked for once in full, then the newest days; an account that does
// not tell them keeps its own figures, and a shop without feeds is not asked.
func TestItemsArePulledSparingly(t *testing.T) {
	t.Parallel()
	d := setupFeeds(t, storetest.Open(t))
	d.write(t, "google.tsv", 0, "a")
	d.write(t, "meta.tsv", 0, "a")
	d.spend("c0", "a", 1)
	d.run(t, Pull)
	d.next()
	d.spend("c0", "a", 1)
	d.run(t, Pull)
	day := func(back int) string { return d.today.AddDays(-back).String() }
	if want := fmt.Sprint([]string{day(31) + " " + day(2), day(8) + " " + day(1)}); fmt.Sprint(d.ads.asked) != want {
		t.Errorf("asked for %v, want %s", d.ads.asked, want)
	}
	sums, err := d.Store.ItemSpendSums(t.Context(), "shop", d.today-60, d.today, "")
	if err != nil || len(sums) != 1 || sums[0].Cost != 30*money.One {
		t.Errorf("30 days are kept: %+v, %v", sums, err)
	}

	d.ads.fails = errors.New("not today")
	err = d.RunDirect(t.Context(), "shop", d.today, []Stage{Pull})
	if row, rerr := d.stageRow(t.Context(), RunID("shop", d.today), Pull); rerr != nil || row.State != Done || !strings.Contains(row.Summary+row.Error, "1 of 1 ad accounts") || !strings.Contains(row.Error+fmt.Sprint(err), "spend by item: not today") {
		t.Errorf("the stage is %+v, %v", row, err)
	}

	asked := len(d.ads.asked)
	d.Shops[0].Feeds = d.Shops[0].Feeds[1:] // Meta's alone
	d.next()
	d.run(t, Pull)
	if len(d.ads.asked) != asked {
		t.Errorf("asked although no feed is for Google")
	}
}

// What items and single ads cost before their ad account changed its currency is
// forgotten at once, and not asked for again.
func TestAChangeOfCurrencyForgetsItemsAndAds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setupFeeds(t, st)
		d.write(t, "google.tsv", 0, "a")
		d.write(t, "meta.tsv", 0, "a")
		ads := &singleAds{fakeAds: d.desk.ads}
		d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
			return []Connection{{AdAccount: "123", Ads: d.ads, Items: d.ads, SingleAds: ads}}, nil
		}
		stored := func() (items money.Micros, adDays int) {
			t.Helper()
			sums, err := st.ItemSpendSums(t.Context(), "shop", d.today-60, d.today, "")
			for _, s := range sums {
				items += s.Cost
			}
			if err = errors.Join(err, st.EachAdDay(t.Context(), "shop", d.today-90, d.today, d.today-90, 10, func(store.AdDay) error { adDays++; return nil })); err != nil {
				t.Fatal(err)
			}
			return items, adDays
		}
		d.spend("c0", "a", 1)
		ads.show("c0", "film", 0.5, d.today, 1)
		d.run(t, Pull)
		if items, adDays := stored(); items != 30*money.One || adDays != 60 {
			t.Fatalf("%v for items, %d days of ads", items, adDays)
		}
		d.next()
		d.desk.ads.account.Currency = "USD"
		d.ads.fails, ads.fails = errors.New("not today"), errors.New("not today") // neither is to be asked
		d.run(t, Pull)
		if items, adDays := stored(); items != 0 || adDays != 0 {
			t.Errorf("in another currency: %v for items, %d days of ads", items, adDays)
		}
		d.ads.fails, ads.fails = nil, nil
		d.next()
		d.ads.items = append(d.ads.items, platform.ItemPerformance{Campaign: platform.Ref{Type: platform.Campaign, ID: "c0"}, ItemID: "a", Date: d.today - 1, Cost: 2 * money.One})
		ads.rows = append(ads.rows, platform.AdPerformance{AdID: "film", Campaign: platform.Ref{Type: platform.Campaign, ID: "c0"}, Date: d.today - 1, Cost: money.One})
		d.run(t, Pull)
		if items, adDays := stored(); items != 2*money.One || adDays != 1 {
			t.Errorf("the next night: %v for items, %d days of ads", items, adDays)
		}
	})
}

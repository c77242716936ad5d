package nightly

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// groupDesk is a feedDesk whose running shoes had few clicks each and sold nothing;
// walking shoes sell.
func groupDesk(t *testing.T, st *store.Store) *feedDesk {
	t.Helper()
	d := setupFeeds(t, st)
	shop := &d.Shops[0]
	shop.Supplement = map[platform.Name]string{platform.Google: d.file("out/google.tsv")}
	shop.Policy.Exclude.MaxItems = 0.3
	var walking []string
	for i := range 30 {
		walking = append(walking, fmt.Sprint("WALK-", i))
	}
	d.shoes(t, 8)
	d.write(t, "meta.tsv", 0, "WALK-1")
	d.advertise(walking)
	for day := d.today - 60; day < d.today+10; day++ {
		for i := range 8 {
			d.ads.items = append(d.ads.items, platform.ItemPerformance{Campaign: platform.Ref{Type: platform.Campaign, ID: "c0"}, ItemID: fmt.Sprint("run-", i),
				Date: day, Cost: 2 * money.One, Clicks: 1})
		}
	}
	d.ads.items = slices.DeleteFunc(d.ads.items, func(i platform.ItemPerformance) bool { return i.ItemID == "loss" })
	return d
}

// shoes writes the feed for Google with 30 walking shoes and so many running ones.
func (d *feedDesk) shoes(t *testing.T, running int) {
	t.Helper()
	b := strings.Builder{}
	b.WriteString("id\ttitle\tdescription\tlink\timage_link\tavailability\tprice\tcondition\tbrand\tmpn\tcost_of_goods_sold\tproduct_type\n")
	row := func(id, kind string) {
		fmt.Fprintf(&b, "%s\tTitle of %s\tA thing for every day.\thttps://shop.example/p/%s\thttps://shop.example/i/%s.jpg\tin_stock\t90 EUR\tnew\tBrand\tM-%s\t50 EUR\tShoes > %s\n", id, id, id, id, id, kind)
	}
	for i := range 30 {
		row(fmt.Sprint("WALK-", i), "Walking")
	}
	for i := range running {
		row(fmt.Sprint("RUN-", i), "Running")
	}
	if err := os.WriteFile(d.file("google.tsv"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// openExclusions lists the changes of items and groups that wait for a decision.
func (d *feedDesk) openExclusions(t *testing.T) []store.Proposal {
	t.Helper()
	rows, err := d.Store.Proposals(t.Context(), store.Filter{Account: "shop", Field: string(platform.Excluded), States: []string{string(bidding.Proposed)}})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

const running = "product_type=Shoes > Running"

// A product group whose items prove nothing by themselves is proposed, approved,
// written with all its items and those that join it, and let in again.
func TestAProductGroupIsExcludedAndLetInAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := groupDesk(t, st)
		file := d.Shops[0].Supplement[platform.Google]
		d.night(t)
		open := d.openExclusions(t)
		if len(open) != 1 || open[0].EntityType != "product_group" || open[0].EntityID != running || open[0].EntityName != "Product type Shoes > Running, 8 items" || open[0].Platform != "google" {
			t.Fatalf("proposed: %+v", open)
		}
		if dr := draftOf(open[0]); dr.Item == nil || dr.Item.Group == nil || len(dr.Item.Group.Members) != 8 || dr.Item.Group.Members[0].ID != "RUN-0" || dr.Item.Clicks != 240 ||
			dr.Evidence.Spend != 480 || dr.Expected.GainPerDay <= 0 || !strings.Contains(dr.Reasons[0], "Ads for its 8 items cost EUR 480.00 in 30 days") {
			t.Errorf("%+v", dr.Body)
		}
		if o := d.Apply(t.Context(), "mia", []string{open[0].ProposalID}); o[0].Err == nil || excludedIn(t, file) != "" {
			t.Errorf("pushed without an approval: %+v", o)
		}
		d.approve(t, open[0].ProposalID)
		if o := d.Apply(t.Context(), "mia", nil); len(o) != 1 || o[0].Err != nil || o[0].State != bidding.Applied {
			t.Fatalf("pushed: %+v", o)
		}
		all := "RUN-0 RUN-1 RUN-2 RUN-3 RUN-4 RUN-5 RUN-6 RUN-7"
		if got := excludedIn(t, file); got != all {
			t.Fatalf("the file excludes %q", got)
		}
		d.shoes(t, 9)
		d.next()
		d.night(t)
		if open := d.openExclusions(t); len(open) != 0 || excludedIn(t, file) != all+" RUN-8" {
			t.Errorf("an item has joined: the file excludes %q, proposed is %+v", excludedIn(t, file), open)
		}
		d.Shops[0].Policy.Exclude.AgainDays = 1
		d.next()
		d.night(t)
		open = d.openExclusions(t)
		if len(open) != 1 || open[0].EntityID != running || open[0].Proposed != 0 || open[0].EntityName != "Product type Shoes > Running, 9 items" || draftOf(open[0]).Item.Lifts == "" {
			t.Fatalf("after its days: %+v", open)
		}
		d.approve(t, open[0].ProposalID)
		if o := d.Apply(t.Context(), "mia", nil); len(o) != 1 || o[0].Err != nil || excludedIn(t, file) != "" {
			t.Fatalf("let in again: %+v, the file excludes %q", o, excludedIn(t, file))
		}
		if _, _, err := st.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// exclusionRow is a change of an item or a group as a night would have proposed it.
func (d *feedDesk) exclusionRow(t *testing.T, id string, kind platform.EntityType, entity string, seen, to money.Micros, state bidding.State) {
	t.Helper()
	body, err := json.Marshal(bidding.Body{Item: &bidding.ItemEvidence{Reason: bidding.ItemLosing}, Evidence: bidding.Evidence{Spend: 10}})
	if err != nil {
		t.Fatal(err)
	}
	p := store.Proposal{ProposalID: id, ChangeSetID: id, Account: "shop", RunID: RunID("shop", d.today), Platform: "google", Currency: "EUR", EntityType: string(kind), EntityID: entity,
		Field: string(platform.Excluded), Seen: seen, Proposed: to, Suggested: to, State: string(state), ExpiresAt: d.now.AddDate(0, 0, 2), Body: string(body), CreatedAt: d.now, UpdatedAt: d.now}
	if state == bidding.Applied {
		p.AppliedAt = sql.NullTime{Time: d.now, Valid: true}
	}
	p.PlanHash = planHash("h", p)
	if err := d.Store.InsertChangeSet(t.Context(), store.ChangeSet{ChangeSetID: id, Account: "shop", RunID: p.RunID, Date: d.today, Hash: "h", CreatedAt: d.now}, []store.Proposal{p}); err != nil {
		t.Fatal(err)
	}
}

// What lies across a group by the time it is pushed, or counts with all its items,
// is refused.
func TestGroupsAreCheckedAgainAtThePush(t *testing.T) {
	t.Parallel()
	const group, item, one = platform.ProductGroup, platform.Item, money.One
	for want, change := range map[string]func(t *testing.T, d *feedDesk) (id string){
		"8 of 38 items": func(_ *testing.T, d *feedDesk) string { d.Shops[0].Policy.Exclude.MaxItems = 0.1; return "" },
		"10 of 38 items": func(t *testing.T, d *feedDesk) string { // two others are out by now, and one of the group
			for i, id := range []string{"WALK-1", "WALK-2", "RUN-1"} {
				d.exclusionRow(t, fmt.Sprint("0000000", i), item, id, 0, one, bidding.Applied)
			}
			d.Shops[0].Policy.Exclude.MaxItems = 0.25
			return ""
		},
		"exclude.max_spend": func(_ *testing.T, d *feedDesk) string { d.Shops[0].Policy.Exclude.MaxSpend = 0.01; return "" },
		"out already": func(t *testing.T, d *feedDesk) string { // another group holds all its items
			d.exclusionRow(t, "00000001", group, "product_type=Shoes", 0, one, bidding.Applied)
			return ""
		},
		"would keep out of ads is out already": func(t *testing.T, d *feedDesk) string { // an item of a group that is out
			d.exclusionRow(t, "00000001", group, running, 0, one, bidding.Applied)
			d.exclusionRow(t, "00000002", item, "RUN-3", 0, one, bidding.Proposed)
			return "00000002"
		},
		"or in no feed any more": func(t *testing.T, d *feedDesk) string { d.shoes(t, 0); d.run(t, Feeds); return "" },
		"kept out through the product group " + running: func(t *testing.T, d *feedDesk) string {
			d.exclusionRow(t, "00000001", group, running, 0, one, bidding.Applied)
			d.exclusionRow(t, "00000002", item, "RUN-3", 0, one, bidding.Applied)
			d.exclusionRow(t, "00000003", item, "RUN-3", one, 0, bidding.Proposed)
			return "00000003"
		},
		"was changed since": func(t *testing.T, d *feedDesk) string {
			d.exclusionRow(t, "00000001", group, running, 0, one, bidding.Applied)
			return ""
		},
		"experiments.protect": func(t *testing.T, d *feedDesk) string {
			x := attribution.ExperimentPlan{Protects: []string{"google/123/campaign/c0"}}
			plan, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Store.InsertExperiment(t.Context(), store.Experiment{ExperimentID: "e1", Account: "shop", Kind: "geo", Name: "E", State: string(attribution.ExperimentRunning),
				Plan: string(plan), PlanHash: x.Hash(), Starts: d.today, Ends: d.today + 9, CreatedAt: d.now, UpdatedAt: d.now}); err != nil {
				t.Fatal(err)
			}
			return ""
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			d := groupDesk(t, storetest.Open(t))
			d.night(t)
			id := d.openExclusions(t)[0].ProposalID
			other := change(t, d)
			if other != "" {
				id = other
			}
			d.approve(t, id)
			if o := d.Apply(t.Context(), "mia", []string{id}); len(o) != 1 || o[0].Err == nil || !strings.Contains(o[0].Err.Error(), want) || o[0].State != bidding.Approved {
				t.Errorf("%+v", o)
			}
		})
	}
}

// A policy approves single items where it says so, and groups never.
func TestGroupsAreLeftToPeople(t *testing.T) {
	t.Parallel()
	d := groupDesk(t, storetest.Open(t))
	d.Shops[0].Policy.AutoApprove = guard.AutoApprove{Enabled: true, Fields: map[platform.Field]guard.AutoCaps{platform.Excluded: {MaxPerRun: 9, MaxPerDay: 9}}}
	d.night(t)
	if open := d.openExclusions(t); len(open) != 1 || excludedIn(t, d.Shops[0].Supplement[platform.Google]) != "" {
		t.Errorf("%+v", open)
	}
	if o := d.Reject(t.Context(), "mia", []string{d.openExclusions(t)[0].ProposalID}, "the season begins"); o[0].Err != nil {
		t.Fatal(o[0].Err)
	}
	d.next()
	d.night(t)
	if open := d.openExclusions(t); len(open) != 0 {
		t.Errorf("rejected, and proposed again: %+v", open)
	}
}

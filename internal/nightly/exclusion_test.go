package nightly

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// exclusionDesk is a feedDesk whose item LOSS has many clicks and no sale, and
// whose supplemental feed for Google is written.
func exclusionDesk(t *testing.T, st *store.Store) *feedDesk {
	t.Helper()
	d := setupFeeds(t, st)
	shop := &d.Shops[0]
	shop.Supplement = map[platform.Name]string{platform.Google: d.file("out/google.tsv")}
	shop.Policy.Exclude.MaxItems = 0.2
	var ids []string
	for i := range 9 {
		ids = append(ids, fmt.Sprint("USUAL-", i))
	}
	d.write(t, "google.tsv", 0, append(ids, "LOSS")...)
	d.write(t, "meta.tsv", 0, "USUAL-1")
	d.advertise(ids)
	return d
}

// advertise adds what the last 60 days and the next 10 bring.
func (d *feedDesk) advertise(ids []string) {
	for day := d.today - 60; day < d.today+10; day++ {
		add := func(id string, cost, value money.Micros, sales float64) {
			d.ads.items = append(d.ads.items, platform.ItemPerformance{Campaign: platform.Ref{Type: platform.Campaign, ID: "c0"}, ItemID: strings.ToLower(id),
				Date: day, Cost: cost * money.One, Value: value * money.One, Conversions: sales, Clicks: 20})
		}
		for _, id := range ids {
			add(id, 10, 90, 1)
		}
		add("LOSS", 10, 0, 0)
	}
}

func (d *feedDesk) night(t *testing.T) {
	t.Helper()
	d.run(t, Stages...)
}

// items lists the proposals of items that are in a state.
func (d *feedDesk) itemsIn(t *testing.T, state bidding.State) []store.Proposal {
	t.Helper()
	rows, err := d.Store.Proposals(t.Context(), store.Filter{Account: "shop", EntityType: string(platform.Item), States: []string{string(state)}})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// excludedIn reads which items the file keeps out of ads.
func excludedIn(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	var out []string
	if !strings.HasSuffix(lines[0], "\texcluded_destination") {
		return ""
	}
	for _, l := range lines[1:] {
		if id, _, _ := strings.Cut(l, "\t"); strings.HasSuffix(l, "\tShopping_ads,Display_ads") {
			out = append(out, id)
		}
	}
	return strings.Join(out, " ")
}

func (d *feedDesk) approve(t *testing.T, id string) {
	t.Helper()
	if o := d.Approve(t.Context(), "mia", []string{id}); o[0].Err != nil {
		t.Fatal(o[0].Err)
	}
}

// An item that loses money is proposed, approved, written, and let in again; it is
// never written before somebody said yes.
func TestAnItemIsExcludedAndLetInAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := exclusionDesk(t, st)
		file := d.Shops[0].Supplement[platform.Google]
		d.night(t)
		open := d.itemsIn(t, bidding.Proposed)
		if len(open) != 1 || open[0].EntityID != "LOSS" || open[0].Platform != "google" || open[0].Seen != 0 || open[0].Proposed != money.One || open[0].Currency != "EUR" {
			t.Fatalf("proposed: %+v", open)
		}
		if dr := draftOf(open[0]); dr.Item == nil || dr.Item.Reason != bidding.ItemLosing || dr.Item.Clicks != 600 || dr.Evidence.Spend != 300 || dr.Expected.GainPerDay <= 0 || !strings.Contains(dr.Reasons[0], "cost EUR 300.00 in 30 days") {
			t.Errorf("%+v", dr.Body)
		}
		if got := excludedIn(t, file); got != "" {
			t.Errorf("written before anybody said yes: %q", got)
		}
		if o := d.Edit(t.Context(), "mia", open[0].ProposalID, money.One/2, "half"); o.Err == nil || !strings.Contains(o.Err.Error(), "out of ads or not") {
			t.Errorf("edited to a half: %v", o.Err)
		}
		if o := d.Apply(t.Context(), "mia", []string{open[0].ProposalID}); o[0].Err == nil || excludedIn(t, file) != "" {
			t.Errorf("pushed without an approval: %+v", o)
		}
		d.approve(t, open[0].ProposalID)
		for range 2 { // a second push has nothing to do
			if o := d.Apply(t.Context(), "mia", nil); len(o) > 1 || len(o) == 1 && (o[0].Err != nil || o[0].State != bidding.Applied) {
				t.Fatalf("pushed: %+v", o)
			}
			if got := excludedIn(t, file); got != "LOSS" {
				t.Fatalf("the file excludes %q", got)
			}
		}
		if _, _, err := st.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}

		d.next() // it is out, and stays out
		d.night(t)
		if open := d.itemsIn(t, bidding.Proposed); len(open) != 0 || excludedIn(t, file) != "LOSS" {
			t.Errorf("the next night proposes %+v", open)
		}
		back, err := d.Rollback(t.Context(), "mia", open[0].ProposalID)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := st.Proposal(t.Context(), back); err != nil || p.Proposed != 0 || p.Seen != money.One || !strings.Contains(draftOf(p).Reasons[0], "advertised instead of out of ads") {
			t.Errorf("%+v, %v", draftOf(p), err)
		}
		d.approve(t, back)
		d.next()
		d.night(t)
		if got := excludedIn(t, file); got != "" || len(d.itemsIn(t, bidding.Applied)) != 2 {
			t.Errorf("rolled back, the file excludes %q", got)
		}
		d.next()
		d.night(t)
		if open := d.itemsIn(t, bidding.Proposed); len(open) != 0 {
			t.Errorf("somebody put it back, and it is proposed again: %+v", open)
		}
	})
}

// What cannot be written stays in applying, and the next push goes on with it,
// unless the kill switch went on meanwhile.
func TestASupplementThatCannotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		d := exclusionDesk(t, storetest.Open(t))
		d.night(t)
		id := d.itemsIn(t, bidding.Proposed)[0].ProposalID
		d.approve(t, id)
		good := d.Shops[0].Supplement[platform.Google]
		if err := os.WriteFile(d.file("occupied"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		d.Shops[0].Supplement[platform.Google] = filepath.Join(d.file("occupied"), "google.tsv")
		if o := d.Apply(t.Context(), "mia", []string{id}); len(o) != 1 || o[0].Err == nil || o[0].State != bidding.Applying {
			t.Fatalf("%+v", o)
		}
		d.Shops[0].Supplement[platform.Google] = good
		want, excluded := bidding.Applied, "LOSS"
		if killed {
			if err := d.KillSwitch(t.Context(), "mia", true, "test"); err != nil {
				t.Fatal(err)
			}
			want, excluded = bidding.Failed, ""
		}
		if o := d.FinishLeft(t.Context(), "mia"); len(o) != 1 || o[0].State != want || (o[0].Err != nil) != killed {
			t.Errorf("killed %v: %+v", killed, o)
		}
		if got := excludedIn(t, good); got != excluded {
			t.Errorf("killed %v: the file excludes %q", killed, got)
		}
	}
}

// What was proposed in time may be too much, or in the way of an experiment, by
// the time it is pushed.
func TestItemsAreCheckedAgainAtThePush(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, d *feedDesk){
		"exclude.max_items":   func(_ *testing.T, d *feedDesk) { d.Shops[0].Policy.Exclude.MaxItems = 0.05 },
		"exclude.max_spend":   func(_ *testing.T, d *feedDesk) { d.Shops[0].Policy.Exclude.MaxSpend = 0.05 },
		"guardrail protected": func(_ *testing.T, d *feedDesk) { d.Shops[0].Policy.Protected = []string{"c0"} },
		"guardrail black_out": func(_ *testing.T, d *feedDesk) {
			d.Shops[0].Policy.BlackOut = []guard.BlackOut{{From: d.today, To: d.today}}
		},
		"feed_supplement": func(_ *testing.T, d *feedDesk) { d.Shops[0].Supplement = nil },
		"kill switch": func(t *testing.T, d *feedDesk) {
			if err := d.KillSwitch(t.Context(), "mia", true, "test"); err != nil {
				t.Fatal(err)
			}
		},
		"experiments.protect": func(t *testing.T, d *feedDesk) {
			x := attribution.ExperimentPlan{Protects: []string{"google/123/campaign/c0"}}
			plan, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Store.InsertExperiment(t.Context(), store.Experiment{ExperimentID: "e1", Account: "shop", Kind: "geo", Name: "E", State: string(attribution.ExperimentRunning),
				Plan: string(plan), PlanHash: x.Hash(), Starts: d.today, Ends: d.today + 9, CreatedAt: d.now, UpdatedAt: d.now}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := exclusionDesk(t, storetest.Open(t))
			d.night(t)
			id := d.itemsIn(t, bidding.Proposed)[0].ProposalID
			d.approve(t, id)
			change(t, d)
			if o := d.Apply(t.Context(), "mia", []string{id}); len(o) != 1 || o[0].Err == nil || !strings.Contains(o[0].Err.Error(), name) || o[0].State != bidding.Approved {
				t.Errorf("%+v", o)
			}
		})
	}
}

// The policy approves items by itself only where it says so, and no more of them
// than it says.
func TestItemsAreApprovedByPolicyOnlyWhereItSaysSo(t *testing.T) {
	t.Parallel()
	for want, auto := range map[bidding.State]guard.AutoApprove{
		bidding.Proposed: {Enabled: true, Fields: map[platform.Field]guard.AutoCaps{platform.DailyBudget: {PerItem: 1, PerRun: 1, PerDay: 1, MaxPerRun: 9, MaxPerDay: 9}}},
		bidding.Applied:  {Enabled: true, Fields: map[platform.Field]guard.AutoCaps{platform.Excluded: {MaxPerRun: 1, MaxPerDay: 1}}},
	} {
		d := exclusionDesk(t, storetest.Open(t))
		d.Shops[0].Policy.AutoApprove = auto
		d.night(t)
		if rows := d.itemsIn(t, want); len(rows) != 1 {
			t.Errorf("%d items are %s", len(rows), want)
		}
	}
}

// What was rejected is left alone, and without a supplemental feed nothing is
// proposed at all.
func TestItemsAreLeftAloneOnceRejected(t *testing.T) {
	t.Parallel()
	d := exclusionDesk(t, storetest.Open(t))
	d.night(t)
	if o := d.Reject(t.Context(), "mia", []string{d.itemsIn(t, bidding.Proposed)[0].ProposalID}, "we need it"); o[0].Err != nil {
		t.Fatal(o[0].Err)
	}
	d.next()
	d.night(t)
	if open := d.itemsIn(t, bidding.Proposed); len(open) != 0 {
		t.Errorf("%+v", open)
	}
	d = exclusionDesk(t, storetest.Open(t))
	d.Shops[0].Supplement = nil
	d.night(t)
	if open := d.itemsIn(t, bidding.Proposed); len(open) != 0 {
		t.Errorf("nowhere to write it: %+v", open)
	}
}

// An exclusion whose reason is gone is proposed to be lifted.
func TestAnExclusionIsLiftedOnceTheFeedIsMended(t *testing.T) {
	t.Parallel()
	d := exclusionDesk(t, storetest.Open(t))
	d.write(t, "google.tsv", 0, "USUAL-0", "USUAL-1", "USUAL-2", "USUAL-3", "USUAL-4", "USUAL-5", "USUAL-6", "USUAL-7", "USUAL-8", "OTHER")
	// Merchant Center knows how the id is written that Google Ads reports in lower case.
	if err := d.Store.ReplaceItemStatuses(t.Context(), "shop", "google", []store.ItemStatus{{ItemID: "Loss", State: "approved", Issues: "[]", SeenAt: d.now}}); err != nil {
		t.Fatal(err)
	}
	d.night(t)
	open := d.itemsIn(t, bidding.Proposed)
	if len(open) != 1 || open[0].EntityID != "Loss" || draftOf(open[0]).Item.Reason != bidding.ItemMissing {
		t.Fatalf("%+v", open)
	}
	d.approve(t, open[0].ProposalID)
	if o := d.Apply(t.Context(), "mia", nil); o[0].Err != nil || excludedIn(t, d.Shops[0].Supplement[platform.Google]) != "Loss" {
		t.Fatalf("%+v", o)
	}
	d.write(t, "google.tsv", 0, "USUAL-0", "USUAL-1", "USUAL-2", "USUAL-3", "USUAL-4", "USUAL-5", "USUAL-6", "USUAL-7", "USUAL-8", "Loss")
	d.next()
	d.night(t)
	open = d.itemsIn(t, bidding.Proposed)
	if len(open) != 1 || open[0].Proposed != 0 || open[0].Seen != money.One || !strings.Contains(draftOf(open[0]).Reasons[0], "is mended") {
		t.Fatalf("%+v", open)
	}
	d.approve(t, open[0].ProposalID)
	if o := d.Apply(t.Context(), "mia", nil); o[0].Err != nil || excludedIn(t, d.Shops[0].Supplement[platform.Google]) != "" {
		t.Fatalf("%+v", o)
	}
}

package nightly

import (
	"context"
	"strings"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// What a night finds out after an approval counts: here that tracking is down.
func TestAnOutageSeenSinceStopsThePush(t *testing.T) {
	t.Parallel()
	for _, outage := range []bool{false, true} {
		d := setup(t, storetest.Open(t), 3)
		today := civil.Of(testNow)
		d.history(60, today)
		for i := range d.ads.days {
			if outage && d.ads.days[i].Date >= today-2 {
				d.ads.days[i].Value, d.ads.days[i].Conversions = 0, 0
			}
		}
		d.mustApprove(t, d.ids[0])
		if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
			t.Fatal(err)
		}
		want := bidding.Applied
		if outage {
			want = bidding.Approved
		}
		if got := d.state(t, d.ids[0]); got != want {
			t.Errorf("outage %v: the approved change is %s, want %s", outage, got, want)
		}
		if o := d.Apply(t.Context(), "ann", d.ids[:1]); outage && (len(o) != 1 || o[0].Err == nil || !strings.Contains(o[0].Err.Error(), "guardrail tracking_outage (tracking_outage.freeze_days)")) {
			t.Errorf("pushed by hand: %+v", o)
		}
	}
}

// A day is the ad account's: two in the shop's zone may be one there.
func TestOnceADayOfTheAdAccount(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	auckland, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	d.Shops[0].Location = auckland
	if err := d.Store.UpsertAdAccount(t.Context(), store.AdAccount{Account: "shop", Platform: "google", AdAccount: "123", Name: "Test", Currency: "EUR",
		TimeZone: "America/Los_Angeles", BudgetUnit: 10_000, MinBudget: 10_000, UpdatedAt: testNow}); err != nil {
		t.Fatal(err)
	}
	d.now = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC) // 2:00 there, 22:00 in the shop
	d.mustApprove(t, d.ids[0])
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 1 || o[0].Err != nil {
		t.Fatalf("%+v", o)
	}
	back, err := d.Rollback(t.Context(), "ann", d.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	d.mustApprove(t, back)
	d.now = d.now.Add(8 * time.Hour)
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 1 || o[0].Err == nil || !strings.Contains(o[0].Err.Error(), "once_a_day") {
		t.Errorf("8 hours later, on the same day there: %+v", o)
	}
	d.now = d.now.Add(15 * time.Hour)
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 1 || o[0].Err != nil {
		t.Errorf("on its next day: %+v", o)
	}
}

// One change per entity and day, whatever of it is changed.
func TestOneChangePerEntityAndDay(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	d.ads.entities[0].Fields[platform.TargetROAS] = 4 * money.One
	d.mustApprove(t, d.ids[0])
	d.Apply(t.Context(), "ann", nil)
	set := store.ChangeSet{ChangeSetID: newID(), Account: "shop", Date: civil.Of(testNow), Hash: "x", CreatedAt: d.now}
	row, err := proposalRow(set, bidding.Draft{Platform: platform.Google, AdAccount: "123", Currency: "EUR", Entity: platform.Ref{Type: platform.Campaign, ID: "c0"},
		Name: "Campaign 0", Field: platform.TargetROAS, Seen: 4 * money.One, Proposed: 3_500_000}, d.now, d.now.Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := insertProposals(t.Context(), d.Store.Queries, set, []store.Proposal{row}, "test"); err != nil {
		t.Fatal(err)
	}
	d.mustApprove(t, row.ProposalID)
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 1 || o[0].Err == nil || !strings.Contains(o[0].Err.Error(), "once_a_day") {
		t.Errorf("the target after the budget: %+v", o)
	}
}

// A fifth less is put back by a quarter more, which is above the hard limit: the way
// back takes two steps.
func TestARollbackKeepsToTheHardLimit(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	p, err := d.Store.Proposal(t.Context(), d.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	set, err := d.Store.ChangeSet(t.Context(), p.ChangeSetID)
	if err != nil {
		t.Fatal(err)
	}
	p.Proposed = 80 * money.One
	if err := d.Store.SetProposed(t.Context(), p.ProposalID, p.Proposed, p.Body, planHash(set.Hash, p), d.now); err != nil {
		t.Fatal(err)
	}
	d.mustApprove(t, d.ids[0])
	d.Apply(t.Context(), "ann", nil)
	back, err := d.Rollback(t.Context(), "ann", d.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Store.Proposal(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	body := draftOf(r)
	if r.Seen != 80*money.One || r.Proposed != 96*money.One || len(body.Guardrails) != 1 || body.Guardrails[0].Setting != "step.hard_limit" || !strings.Contains(body.Reasons[0], "96.00 instead of EUR 80.00") {
		t.Errorf("the rollback goes from %s to %s: %+v", r.Seen.Decimal(), r.Proposed.Decimal(), body)
	}
	d.mustApprove(t, back)
	d.now = d.now.Add(24 * time.Hour)
	d.Shops[0].Policy.Protected = []string{"c0"}
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 1 || o[0].Err == nil || !strings.Contains(o[0].Err.Error(), "guardrail protected") {
		t.Errorf("a rollback of what is protected: %+v", o)
	}
	d.Shops[0].Policy.Protected = nil
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 1 || o[0].Err != nil || d.ads.value("c0") != 96*money.One {
		t.Errorf("%+v, budget %s", o, d.ads.value("c0").Decimal())
	}
}

// An increase on one platform that a cut on the other makes room for goes out in the
// same push.
func TestCutsOfAllAdAccountsGoFirst(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	ref := platform.Ref{Type: platform.Campaign, ID: "m0"}
	other := &fakeAds{name: platform.Meta, account: platform.Account{Platform: platform.Meta, ID: "456", Currency: "EUR", TimeZone: "UTC", BudgetUnit: 10_000, MinBudget: 10_000},
		applied: map[platform.Ref]int{}, entities: []platform.Entity{{Ref: ref, Name: "Other", Status: platform.Enabled, Budget: ref, Fields: map[platform.Field]money.Micros{platform.DailyBudget: 100 * money.One}}}}
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: d.ads}, {AdAccount: "456", Ads: other}}, nil
	}
	if err := d.Store.UpsertAdAccount(t.Context(), store.AdAccount{Account: "shop", Platform: "meta", AdAccount: "456", Currency: "EUR", TimeZone: "UTC",
		BudgetUnit: 10_000, MinBudget: 10_000, UpdatedAt: testNow}); err != nil {
		t.Fatal(err)
	}
	d.structure(t, "google", "123", d.ads.entities...)
	d.structure(t, "meta", "456", other.entities...)
	d.Shops[0].Policy.TotalDailyCap = 200
	set := store.ChangeSet{ChangeSetID: newID(), Account: "shop", Date: civil.Of(testNow), Hash: "x", CreatedAt: d.now}
	row, err := proposalRow(set, bidding.Draft{Platform: platform.Meta, AdAccount: "456", Currency: "EUR", Entity: ref, Name: "Other", Field: platform.DailyBudget,
		Seen: 100 * money.One, Proposed: 90 * money.One}, d.now, d.now.Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := insertProposals(t.Context(), d.Store.Queries, set, []store.Proposal{row}, "test"); err != nil {
		t.Fatal(err)
	}
	d.mustApprove(t, d.ids[0], row.ProposalID)
	d.now = d.now.Add(time.Minute) // after the pull
	for _, o := range d.Apply(t.Context(), "ann", nil) {
		if o.Err != nil || o.State != bidding.Applied {
			t.Errorf("%+v", o)
		}
	}
}

// A run's share of automatic approval is used up once, however often its stage runs, and
// a rollback is left to people.
func TestAutomaticApprovalOfARun(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 3)
	d.structure(t, "google", "123", d.ads.entities...)
	caps := guard.AutoCaps{PerItem: 1, PerRun: 1, PerDay: 1, MaxPerRun: 1, MaxPerDay: 10}
	d.Shops[0].Policy.AutoApprove = guard.AutoApprove{Enabled: true, Fields: map[platform.Field]guard.AutoCaps{platform.DailyBudget: caps}}
	approved := func() (n int) {
		t.Helper()
		if err := d.RunDirect(t.Context(), "shop", civil.Of(testNow), []Stage{Approve}); err != nil {
			t.Fatal(err)
		}
		for _, id := range d.ids {
			if d.state(t, id) == bidding.Approved {
				n++
			}
		}
		return n
	}
	for range 3 {
		if n := approved(); n != 1 {
			t.Fatalf("%d are approved, want 1", n)
		}
	}
	caps.MaxPerRun = 2
	d.Shops[0].Policy.AutoApprove.Fields[platform.DailyBudget] = caps
	if n := approved(); n != 2 {
		t.Errorf("%d are approved of two allowed", n)
	}
	for _, o := range d.Apply(t.Context(), "ann", nil) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	caps.MaxPerRun = 10
	d.Shops[0].Policy.AutoApprove.Fields[platform.DailyBudget] = caps
	var back string
	for _, id := range d.ids {
		if d.state(t, id) == bidding.Applied {
			var err error
			if back, err = d.Rollback(t.Context(), "ann", id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if approved(); d.state(t, back) != bidding.Proposed {
		t.Errorf("the rollback is %s", d.state(t, back))
	}
}

package nightly

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
	"adsteward/store/storetest"
)

// experimentDesk is a desk whose structure has been read, without proposals.
func experimentDesk(t *testing.T, st *store.Store, campaigns int) *desk {
	t.Helper()
	d := setup(t, st, campaigns)
	d.Reject(t.Context(), "ann", d.ids, "not needed")
	d.refresh(t)
	return d
}

// refresh reads the structure as the pull does.
func (d *desk) refresh(t *testing.T) {
	t.Helper()
	n := &pulling{&night{Steward: d.Steward, shop: &d.Shops[0], date: civil.Of(d.now)}, d.now, d.now}
	_, entities, err := n.structure(t.Context(), Connection{AdAccount: "123", Ads: d.ads})
	if err == nil {
		err = d.Store.ReplaceEntities(t.Context(), "shop", string(d.ads.Platform()), "123", d.now, entities)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// step does what the night does for experiments on the desk's day: it reads,
// takes the steps and pushes them.
func (d *desk) step(t *testing.T) error {
	t.Helper()
	d.refresh(t)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: civil.Of(d.now), runID: RunID("shop", civil.Of(d.now))}
	_, err := n.stepExperiments(t.Context())
	for _, o := range d.Apply(t.Context(), pushActor, nil) {
		if o.Err != nil {
			t.Errorf("%s: pushing: %v", n.date, o.Err)
		}
	}
	d.now = d.now.AddDate(0, 0, 1)
	return err
}

func (d *desk) plan(t *testing.T, r attribution.ExperimentRequest) store.Experiment {
	t.Helper()
	r.Account = "shop"
	e, err := d.PlanExperiment(t.Context(), "ann", r)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (d *desk) experiment(t *testing.T, id string) store.Experiment {
	t.Helper()
	e, err := d.Store.Experiment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// lookOf is an experiment's newest look; nil before the first.
func lookOf(t *testing.T, e store.Experiment) *attribution.ExperimentLook {
	t.Helper()
	x, err := present.ExperimentOf(e)
	if err != nil {
		t.Fatal(err)
	}
	return x.Look
}

// A switchback from its plan to its end, over both databases: the budget is what
// the schedule says on each of its days and the usual one afterwards, every change
// has an approval of the one who started it, and the audit chain holds.
func TestSwitchbackLife(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := experimentDesk(t, st, 2)
		e := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "Campaign 0", Days: 28, Seed: 3, Off: 5 * money.One})
		if e.State != "planned" || e.ApprovedBy != "" {
			t.Fatalf("%+v", e)
		}
		if again := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "Campaign 0", Days: 28, Seed: 3, Off: 5 * money.One}); again.ExperimentID != e.ExperimentID {
			t.Error("the same plan asked for twice is two")
		}
		if other := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "Campaign 0", Days: 42, Seed: 3, Off: 5 * money.One}); other.ExperimentID == e.ExperimentID {
			t.Error("another plan is taken for the same")
		}
		if err := d.step(t); err != nil || d.ads.value("c0") != 100*money.One {
			t.Fatalf("a plan that nobody started changed the budget to %s: %v", d.ads.value("c0").Decimal(), err)
		}
		d.now = d.now.AddDate(0, 0, -1)
		if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, "another hash"); !IsRefused(err) {
			t.Errorf("started by another plan's hash: %v", err)
		}
		if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, e.PlanHash); err != nil {
			t.Fatal(err)
		}
		p, err := planOf(d.experiment(t, e.ExperimentID))
		if err != nil {
			t.Fatal(err)
		}
		low := 0
		for range 31 {
			day := civil.Of(d.now)
			if err := d.step(t); err != nil {
				t.Fatal(err)
			}
			if got := d.ads.value("c0"); got != p.BudgetOn(day) {
				t.Fatalf("on %s the budget is %s, want %s", day, got.Decimal(), p.BudgetOn(day).Decimal())
			}
			if d.ads.value("c0") == 5*money.One {
				low++
			}
		}
		if low != 14 || d.ads.value("c1") != 100*money.One {
			t.Errorf("%d days low, the other campaign %s", low, d.ads.value("c1").Decimal())
		}
		d.now = d.now.AddDate(0, 0, 1)
		if err := d.step(t); err != nil {
			t.Fatal(err)
		}
		if e := d.experiment(t, e.ExperimentID); e.State != "ended" || e.ToRestore || !e.EndedAt.Valid {
			t.Errorf("in the end it is %+v", e)
		}
		rows, err := st.Proposals(t.Context(), store.Filter{Account: "shop", States: []string{string(bidding.Applied)}})
		if err != nil || len(rows) < 2 {
			t.Fatalf("%d changes: %v", len(rows), err)
		}
		for _, r := range rows {
			a, err := st.LatestApproval(t.Context(), r.ProposalID)
			if err != nil || a.Actor != "experiment:"+e.ExperimentID || a.PlanHash != r.PlanHash {
				t.Errorf("change %s: %+v, %v", r.ProposalID, a, err)
			}
		}
		checkAudit(t, st, e, "bob approved its plan "+e.PlanHash)
	})
}

// checkAudit sees to it that the chain holds, that every state of the experiment
// is in it, and that some entry says what.
func checkAudit(t *testing.T, st *store.Store, e store.Experiment, what string) {
	t.Helper()
	if _, _, err := st.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	list, err := st.AuditEntries(t.Context(), store.AuditFilter{Account: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	said := false
	for _, a := range list {
		if strings.Contains(a.Reason, e.ExperimentID) {
			seen[a.Action] = true
		}
		said = said || strings.Contains(a.Reason, what)
	}
	if !seen["experiment_planned"] || !seen["experiment_running"] || !seen["experiment_ended"] || !said {
		t.Errorf("the audit log lacks something: %v, %v", seen, said)
	}
}

// While it runs nothing else changes the campaign: what was open is closed, what
// comes later is refused at the push, and the plan's own step to another value
// than it names is too. A stop puts the budget back.
func TestExperimentIsProtectedAtThePush(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	d.mustApprove(t, d.ids...)
	d.refresh(t)
	today := civil.Of(d.now)
	e := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "c0", Start: today, Days: 28, Seed: heldFirst(t, today)})
	if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, ""); err != nil {
		t.Fatal(err)
	}
	if d.state(t, d.ids[0]) != bidding.Superseded || d.state(t, d.ids[1]) != bidding.Approved {
		t.Errorf("open proposals are %s and %s", d.state(t, d.ids[0]), d.state(t, d.ids[1]))
	}
	if err := d.step(t); err != nil || d.ads.value("c0") != 10*money.One {
		t.Fatalf("%s, %v", d.ads.value("c0").Decimal(), err)
	}
	second := d.propose(t, 1)
	d.mustApprove(t, second...)
	for _, o := range d.Apply(t.Context(), "ann", second) {
		if !IsRefused(o.Err) || !strings.Contains(o.Err.Error(), "guardrail experiment") || !strings.Contains(o.Err.Error(), "Campaign 0, switchback") {
			t.Errorf("somebody else's change: %v", o.Err)
		}
	}
	d.Reject(t.Context(), "ann", second, "refused")

	forged := d.forge(t, e, 90*money.One)
	if o := d.Apply(t.Context(), "ann", []string{forged})[0]; !IsRefused(o.Err) || !strings.Contains(o.Err.Error(), "plan asks for it no more") {
		t.Errorf("a step to a value that the plan does not name: %v", o.Err)
	}
	d.Reject(t.Context(), "ann", []string{forged}, "forged")

	if _, err := d.StopExperiment(t.Context(), "bob", e.ExperimentID, ""); !IsRefused(err) {
		t.Errorf("stopped without a reason: %v", err)
	}
	if _, err := d.StopExperiment(t.Context(), "bob", e.ExperimentID, "stock is low"); err != nil {
		t.Fatal(err)
	}
	if err := d.step(t); err != nil || d.ads.value("c0") != 100*money.One {
		t.Errorf("after the stop the budget is %s: %v", d.ads.value("c0").Decimal(), err)
	}
	if err := d.step(t); err != nil {
		t.Fatal(err)
	}
	if under, err := protections(t.Context(), d.Store.Queries, "shop"); err != nil || len(under) != 0 {
		t.Errorf("it is still protected: %v, %v", under, err)
	}
	if _, err := d.CancelExperiment(t.Context(), "bob", e.ExperimentID, "no use"); err != nil {
		t.Error(err)
	}
	if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, ""); !IsRefused(err) {
		t.Errorf("started again: %v", err)
	}
}

// heldFirst finds a seed whose schedule begins with the low budget.
func heldFirst(t *testing.T, start civil.Date) uint64 {
	t.Helper()
	for seed := uint64(1); seed < 100; seed++ {
		p := attribution.ExperimentPlan{Kind: attribution.Switchback, Start: start, Days: 28, Seed: seed, Switchback: &attribution.SwitchbackPlan{BlockDays: 7, Washout: 2}}
		if p.ArmOn(start) == attribution.Held {
			return seed
		}
	}
	t.Fatal("no schedule begins with the low budget")
	return 0
}

// forge stores an approved change in the name of an experiment.
func (d *desk) forge(t *testing.T, e store.Experiment, value money.Micros) string {
	t.Helper()
	dr := bidding.Draft{Platform: platform.Google, AdAccount: "123", Currency: "EUR", Entity: platform.Ref{Type: platform.Campaign, ID: "c0"},
		Field: platform.DailyBudget, Seen: 10 * money.One, Proposed: value, Body: bidding.Body{Experiment: e.ExperimentID}}
	set := store.ChangeSet{ChangeSetID: newID(), Account: "shop", Hash: "h", CreatedAt: d.now}
	row, err := proposalRow(set, dr, d.now, d.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Store.InTx(t.Context(), func(q *store.Queries) error {
		return insertProposals(t.Context(), q, set, []store.Proposal{row}, "test")
	}); err != nil {
		t.Fatal(err)
	}
	d.mustApprove(t, row.ProposalID)
	return row.ProposalID
}

// What somebody else sets stops the schedule and is said, and a plan whose stored
// words no longer match its hash is not followed.
func TestExperimentStopsWhereSomethingIsWrong(t *testing.T) {
	t.Parallel()
	d := experimentDesk(t, storetest.Open(t), 1)
	today := civil.Of(d.now)
	e := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "google:c0", Start: today, Days: 28, Seed: heldFirst(t, today)})
	if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, ""); err != nil {
		t.Fatal(err)
	}
	d.ads.entities[0].Fields[platform.DailyBudget] = 70 * money.One
	if err := d.step(t); err == nil || !strings.Contains(err.Error(), "somebody else set the budget") || d.ads.value("c0") != 70*money.One {
		t.Errorf("%s, %v", d.ads.value("c0").Decimal(), err)
	}
	d.ads.entities[0].Fields[platform.DailyBudget] = 100 * money.One
	other := d.experiment(t, e.ExperimentID)
	other.Plan = strings.Replace(other.Plan, `"off":10`, `"off":1`, 1)
	if _, err := planOf(other); !IsRefused(err) || !strings.Contains(err.Error(), "hash") {
		t.Errorf("a changed plan: %v", err)
	}
	// Nothing is pushed while such a plan is in force, and cancelling gets rid of it.
	other.ExperimentID = "tampered"
	if err := d.Store.InsertExperiment(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := protections(t.Context(), d.Store.Queries, "shop"); !IsRefused(err) {
		t.Errorf("what a changed plan protects: %v", err)
	}
	gone, err := d.CancelExperiment(t.Context(), "bob", "tampered", "it was changed")
	if err != nil || gone.ToRestore || !strings.Contains(gone.Reason, "look at the budget") {
		t.Errorf("%+v, %v", gone, err)
	}
	if _, err := d.CancelExperiment(t.Context(), "bob", e.ExperimentID, "wrong campaign"); err != nil {
		t.Fatal(err)
	}
	if err := d.step(t); err != nil || d.experiment(t, e.ExperimentID).ToRestore {
		t.Errorf("cancelled with nothing to put back: %v", err)
	}
}

func TestExperimentRequestsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	d := experimentDesk(t, storetest.Open(t), 2)
	d.ads.entities[1].Shared = true
	d.Shops[0].Policy.Protected = []string{"Campaign 0"}
	d.Shops[0].Policy.BlackOut = []guard.BlackOut{{From: civil.MustParse("2026-11-27"), To: civil.MustParse("2026-11-30")}}
	d.refresh(t)
	for name, tc := range map[string]struct {
		r       attribution.ExperimentRequest
		refused bool
		want    string
	}{
		"account":    {attribution.ExperimentRequest{Account: "nobody", Kind: attribution.Switchback}, false, "not in the configuration"},
		"kind":       {attribution.ExperimentRequest{Kind: "coin"}, false, "none of"},
		"no name":    {attribution.ExperimentRequest{Kind: attribution.Switchback}, false, "name the campaign"},
		"campaign":   {attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "x"}, false, "no campaign"},
		"past":       {attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "c0", Start: civil.MustParse("2020-01-01")}, false, "has passed"},
		"protected":  {attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "c0"}, true, "protected"},
		"shared":     {attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "c1"}, true, "shares its budget"},
		"black-out":  {attribution.ExperimentRequest{Kind: attribution.Switchback, Campaign: "c0", Start: civil.MustParse("2026-11-01"), Days: 28}, true, "black_out"},
		"no units":   {attribution.ExperimentRequest{Kind: attribution.PolicyTest}, true, "four are needed"},
		"no lists":   {attribution.ExperimentRequest{Kind: attribution.Holdout, Campaign: "c0"}, true, "audiences.enabled"},
		"no regions": {attribution.ExperimentRequest{Kind: attribution.Geo, Campaign: "c0"}, false, "each side"},
		"region":     {attribution.ExperimentRequest{Kind: attribution.Geo, Campaign: "c0", Held: []string{"XX"}}, false, "sold nothing"},
	} {
		if tc.r.Account == "" {
			tc.r.Account = "shop"
		}
		_, err := d.DraftExperiment(t.Context(), tc.r)
		var in *InputError
		if err == nil || !strings.Contains(err.Error(), tc.want) || IsRefused(err) != tc.refused || errors.As(err, &in) == tc.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A ledger entry takes the place of the belief: the proposals' evidence is
// calibrated, the share moves to what was measured, and an old experiment moves it
// less than a new one.
func TestLedgerIsBelieved(t *testing.T) {
	t.Parallel()
	share := func(age int) (attribution.Share, bidding.Worth, bidding.Worth) {
		d := setup(t, storetest.Open(t), 3)
		today := civil.Of(testNow)
		d.history(60, today)
		if age > 0 {
			e := store.Experiment{ExperimentID: "x1", Account: "shop", Kind: "switchback", State: "concluded", CreatedAt: testNow, UpdatedAt: testNow}
			if err := d.Store.InsertExperiment(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if err := d.Store.PutIota(t.Context(), store.IotaEntry{Account: "shop", Campaign: "google:c0", ExperimentID: "x1", Value: 0.3, SD: 0.05,
				Ended: today.AddDays(-age), Method: "switchback", RecordedAt: testNow}); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.RunDirect(t.Context(), "shop", today, []Stage{Pull, Feeds, Attribute, Value}); err != nil {
			t.Fatal(err)
		}
		shares, err := loadModels[attribution.Share](t.Context(), d.Store.Queries, RunID("shop", today), "attribution")
		if err != nil {
			t.Fatal(err)
		}
		worths, err := loadModels[bidding.Worth](t.Context(), d.Store.Queries, RunID("shop", today), "worth")
		if err != nil {
			t.Fatal(err)
		}
		return shares["google:c0"], worths["google:c0"], worths["google:c1"]
	}
	believed, w, _ := share(0)
	if believed.Measured != nil || w.Calibrated || believed.Iota < 0.6 {
		t.Fatalf("without an experiment: %+v", believed)
	}
	fresh, w, other := share(1)
	if !w.Calibrated || math.Abs(fresh.Iota-0.3) > 0.06 || w.IncrementalShare != fresh.Iota || fresh.RelSD >= believed.RelSD {
		t.Errorf("measured as 0.30: %+v", fresh)
	}
	if !strings.Contains(strings.Join(w.Sources, " "), "by experiment") || strings.Contains(strings.Join(w.Sources, " "), "uncalibrated") {
		t.Errorf("the worth says %q", w.Sources)
	}
	if other.Calibrated || other.IncrementalShare >= believed.Iota {
		t.Errorf("a campaign to the same people learns nothing: %.2f, believed %.2f", other.IncrementalShare, believed.Iota)
	}
	if old, _, _ := share(3 * 365); old.Iota <= fresh.Iota || old.RelSD*old.Iota <= fresh.RelSD*fresh.Iota {
		t.Errorf("three years later %.3f (± %.3f), fresh %.3f (± %.3f)", old.Iota, old.RelSD*old.Iota, fresh.Iota, fresh.RelSD*fresh.Iota)
	}
	if b, err := json.Marshal(fresh); err != nil || strings.Contains(string(b), "NaN") {
		t.Errorf("%s, %v", b, err)
	}
}

// Where every campaign was measured, the night's proposals say so: their evidence
// is calibrated, and their reasons name the experiment instead of its lack.
func TestProposalsSayMeasured(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 4)
	today := civil.Of(testNow)
	d.history(60, today)
	if err := d.Store.InsertExperiment(t.Context(), store.Experiment{ExperimentID: "x1", Account: "shop", State: "concluded", CreatedAt: testNow, UpdatedAt: testNow}); err != nil {
		t.Fatal(err)
	}
	for _, e := range d.ads.entities {
		if err := d.Store.PutIota(t.Context(), store.IotaEntry{Account: "shop", Campaign: "google:" + e.ID, ExperimentID: "x1", Value: 0.8, SD: 0.05, Ended: today.AddDays(-9), RecordedAt: testNow}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
		t.Fatal(err)
	}
	rows := open(t, d.Store)
	if len(rows) == 0 {
		t.Fatal("nothing is proposed")
	}
	for _, r := range rows {
		b := draftOf(r).Body
		text := strings.Join(b.Reasons, " ")
		if !b.Evidence.Calibrated || math.Abs(b.Evidence.IncrementalShare-0.8) > 0.05 || strings.Contains(text, "not calibrated") || !strings.Contains(text, "measured by an experiment") {
			t.Errorf("%+v says %q", b.Evidence, text)
		}
	}
}

// The program's own policy against doing nothing: after a night the campaigns are
// parted by chance, those left alone get no proposal and say why, and the profit
// found is what the steered ones were made to earn more.
func TestPolicyTest(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 8)
	today := civil.Of(testNow)
	d.history(60, today)
	if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
		t.Fatal(err)
	}
	e := d.plan(t, attribution.ExperimentRequest{Kind: attribution.PolicyTest, Start: today, Days: 28, Seed: 3})
	if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, e.PlanHash); err != nil {
		t.Fatal(err)
	}
	p, err := planOf(e)
	if err != nil || len(p.Policy.Treated) != 4 || len(p.Policy.Held) != 4 {
		t.Fatalf("%+v, %v", p.Policy, err)
	}
	held := map[string]bool{}
	for _, u := range p.Policy.Held {
		held[u.Key] = true
	}
	d.now = d.now.AddDate(0, 0, 1)
	d.history(1, today.AddDays(1))
	if err := d.RunDirect(t.Context(), "shop", today.AddDays(1), nil); err != nil {
		t.Fatal(err)
	}
	rows := open(t, d.Store)
	if len(rows) == 0 {
		t.Error("nothing is proposed for the campaigns that are steered")
	}
	for _, r := range rows {
		if held[keyOf(r)] {
			t.Errorf("%s is left alone, and yet %s is proposed", keyOf(r), r.Proposed.Decimal())
		}
	}
	// From here on the steered campaigns sell 100 a day more. What the days of one are part of
	// since makes them no less its own.
	rng := rand.New(rand.NewPCG(6, 7))
	var perf []store.Performance
	for _, u := range append(p.Policy.Treated, p.Policy.Held...) {
		for i := range 28 {
			value := 520 + 40*rng.NormFloat64()
			if !held[u.Key] {
				value += 100
			}
			perf = append(perf, store.Performance{Account: "shop", Platform: "google", AdAccount: "123", EntityType: "campaign", EntityID: strings.TrimPrefix(u.Campaigns[0], "google:"),
				Date: today.AddDays(i), Cost: 100 * money.One, Value: micros(value), Part: i < 14 && u.Key == p.Policy.Treated[0].Key, PulledAt: d.now})
		}
	}
	if err := d.Store.UpsertPerformance(t.Context(), today.AddDays(70), perf); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.AddDate(0, 0, 58)
	if err := d.step(t); err != nil {
		t.Fatal(err)
	}
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: civil.Of(d.now)}
	if _, concluded, err := n.watchExperiments(t.Context()); err != nil || concluded != 1 {
		t.Fatalf("%d concluded: %v, %+v", concluded, err, d.experiment(t, e.ExperimentID))
	}
	l := lookOf(t, d.experiment(t, e.ExperimentID))
	if l == nil || l.Lift == nil {
		t.Fatalf("%+v", l)
	}
	want := 0.0
	for _, u := range p.Policy.Treated {
		want += 28 * 100 * u.K
	}
	if l.Lift.Excludes(want) || l.Lift.Low <= 0 || math.Abs(l.Lift.Value/want-1) > 0.35 {
		t.Errorf("found %+v, want about %.0f", l.Lift, want)
	}
	if ledger, err := d.Store.IotaLedger(t.Context(), "shop"); err != nil || len(ledger) != 0 {
		t.Errorf("a test of the program is in the ledger of campaigns: %+v, %v", ledger, err)
	}
}

package nightly

import (
	"encoding/json"
	"math"
	"math/rand/v2"
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

// live gives every campaign the days up to the desk's now, spent as its budget
// is and worth a share of what history would have.
func (d *desk) live(from civil.Date, share map[string]float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i, e := range d.ads.entities {
		left := 1.0
		if s, ok := share[e.ID]; ok {
			left = s
		}
		for day := from; day < civil.Of(d.now); day++ {
			spend := e.Fields[platform.DailyBudget].Float() * (0.93 + 0.1*rng.Float64())
			value := left * (4 + float64(i%4)) * math.Pow(spend, 0.7) * math.Pow(100, 0.3) * (0.9 + 0.2*rng.Float64())
			d.ads.days = append(d.ads.days, platform.Performance{Entity: e.Ref, Date: day, Cost: money.Micros(spend * 1e6),
				Value: money.Micros(value * 1e6), Conversions: value / 50, Clicks: 200, Impressions: 10000})
		}
	}
}

func outturnOf(t *testing.T, p store.Proposal) (m bidding.Outturn) {
	t.Helper()
	if p.Measured == "" {
		t.Fatalf("proposal %s of %s is %s and not measured", p.ProposalID, p.EntityID, p.State)
	}
	if err := json.Unmarshal([]byte(p.Measured), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMeasureRollsBack follows applied changes: what broke is proposed to be put
// back with its figures, what was changed since is not, what went well is left,
// and the rollback itself is measured and never rolled back.
func TestMeasureRollsBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 8)
		ctx, first := t.Context(), civil.Of(testNow)
		night := func(stages ...Stage) {
			t.Helper()
			if err := d.RunDirect(ctx, "shop", civil.Of(d.now), stages); err != nil {
				t.Fatal(err)
			}
		}
		d.history(60, first)
		night()
		var ids []string
		for _, p := range open(t, st) {
			ids = append(ids, p.ProposalID)
		}
		if len(ids) < 3 {
			t.Fatalf("%d proposals, want at least 3", len(ids))
		}
		ids = ids[:3]
		d.mustApprove(t, ids...)
		for _, o := range d.Apply(ctx, "ann", ids) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
		named := func(id string) store.Proposal {
			p, err := st.Proposal(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		broken, moved, fine := named(ids[0]), named(ids[1]), named(ids[2])

		// The last day of its fortnight is not reported in full yet.
		d.now = d.now.AddDate(0, 0, bidding.OutcomeDays-1+matureDays)
		d.live(first, map[string]float64{broken.EntityID: 0.4, moved.EntityID: 0.4})
		night(Pull, Curves, Measure)
		if s := named(broken.ProposalID).State; s != string(bidding.Applied) {
			t.Fatalf("it is %s too early", s)
		}
		d.now = d.now.AddDate(0, 0, 1)
		d.live(civil.Of(d.now).AddDays(-1), nil)
		for _, e := range d.ads.entities {
			if e.ID == moved.EntityID {
				e.Fields[platform.DailyBudget] += money.One // by hand
			}
		}
		night(Pull, Curves, Measure)
		broken, moved, fine = named(broken.ProposalID), named(moved.ProposalID), named(fine.ProposalID)
		for _, p := range []store.Proposal{broken, moved, fine} {
			m := outturnOf(t, p)
			if p.State != string(bidding.Measured) || m.Days != bidding.OutcomeDays || m.From != first || !(m.GainLow <= m.Gain && m.Gain <= m.GainHigh) || m.Others != 7 {
				t.Errorf("%s: %+v", p.State, m)
			}
		}
		m := outturnOf(t, broken)
		if m.Verdict != bidding.Loss || m.RolledBack == "" || m.LossProbability < 0.9 || m.Believed > -1 {
			t.Fatalf("the broken one: %+v", m)
		}
		back := named(m.RolledBack)
		if back.State != string(bidding.Proposed) || back.RollbackOf != broken.ProposalID || back.Proposed != broken.Seen || back.Seen != broken.Proposed ||
			!strings.Contains(back.Body, "lost money with a probability of") {
			t.Errorf("the rollback: %+v", back)
		}
		if e := draftOf(back).Expected; math.Abs(e.GainPerDay+m.Believed) > 1e-9 || !(e.GainLow <= e.GainPerDay && e.GainPerDay <= e.GainHigh) || !(e.Low <= e.ProfitPerDay && e.ProfitPerDay <= e.High) {
			t.Errorf("the rollback promises %+v, believed lost %v", e, -m.Believed)
		}
		if m := outturnOf(t, moved); m.Verdict != bidding.Loss || m.RolledBack != "" || !strings.Contains(m.Why, "changed since") {
			t.Errorf("the one changed since: %+v", m)
		}
		if m := outturnOf(t, fine); m.Verdict == bidding.Loss || m.RolledBack != "" {
			t.Errorf("the fine one: %+v", m)
		}

		// While it waits for somebody, the night proposes nothing else for the value.
		d.now = d.now.AddDate(0, 0, 1)
		d.live(civil.Of(d.now).AddDays(-1), map[string]float64{broken.EntityID: 0.4})
		night()
		if s := named(back.ProposalID).State; s != string(bidding.Proposed) {
			t.Errorf("the rollback is %s after another night", s)
		}
		for _, p := range open(t, st) {
			if p.EntityID == broken.EntityID && p.RollbackOf == "" {
				t.Errorf("beside the rollback the night proposes %s to %s", p.Seen.Decimal(), p.Proposed.Decimal())
			}
		}

		// Put back, and worse still after: nobody proposes to undo that.
		d.mustApprove(t, back.ProposalID)
		if o := d.Apply(ctx, "ann", []string{back.ProposalID}); o[0].Err != nil {
			t.Fatal(o[0].Err)
		}
		from := civil.Of(d.now)
		d.now = d.now.AddDate(0, 0, 30)
		d.live(from, map[string]float64{broken.EntityID: 0.1})
		night(Pull, Curves, Measure)
		if m := outturnOf(t, named(back.ProposalID)); m.Verdict != bidding.Loss || m.RolledBack != "" || !strings.Contains(m.Why, "a rollback itself") || m.Promised == 0 {
			t.Errorf("the rollback: %+v", m)
		}
		if ps := open(t, st); len(ps) > 0 {
			for _, p := range ps {
				if p.RollbackOf != "" {
					t.Errorf("a second rollback, of %s", p.RollbackOf)
				}
			}
		}
		if _, _, err := st.VerifyAudit(ctx); err != nil {
			t.Error(err)
		}
	})
}

// A page that breaks a week after a change, of which the nights warn, is not laid to it
// and nothing is put back.
func TestMeasureHeedsAlerts(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 8)
	ctx, first := t.Context(), civil.Of(testNow)
	night := func() {
		t.Helper()
		if err := d.RunDirect(ctx, "shop", civil.Of(d.now), nil); err != nil {
			t.Fatal(err)
		}
	}
	d.history(75, first)
	for i := range d.ads.days {
		d.ads.days[i].Clicks = 200
	}
	night()
	id := open(t, d.Store)[0].ProposalID
	d.mustApprove(t, id)
	if o := d.Apply(ctx, "ann", []string{id}); o[0].Err != nil {
		t.Fatal(o[0].Err)
	}
	p, err := d.Store.Proposal(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	d.now = d.now.AddDate(0, 0, 7)
	d.live(first, nil)
	broken := first.AddDays(7)
	d.now = d.now.AddDate(0, 0, 7)
	d.live(broken, map[string]float64{p.EntityID: 0.3})
	night()
	d.now = d.now.AddDate(0, 0, 8) // the page is mended meanwhile
	d.live(broken.AddDays(7), nil)
	night()
	if p, err = d.Store.Proposal(ctx, id); err != nil {
		t.Fatal(err)
	}
	m := outturnOf(t, p)
	if m.Days != 7 || m.Verdict == bidding.Loss || m.RolledBack != "" || len(m.LeftOut) != 1 || m.LeftOut[0] != "7 days after its conversion rate fell (about "+broken.String()+")" {
		t.Errorf("%+v", m)
	}
}

// A change stands while the platform has its value and nothing has been pushed
// over it since.
func TestStands(t *testing.T) {
	t.Parallel()
	r := platform.Ref{Type: platform.Budget, ID: "7"}
	p := store.Proposal{Platform: "google", AdAccount: "123", EntityType: "budget", EntityID: "7", Field: "daily_budget", Seen: 100, Proposed: 110}
	p.AppliedAt.Time, p.AppliedAt.Valid = testNow, true
	past := func(after time.Duration, value money.Micros) bidding.PastChange {
		return bidding.PastChange{Key: bidding.Key{Platform: platform.Google, AdAccount: "123", Ref: r}, Field: platform.DailyBudget, At: testNow.Add(after), New: value}
	}
	for name, c := range map[string]struct {
		has     money.Micros
		changes []bidding.PastChange
		want    bool
	}{
		"alone":                          {110, nil, true},
		"itself, as the platform has it": {110, []bidding.PastChange{past(time.Minute, 110)}, true},
		"before it":                      {110, []bidding.PastChange{past(-time.Hour, 100)}, true},
		"pushed over tonight":            {110, []bidding.PastChange{past(21*24*time.Hour, 120)}, false},
		"another value there":            {115, nil, false},
	} {
		w := &measuring{in: bidding.Input{Changes: c.changes, Accounts: []bidding.Account{{Platform: platform.Google, ID: "123",
			Entities: []platform.Entity{{Ref: r, Fields: map[platform.Field]money.Micros{platform.DailyBudget: c.has}}}}}}}
		if got := w.stands(p); got != c.want {
			t.Errorf("%s: stands is %v", name, got)
		}
	}
	if (&measuring{}).stands(p) {
		t.Error("what is gone stands")
	}
}

// A change holds from its day in the ad account's zone on, or from the next where
// half of it was over.
func TestFirstDay(t *testing.T) {
	t.Parallel()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	zones := map[[2]string]*time.Location{{"google", "1"}: tokyo}
	for at, want := range map[string]string{"2026-03-10T01:00:00Z": "2026-03-10", "2026-03-10T04:30:00Z": "2026-03-11", "2026-03-10T16:00:00Z": "2026-03-11"} {
		p := store.Proposal{Platform: "google", AdAccount: "1"}
		if p.AppliedAt.Time, err = time.Parse(time.RFC3339, at); err != nil {
			t.Fatal(err)
		}
		if got := firstDay(p, zones).String(); got != want {
			t.Errorf("a change at %s holds from %s on, not %s", at, got, want)
		}
	}
}

// The policy turns rollbacks off, and what has no curve does not keep the others
// from being measured.
func TestMeasureWithoutRollback(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 8)
	d.Shops[0].Policy.Rollback = guard.RollbackRule{}
	ctx, first := t.Context(), civil.Of(testNow).AddDays(1)
	d.mustApprove(t, d.ids[7])
	d.Apply(ctx, "ann", d.ids[7:]) // setup's own, of a night that kept nothing
	d.now = d.now.AddDate(0, 0, 1)
	d.history(60, first)
	if err := d.RunDirect(ctx, "shop", first, nil); err != nil {
		t.Fatal(err)
	}
	p := open(t, d.Store)[0]
	d.mustApprove(t, p.ProposalID)
	d.Apply(ctx, "ann", []string{p.ProposalID})
	d.now = d.now.AddDate(0, 0, 30)
	d.live(first, map[string]float64{p.EntityID: 0.3})
	if err := d.RunDirect(ctx, "shop", civil.Of(d.now), []Stage{Pull, Curves, Measure}); err != nil {
		t.Fatal(err)
	}
	p, err := d.Store.Proposal(ctx, p.ProposalID)
	if err != nil {
		t.Fatal(err)
	}
	if m := outturnOf(t, p); m.Verdict != bidding.Loss || m.RolledBack != "" {
		t.Errorf("with rollback.probability 0: %+v", m)
	}
	bare, err := d.Store.Proposal(ctx, d.ids[7])
	if err != nil {
		t.Fatal(err)
	}
	if m := outturnOf(t, bare); m.Verdict != bidding.Unjudged || !strings.Contains(m.Why, "kept no curve of it") {
		t.Errorf("without a curve: %+v", m)
	}
}

// What lost money goes back once whatever else of its unit was changed since has rested.
func TestMeasureWaitsForARest(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 8)
	ctx, first := t.Context(), civil.Of(testNow)
	d.history(60, first)
	if err := d.RunDirect(ctx, "shop", first, nil); err != nil {
		t.Fatal(err)
	}
	p := open(t, d.Store)[0]
	d.mustApprove(t, p.ProposalID)
	d.Apply(ctx, "ann", []string{p.ProposalID})
	night := func(days int) (store.Proposal, string) {
		t.Helper()
		from := civil.Of(d.now)
		d.now = d.now.AddDate(0, 0, days)
		d.live(from, map[string]float64{p.EntityID: 0.3})
		if err := d.RunDirect(ctx, "shop", civil.Of(d.now), []Stage{Pull, Curves, Measure}); err != nil {
			t.Fatal(err)
		}
		row, err := d.stageRow(ctx, RunID("shop", civil.Of(d.now)), Measure)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Store.Proposal(ctx, p.ProposalID)
		if err != nil {
			t.Fatal(err)
		}
		return p, row.Summary
	}
	err := d.Store.UpsertChangeEvents(ctx, []store.ChangeEvent{{Account: "shop", Platform: p.Platform, AdAccount: p.AdAccount, EntityType: p.EntityType,
		EntityID: p.EntityID, Field: string(platform.TargetROAS), OldValue: 3 * money.One, NewValue: 4 * money.One, Actor: "bob", At: d.now.AddDate(0, 0, 20)}})
	if err != nil {
		t.Fatal(err)
	}
	if got, said := night(24); got.State != string(bidding.Applied) || !strings.Contains(said, "1 that lost money are judged when what was changed since has rested") {
		t.Errorf("four days after another change it is %s: %s", got.State, said)
	}
	got, said := night(4)
	if m := outturnOf(t, got); m.Verdict != bidding.Loss || m.RolledBack == "" {
		t.Errorf("after a rest: %s: %+v", said, m)
	}
}

// Once a week the curves of a fortnight ago are held to what came.
func TestChecksForecasts(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 8)
	for int(civil.Of(d.now))%bidding.ForecastDays != 0 {
		d.now = d.now.AddDate(0, 0, 1)
	}
	first := civil.Of(d.now)
	d.history(60, first)
	night := func() string {
		t.Helper()
		date := civil.Of(d.now)
		if err := d.RunDirect(t.Context(), "shop", date, nil); err != nil {
			t.Fatal(err)
		}
		row, err := d.stageRow(t.Context(), RunID("shop", date), Measure)
		if err != nil {
			t.Fatal(err)
		}
		return row.Summary
	}
	if s := night(); strings.Contains(s, "forecast") {
		t.Errorf("the first night says %q", s)
	}
	d.now = d.now.AddDate(0, 0, 14)
	d.live(first, nil)
	s := night()
	models, err := loadModels[bidding.Forecasts](t.Context(), d.Store.Queries, RunID("shop", civil.Of(d.now)), forecastModel)
	if f := models[""]; err != nil || f.From != first || f.Count != 8 || f.Inside95 < 6 || !strings.Contains(s, "of 8 forecasts for the week from "+first.String()) {
		t.Errorf("%+v, %q: %v", f, s, err)
	}
}

package nightly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// fakeAds is an ad account in memory whose answers can be spoiled.
type fakeAds struct {
	name     platform.Name
	account  platform.Account
	entities []platform.Entity
	days     []platform.Performance

	simulations []platform.Simulation

	mu sync.Mutex
	// spoil is asked before every call and may return an error to answer with;
	// "apply after" is asked when the effect is there.
	spoil func(call string) error
	// applied counts the changes that took effect, by entity.
	applied map[platform.Ref]int
	// stale, where not nil, is what reads answer.
	stale []platform.Entity
	ops   int64
}

func (f *fakeAds) fault(call string) error {
	f.ops++
	if f.spoil == nil {
		return nil
	}
	return f.spoil(call)
}

func (f *fakeAds) Platform() platform.Name { return f.name }

func (f *fakeAds) Account(context.Context) (platform.Account, error) {
	return f.account, f.fault("account")
}

func (f *fakeAds) Structure(context.Context) ([]platform.Entity, error) {
	return f.entities, f.fault("structure")
}

func (f *fakeAds) Performance(_ context.Context, from, to civil.Date, yield func([]platform.Performance) error) error {
	if err := f.fault("performance"); err != nil {
		return err
	}
	var out []platform.Performance
	for _, d := range f.days {
		if d.Date >= from && d.Date <= to {
			out = append(out, d)
		}
	}
	return yield(out)
}

func (f *fakeAds) Simulations(context.Context) ([]platform.Simulation, error) {
	return f.simulations, f.fault("simulations")
}

func (f *fakeAds) Changes(context.Context, time.Time) ([]platform.ChangeEvent, error) {
	return nil, f.fault("changes")
}

func (f *fakeAds) Read(_ context.Context, refs []platform.Ref) ([]platform.Entity, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fault("read"); err != nil {
		return nil, err
	}
	var out []platform.Entity
	entities := f.entities
	if f.stale != nil {
		entities = f.stale
	}
	for _, e := range entities {
		for _, r := range refs {
			if e.Ref == r {
				c := e
				c.Fields = map[platform.Field]money.Micros{}
				for k, v := range e.Fields {
					c.Fields[k] = v
				}
				out = append(out, c)
			}
		}
	}
	return out, nil
}

func (f *fakeAds) Validate(_ context.Context, cs []platform.Change) ([]platform.Result, error) {
	if err := f.fault("validate"); err != nil {
		return nil, err
	}
	return make([]platform.Result, len(cs)), nil
}

func (f *fakeAds) Apply(_ context.Context, cs []platform.Change) ([]platform.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fault("apply"); err != nil {
		var pe *platform.Error
		if errors.As(err, &pe) {
			return []platform.Result{{RequestID: "r-bad", Err: err}}, nil
		}
		return nil, err
	}
	for _, c := range cs {
		for i := range f.entities {
			if f.entities[i].Ref == c.Entity {
				f.entities[i].Fields[c.Field] = c.Value
				f.applied[c.Entity]++
			}
		}
	}
	if err := f.fault("apply after"); err != nil {
		return []platform.Result{{RequestID: "r-late", Err: err}}, nil
	}
	return []platform.Result{{RequestID: fmt.Sprintf("r-%d", f.ops)}}, nil
}

func (f *fakeAds) Usage() platform.Usage { return platform.Usage{Operations: f.ops} }
func (f *fakeAds) Close() error          { return nil }

func (f *fakeAds) value(id string) money.Micros {
	for _, e := range f.entities {
		if e.ID == id {
			return e.Fields[platform.DailyBudget]
		}
	}
	return -1
}

// desk is a steward over one shop with one fake ad account and n proposals to
// raise the budgets c0, c1, ... from 100 to 110.
type desk struct {
	*Steward
	ads *fakeAds
	ids []string
	now time.Time
	// byMail finds customers by the key of their e-mail; see customerOf.
	byMail map[string]string
}

var testNow = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

func setup(t testing.TB, st *store.Store, n int) *desk {
	t.Helper()
	ads := &fakeAds{name: platform.Google, account: platform.Account{Platform: platform.Google, ID: "123", Name: "Test", Currency: "EUR",
		TimeZone: "UTC", BudgetUnit: 10_000, MinBudget: 10_000}, applied: map[platform.Ref]int{}}
	for i := range n {
		ref := platform.Ref{Type: platform.Campaign, ID: fmt.Sprintf("c%d", i)}
		ads.entities = append(ads.entities, platform.Entity{Ref: ref, Name: fmt.Sprintf("Campaign %d", i), Status: platform.Enabled, Channel: "search",
			Budget: ref, Fields: map[platform.Field]money.Micros{platform.DailyBudget: 100 * money.One}})
	}
	d := &desk{ads: ads, now: testNow}
	policy := guard.Default()
	policy.Risk.Caution = 0 // so that there is much to decide on
	d.Steward = &Steward{Store: st, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return d.now },
		Push: PushSettings{ReadTries: 2, ReadPause: time.Microsecond},
		Shops: []Shop{{Name: "shop", Currency: "EUR", Location: time.UTC, Policy: policy, PolicyID: "p1", PolicyText: "{}",
			Model:    ModelSettings{DefaultMargin: 0.4, HorizonDays: 365, DiscountAnnual: 0.1},
			Expected: []AdAccountName{{Platform: platform.Google, AdAccount: "123"}},
			Connect: func(context.Context) ([]Connection, error) {
				return []Connection{{AdAccount: "123", Ads: ads}}, nil
			}}}}
	ctx := t.Context()
	if err := st.UpsertAdAccount(ctx, store.AdAccount{Account: "shop", Platform: "google", AdAccount: "123", Name: "Test", Currency: "EUR",
		TimeZone: "UTC", BudgetUnit: 10_000, MinBudget: 10_000, UpdatedAt: testNow}); err != nil {
		t.Fatal(err)
	}
	d.ids = d.propose(t, n)
	return d
}

// propose stores proposals as a night would.
func (d *desk) propose(t testing.TB, n int) []string {
	t.Helper()
	var drafts []bidding.Draft
	for i := range n {
		drafts = append(drafts, bidding.Draft{Platform: platform.Google, AdAccount: "123", Currency: "EUR",
			Entity: platform.Ref{Type: platform.Campaign, ID: fmt.Sprintf("c%d", i)}, Name: fmt.Sprintf("Campaign %d", i),
			Field: platform.DailyBudget, Seen: 100 * money.One, Proposed: 110 * money.One})
	}
	return d.put(t, drafts...)
}

// put stores drafts as the proposals of one change set.
func (d *desk) put(t testing.TB, drafts ...bidding.Draft) []string {
	t.Helper()
	set := store.ChangeSet{ChangeSetID: newID(), Account: "shop", RunID: "shop/2026-03-10", Date: civil.MustParse("2026-03-10"),
		Hash: bidding.ChangeSetHash("shop/2026-03-10", drafts), CreatedAt: d.now}
	var rows []store.Proposal
	var ids []string
	for _, dr := range drafts {
		row, err := proposalRow(set, dr, d.now, d.now.Add(48*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		rows, ids = append(rows, row), append(ids, row.ProposalID)
	}
	if err := d.Store.InTx(t.Context(), func(q *store.Queries) error {
		return insertProposals(t.Context(), q, set, rows, "test")
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

func (d *desk) state(t *testing.T, id string) bidding.State {
	t.Helper()
	p, err := d.Store.Proposal(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return bidding.State(p.State)
}

func (d *desk) mustApprove(t *testing.T, ids ...string) {
	t.Helper()
	for _, o := range d.Approve(t.Context(), "ann", ids) {
		if o.Err != nil {
			t.Fatalf("approve %s: %v", o.ID, o.Err)
		}
	}
}

// appliedOnce checks the promise: what reads as applied took effect exactly
// once, nothing took effect twice, and nothing unapproved took effect at all.
func (d *desk) appliedOnce(t *testing.T, approved map[string]bool) {
	t.Helper()
	for i, id := range d.ids {
		n := d.ads.applied[platform.Ref{Type: platform.Campaign, ID: fmt.Sprintf("c%d", i)}]
		st := d.state(t, id)
		switch {
		case n > 1:
			t.Errorf("proposal %d took effect %d times", i, n)
		case n == 1 && !approved[id]:
			t.Errorf("proposal %d took effect though nobody approved it", i)
		case st == bidding.Applied && n != 1, st == bidding.Failed && n != 0:
			t.Errorf("proposal %d is %s but took effect %d times", i, st, n)
		}
	}
	if _, _, err := d.Store.VerifyAudit(t.Context()); err != nil {
		t.Errorf("audit: %v", err)
	}
}

package nightly

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/audiences"
	"adsteward/bidding"
	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// fakeLists is an audience destination that takes everything.
type fakeLists struct{}

func (fakeLists) Platform() platform.Name { return platform.Google }
func (fakeLists) Close() error            { return nil }

func (fakeLists) EnsureList(_ context.Context, l platform.List) (string, error) {
	if strings.HasSuffix(l.Name, "high-LTV purchasers") {
		return "71", nil
	}
	return "72", nil
}

func (fakeLists) Add(context.Context, string, []platform.Member) ([]platform.SyncReceipt, error) {
	return nil, nil
}

func (fakeLists) Remove(context.Context, string, []platform.Member) ([]platform.SyncReceipt, error) {
	return nil, nil
}

func (fakeLists) EnsureLookalike(context.Context, string, string, string, float64) (string, error) {
	return "73", nil
}

var (
	highList = platform.Ref{Type: platform.ValueRule, ID: "71"}
	goal     = platform.Ref{Type: platform.NewCustomerGoal, ID: "123"}
)

// ruleDesk is a desk whose shop has 900 customers, of whom a third comes back
// often, keeps audience lists, and wants value rules.
func ruleDesk(t *testing.T, st *store.Store) *desk {
	t.Helper()
	d := setup(t, st, 2)
	today := civil.Of(testNow)
	d.history(40, today)
	d.ads.entities = append(d.ads.entities,
		platform.Entity{Ref: highList, Name: "high-LTV purchasers", Status: platform.Enabled, Fields: map[platform.Field]money.Micros{platform.ValueMultiplier: money.One}},
		platform.Entity{Ref: goal, Name: "New customers", Status: platform.Enabled, Fields: map[platform.Field]money.Micros{platform.NewCustomerValue: 0}})
	shop := &d.Shops[0]
	shop.Policy.ValueRules.Enabled, shop.Policy.ValueRules.NewCustomerValue = true, true
	shop.Audience = AudienceSettings{Enabled: true, CartWindowDays: 14, TopLTVShare: 0.2}
	shop.Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: d.ads, Audiences: fakeLists{}}}, nil
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var orders []store.Order
	var customers []store.Customer
	var consents []store.Consent
	for i := range 900 {
		id := fmt.Sprint("k", i)
		customers = append(customers, store.Customer{Account: "shop", CustomerID: id, Email: id + "@example.com", Country: "DE"})
		consents = append(consents, store.Consent{Account: "shop", CustomerID: id, Purpose: "ads", At: testNow.AddDate(-1, 0, 0), Granted: true})
		gap := 400.0
		if i%3 == 0 {
			gap = 45
		}
		for day := 30 + rng.IntN(330); day >= 1; day -= 1 + int(gap*rng.ExpFloat64()) {
			at := testNow.AddDate(0, 0, -day)
			orders = append(orders, store.Order{Account: "shop", OrderID: fmt.Sprint(id, "-", day), CustomerID: id, OrderedAt: at, OrderDate: civil.Of(at),
				Currency: "EUR", Revenue: money.Micros(20+rng.IntN(60)) * money.One})
		}
	}
	_, err := st.UpsertOrders(t.Context(), orders)
	if err == nil {
		_, err = st.UpsertCustomers(t.Context(), customers)
	}
	if err == nil {
		_, err = st.UpsertConsents(t.Context(), consents)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// night runs a night and returns its open value rules by entity.
func (d *desk) night(t *testing.T) map[platform.Ref]store.Proposal {
	t.Helper()
	if err := d.RunDirect(t.Context(), "shop", civil.Of(d.now), nil); err != nil {
		t.Fatal(err)
	}
	out := map[platform.Ref]store.Proposal{}
	for _, p := range open(t, d.Store) {
		if platform.Field(p.Field).TellsWorth() {
			out[ref(p)] = p
		}
	}
	return out
}

func (d *desk) tomorrow() {
	d.now = d.now.AddDate(0, 0, 1)
	d.history(1, civil.Of(d.now))
}

func (d *desk) field(r platform.Ref, f platform.Field) money.Micros {
	for _, e := range d.ads.entities {
		if e.Ref == r {
			return e.Fields[f]
		}
	}
	return -1
}

// TestValueRules proposes, edits, pushes, does not repeat itself, is not
// measured, and rolls back what Google Ads is told of the worth of sales.
func TestValueRules(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := ruleDesk(t, st)
		first := d.night(t)
		added, ok := first[goal]
		if _, early := first[highList]; early || !ok || added.Seen != 0 || added.Proposed <= 0 {
			t.Fatalf("before the lists are known the night proposed %+v", first)
		}
		d.tomorrow()
		second := d.night(t)
		rule, ok := second[highList]
		body := draftOf(rule)
		if !ok || rule.Seen != money.One || rule.Proposed <= money.One || rule.Proposed > 1_150_000 || body.Expected.Level != 0 || len(body.Reasons) < 3 ||
			body.Evidence.LTVMultiple <= 1 || !strings.Contains(body.Reasons[0], "order from this list") {
			t.Fatalf("proposed %+v", rule)
		}
		if d.state(t, added.ProposalID) != bidding.Superseded {
			t.Errorf("the older proposal is %s", d.state(t, added.ProposalID))
		}
		added = second[goal]
		for _, c := range []struct {
			id    string
			value money.Micros
			says  string // why it is refused
		}{{rule.ProposalID, 1_210_000, "step"}, {rule.ProposalID, 900 * money.One, "1.2 instead of 900;"}, {rule.ProposalID, 1_045_000, "steps of 0.01"}, {rule.ProposalID, 1_120_000, ""}, {added.ProposalID, -money.One, "numbers"}, {added.ProposalID, 5 * money.One, ""}} {
			o := d.Edit(t.Context(), "ann", c.id, c.value, "")
			if (o.Err == nil) != (c.says == "") || o.Err != nil && !(IsRefused(o.Err) && strings.Contains(o.Err.Error(), c.says)) {
				t.Errorf("an edit to %s: %v", c.value.Decimal(), o.Err)
			}
		}
		d.mustApprove(t, rule.ProposalID, added.ProposalID)
		for _, o := range d.Apply(t.Context(), "ann", []string{rule.ProposalID, added.ProposalID}) {
			if o.Err != nil || o.State != bidding.Applied {
				t.Fatalf("pushing: %+v", o)
			}
		}
		if m, v := d.field(highList, platform.ValueMultiplier), d.field(goal, platform.NewCustomerValue); m != 1_120_000 || v != 5*money.One {
			t.Errorf("the platform has %s and %s", m.Decimal(), v.Decimal())
		}
		// Rests after a change, and is never judged by profit.
		for range 25 {
			d.now = d.now.AddDate(0, 0, 1)
		}
		if err := d.RunDirect(t.Context(), "shop", civil.Of(d.now), []Stage{Measure}); err != nil {
			t.Fatal(err)
		}
		row, err := d.stageRow(t.Context(), RunID("shop", civil.Of(d.now)), Measure)
		if err != nil || d.state(t, rule.ProposalID) != bidding.Applied || !strings.Contains(row.Summary, "2 value rules promised no profit") {
			t.Errorf("measure says %q of %s: %v", row.Summary, d.state(t, rule.ProposalID), err)
		}
		back, err := d.Rollback(t.Context(), "ann", added.ProposalID)
		if err != nil {
			t.Fatal(err)
		}
		d.mustApprove(t, back)
		if o := d.Apply(t.Context(), "ann", []string{back}); o[0].Err != nil || d.field(goal, platform.NewCustomerValue) != 0 {
			t.Errorf("rolled back to %v: %v", d.field(goal, platform.NewCustomerValue), o[0].Err)
		}
		if _, _, err := st.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestValueRulesRest: a rule is not proposed again while it is approved, and not
// within its cool-down.
func TestValueRulesRest(t *testing.T) {
	t.Parallel()
	d := ruleDesk(t, storetest.Open(t))
	added := d.night(t)[goal]
	d.mustApprove(t, added.ProposalID)
	d.tomorrow()
	if p, again := d.night(t)[goal]; again || d.state(t, added.ProposalID) != bidding.Applied {
		t.Errorf("%+v is proposed while another is %s", p, d.state(t, added.ProposalID))
	}
	d.tomorrow()
	if p, again := d.night(t)[goal]; again {
		t.Errorf("%+v is proposed a day after the last change", p)
	}
}

// TestValueRulesOfSomebodyElse: what somebody sets in Google Ads, whose history
// does not list it, is noticed by reading and left alone for a while.
func TestValueRulesOfSomebodyElse(t *testing.T) {
	t.Parallel()
	d := ruleDesk(t, storetest.Open(t))
	d.Shops[0].Policy.CoolDown.Days = 0
	if _, ok := d.night(t)[goal]; !ok {
		t.Fatal("nothing is proposed")
	}
	for i := range d.ads.entities {
		if d.ads.entities[i].Ref == goal {
			d.ads.entities[i].Fields[platform.NewCustomerValue] = 2 * money.One
		}
	}
	d.tomorrow()
	if p, again := d.night(t)[goal]; again {
		t.Errorf("%+v is proposed right after somebody set it", p)
	}
	out, _, err := d.DryRun(t.Context(), "shop", civil.Of(d.now))
	if err != nil || len(out.Blocked) == 0 || out.Blocked[len(out.Blocked)-1].Ref != goal || out.Blocked[len(out.Blocked)-1].Verdicts[0].Name != "changed_by_others" {
		t.Errorf("held back are %+v: %v", out.Blocked, err)
	}
	for range 20 {
		d.tomorrow()
	}
	if p := d.night(t)[goal]; p.Seen != 2*money.One {
		t.Errorf("later %+v is proposed", p)
	}
}

// TestValueRulesOff: the policy's default proposes none, and refuses those of a
// night before.
func TestValueRulesOff(t *testing.T) {
	t.Parallel()
	d := ruleDesk(t, storetest.Open(t))
	added := d.night(t)[goal]
	d.Shops[0].Policy.ValueRules.Enabled, d.Shops[0].Policy.ValueRules.NewCustomerValue = false, false
	if o := d.Edit(t.Context(), "ann", added.ProposalID, added.Proposed-money.One, ""); !IsRefused(o.Err) || !strings.Contains(o.Err.Error(), "value_rules") {
		t.Errorf("an edit with value rules off: %v", o.Err)
	}
	d.tomorrow()
	if got := d.night(t); len(got) != 0 {
		t.Errorf("proposed %v although it is off", got)
	}
}

// TestAudienceValues: each person on a list counts once, who has not bought as a
// new customer, and all customers are the measure.
func TestAudienceValues(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 0)
	date := civil.Of(testNow)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: date, runID: RunID("shop", date)}
	if _, err := d.Store.StartRun(t.Context(), store.Run{RunID: n.runID, Account: "shop", Date: date, State: Done, StartedAt: d.now}, nil); err != nil {
		t.Fatal(err)
	}
	customer := func(id string, order, value float64) audiences.Customer {
		return audiences.Customer{Person: audiences.Person{CustomerID: id}, MeanOrder: order, Value: value}
	}
	s := &scores{fit: ltv.Fit{FirstValue: 40, LaterValue: 10}, all: []audiences.Customer{customer("a", 60, 90), customer("b", 20, 0), customer("c", 40, 30)}}
	err := n.storeAudienceValues(t.Context(), s, []wantedList{
		{List: platform.List{Name: "best"}, members: []audiences.Membership{{Subject: "c:a"}}},
		{List: platform.List{Name: "carts"}, members: []audiences.Membership{{Subject: "c:c"}, {Subject: "e:stranger"}}},
		{List: platform.List{Name: "empty"}}})
	if err != nil {
		t.Fatal(err)
	}
	n.date = date.AddDays(lifetimeNights - 1)
	got, err := n.newestAudienceValues(t.Context())
	want := map[string]bidding.AudienceValue{"": {People: 3, Order: 40, Later: 40}, "best": {People: 1, Order: 60, Later: 90}, "carts": {People: 2, Order: 40, Later: 20}, "empty": {}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	n.date = date.AddDays(lifetimeNights)
	if old, err := n.newestAudienceValues(t.Context()); err != nil || len(old) != 0 {
		t.Errorf("values of a week ago still serve: %v, %v", old, err)
	}
}

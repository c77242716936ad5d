package nightly

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"adsteward/audiences"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// countedLists counts whom it is told to take off.
type countedLists struct {
	fakeLists
	removed *int
}

func (c countedLists) Remove(_ context.Context, _ string, members []platform.Member) ([]platform.SyncReceipt, error) {
	*c.removed += len(members)
	return nil, nil
}

// A night that is made up for takes nobody off the lists who came since.
func TestAnOlderNightLeavesTheLists(t *testing.T) {
	t.Parallel()
	d := ruleDesk(t, storetest.Open(t))
	removed := 0
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: d.ads, Audiences: countedLists{removed: &removed}}}, nil
	}
	today := civil.Of(testNow)
	for _, date := range []civil.Date{today, today - 100} {
		if err := d.RunDirect(t.Context(), "shop", date, nil); err != nil {
			t.Fatal(err)
		}
	}
	row, err := d.stageRow(t.Context(), RunID("shop", today-100), Audiences)
	if err != nil || removed > 0 || !strings.HasPrefix(row.Summary, "no list is changed: the night of 2026-03-10 is newer") {
		t.Errorf("%d taken off, %q, %v", removed, row.Summary, err)
	}
}

// A cart goes through its three parts, being on one at a time, until it is too old or
// ends in an order; whoever orders is a purchaser from then on. Lists that are no longer
// kept are emptied.
func TestCartsGoThroughTheirParts(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	lists := withLists(t, d, 30)
	a := &d.Shops[0].Audience
	a.Lists, a.CartWindowDays, a.CartSteps, a.PurchaserDays = audiences.Lists, 14, [2]int{1, 4}, 60
	on := func(list string) int { return len(lists.members[listName("shop", list)]) }
	parts := []string{audiences.ListCartReminder, audiences.ListCartProof, audiences.ListCartIncentive}
	for day := range 16 {
		rep := d.lists(t)
		want := []int{0, 0, 0}
		switch { // left three hours before the first night
		case day < 1:
			want[0] = 30
		case day < 4:
			want[1] = 30
		case day < 14:
			want[2] = 30
		}
		whole := 0
		for i, part := range parts {
			whole += want[i]
			if got := on(part); got != want[i] {
				t.Fatalf("%d days after: %d people are on %s, want %d (%s)", day, got, part, want[i], rep.Summary)
			}
		}
		if got := on(audiences.ListCartAbandoners); got != whole {
			t.Fatalf("%d days after: %d people left a cart, want %d", day, got, whole)
		}
		d.now = d.now.AddDate(0, 0, 1)
	}
	d.carts(t, 30, 40)
	if _, err := d.Store.UpsertOrders(t.Context(), []store.Order{{Account: "shop", OrderID: "o1", CustomerID: "k31", OrderedAt: d.now.Add(-time.Hour), OrderDate: civil.Of(d.now), Revenue: money.One, Currency: "EUR"}}); err != nil {
		t.Fatal(err)
	}
	rep := d.lists(t)
	if on(audiences.ListCartReminder) != 9 || on(audiences.ListPurchasers) != 1 || !strings.HasPrefix(rep.Summary, "9 cart abandoners, 9 cart reminder, 0 cart proof, 0 cart incentive, 1 purchasers;") {
		t.Errorf("after an order: %s", rep.Summary)
	}
	a.Lists = []string{audiences.ListCartAbandoners}
	if rep := d.lists(t); on(audiences.ListCartReminder) != 0 || on(audiences.ListPurchasers) != 0 || on(audiences.ListCartAbandoners) != 9 || !strings.HasPrefix(rep.Summary, "9 cart abandoners;") {
		t.Errorf("lists no longer kept: %s", rep.Summary)
	}
}

// What a platform could not read of an upload is said.
func TestRefusedMembersAreCounted(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	withLists(t, d, 30).invalid = 4
	if rep := d.lists(t); !strings.HasSuffix(rep.Summary, "30 added, 0 removed over all platforms; 4 of those added were refused as unreadable") {
		t.Errorf("the night says %q", rep.Summary)
	}
	if rep := d.lists(t); strings.Contains(rep.Summary, "refused") {
		t.Errorf("the night after says %q", rep.Summary)
	}
}

// Whoever withdraws their consent comes off lists that are kept no more, too, and nobody
// else does.
func TestWithdrawalsAreHeededWhereNoListIsKept(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	lists := withLists(t, d, 30)
	d.lists(t)
	d.Shops[0].Audience.Enabled = false
	const off = "no list is kept: audiences.enabled is false"
	if rep := d.lists(t); rep.Summary != off {
		t.Errorf("nobody withdrew: %q", rep.Summary)
	}
	if _, err := d.Store.UpsertConsents(t.Context(), []store.Consent{
		{Account: "shop", CustomerID: "k1", Purpose: audiences.PurposeAds, At: d.now, Granted: false},
		{Account: "shop", Email: "k3@example.com", Purpose: audiences.PurposeAds, At: d.now, Granted: false}}); err != nil {
		t.Fatal(err)
	}
	if rep := d.lists(t); rep.Summary != off+"; 0 added, 2 removed over all platforms" {
		t.Errorf("two withdrew: %q", rep.Summary)
	}
	if got := len(lists.members[listName("shop", audiences.ListCartAbandoners)]); got != 28 {
		t.Errorf("%d people are on the list, want 28", got)
	}
	if rep := d.lists(t); rep.Summary != off {
		t.Errorf("the night after: %q", rep.Summary)
	}
}

// A shop too young for a lifetime model hears why its lists are empty.
func TestNobodyIsJudgedWithoutAModel(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	lists := withLists(t, d, 30)
	d.Shops[0].Audience.Lists = []string{audiences.ListHighLTV, audiences.ListAtRisk}
	if rep := d.lists(t); !strings.HasPrefix(rep.Summary, "nobody can be judged before there is a lifetime model; 0 added") || len(lists.members) != 0 {
		t.Errorf("the night says %q, lists %d", rep.Summary, len(lists.members))
	}
}

// Without a lifetime model nobody is judged anew; who withdraws comes off all the same.
func TestWithdrawalsAreHeededWithoutAModel(t *testing.T) {
	t.Parallel()
	d := ruleDesk(t, storetest.Open(t))
	today := civil.Of(testNow)
	if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
		t.Fatal(err)
	}
	on := func() (n int, some string) {
		rows, err := d.Store.Members(t.Context(), "shop", "google", listName("shop", audiences.ListHighLTV))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range onList(rows) {
			n, some = n+1, m
		}
		return n, some
	}
	before, someone := on()
	if _, err := d.Store.UpsertConsents(t.Context(), []store.Consent{{Account: "shop", CustomerID: strings.TrimPrefix(someone, "c:"), Purpose: audiences.PurposeAds, At: d.now}}); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.AddDate(0, 0, 1)
	d.lists(t) // a run that made no model
	if after, now := on(); before < 100 || after != before-1 || now == someone {
		t.Errorf("%d people were on the list and %d are, %s too", before, after, now)
	}
}

// Repeat customers whose orders have stopped are at risk, and are told why; those who
// order as ever are not.
func TestCustomersAtRiskAreListed(t *testing.T) {
	t.Parallel()
	d := ruleDesk(t, storetest.Open(t))
	d.Shops[0].Audience.Lists, d.Shops[0].Audience.AtRiskBelow = []string{audiences.ListAtRisk}, 0.5
	var orders []store.Order
	var people []store.Customer
	var consents []store.Consent
	for i := range 300 { // who ordered every three weeks, and stopped at a time of their own
		id := fmt.Sprint("s", i)
		people = append(people, store.Customer{Account: "shop", CustomerID: id, Email: id + "@example.com", Country: "DE"})
		consents = append(consents, store.Consent{Account: "shop", CustomerID: id, Purpose: audiences.PurposeAds, At: testNow.AddDate(-1, 0, 0), Granted: true})
		for day := 350; day >= 30+i; day -= 21 {
			at := testNow.AddDate(0, 0, -day)
			orders = append(orders, store.Order{Account: "shop", OrderID: fmt.Sprint(id, "-", day), CustomerID: id, OrderedAt: at, OrderDate: civil.Of(at), Currency: "EUR", Revenue: 40 * money.One})
		}
	}
	_, err1 := d.Store.UpsertOrders(t.Context(), orders)
	_, err2 := d.Store.UpsertCustomers(t.Context(), people)
	if _, err3 := d.Store.UpsertConsents(t.Context(), consents); err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	if err := d.RunDirect(t.Context(), "shop", civil.Of(testNow), nil); err != nil {
		t.Fatal(err)
	}
	rows, err := d.Store.Members(t.Context(), "shop", "google", listName("shop", audiences.ListAtRisk))
	if err != nil || len(rows) == 0 || len(rows) > 250 {
		t.Fatalf("%d are at risk, %v", len(rows), err)
	}
	for _, m := range rows {
		if m.Person == "c:s0" { // ordered a month ago
			t.Errorf("%s is there: %s", m.Person, m.Why)
		}
		if !strings.HasPrefix(m.Why, "may be leaving: ") || !strings.Contains(m.Why, " orders, the last ") {
			t.Fatalf("%s is there as %q", m.Person, m.Why)
		}
	}
}

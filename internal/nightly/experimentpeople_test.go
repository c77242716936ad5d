package nightly

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"adsteward/attribution"
	"adsteward/attribution/lift"
	"adsteward/audiences"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// memoryLists keeps who is on a list.
type memoryLists struct {
	fakeLists
	mu      sync.Mutex
	members map[string]map[string]bool // by list and e-mail hash
	invalid int                        // of each upload, as it says
}

func (f *memoryLists) EnsureList(_ context.Context, l platform.List) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.members[l.Name] == nil {
		f.members[l.Name] = map[string]bool{}
	}
	return l.Name, nil
}

func (f *memoryLists) set(list string, members []platform.Member, on bool) []platform.SyncReceipt {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range members {
		if on {
			f.members[list][m.EmailSHA256] = true
		} else {
			delete(f.members[list], m.EmailSHA256)
		}
	}
	return []platform.SyncReceipt{{RequestID: "r", Received: len(members) - f.invalid, Invalid: f.invalid}}
}

func (f *memoryLists) Add(_ context.Context, list string, members []platform.Member) ([]platform.SyncReceipt, error) {
	return f.set(list, members, true), nil
}

func (f *memoryLists) Remove(_ context.Context, list string, members []platform.Member) ([]platform.SyncReceipt, error) {
	return f.set(list, members, false), nil
}

// withLists gives the desk lists, and n people with a cart each.
func withLists(t *testing.T, d *desk, n int) *memoryLists {
	t.Helper()
	lists := &memoryLists{members: map[string]map[string]bool{}}
	d.Shops[0].Audience = AudienceSettings{Enabled: true, CartWindowDays: 30}
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: d.ads, Audiences: lists}}, nil
	}
	d.carts(t, 0, n)
	return lists
}

// carts stores people from..to who left a cart behind and agreed to everything;
// every third is not known as a customer.
func (d *desk) carts(t *testing.T, from, to int) {
	t.Helper()
	var people []store.Customer
	var carts []store.Cart
	var consents []store.Consent
	for i := from; i < to; i++ {
		id, mail := fmt.Sprintf("k%d", i), fmt.Sprintf("k%d@example.com", i)
		if i%3 == 0 {
			id = ""
			consents = append(consents, store.Consent{Account: "shop", Email: mail, Purpose: audiences.PurposeAds, At: d.now.Add(-time.Hour), Granted: true})
		} else {
			people = append(people, store.Customer{Account: "shop", CustomerID: id, Email: mail, Country: "DE"})
			consents = append(consents, store.Consent{Account: "shop", CustomerID: id, Purpose: audiences.PurposeAds, At: d.now.Add(-time.Hour), Granted: true})
		}
		carts = append(carts, store.Cart{Account: "shop", CartID: fmt.Sprintf("cart%d", i), CustomerID: id, Email: mail, UpdatedAt: d.now.Add(-3 * time.Hour), Value: 50 * money.One})
	}
	_, err1 := d.Store.UpsertCustomers(t.Context(), people)
	_, err2 := d.Store.UpsertCarts(t.Context(), carts)
	if _, err3 := d.Store.UpsertConsents(t.Context(), consents); err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
}

// lists does the night's audience stage on the desk's day.
func (d *desk) lists(t *testing.T) report {
	t.Helper()
	date := civil.Of(d.now)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: date, runID: RunID("shop", date)}
	if _, err := d.Store.StartRun(t.Context(), store.Run{RunID: n.runID, Account: "shop", Date: date, State: Done, StartedAt: d.now}, nil); err != nil {
		t.Fatal(err)
	}
	rep, err := syncAudiences(t.Context(), n)
	if err != nil || rep.Partial != nil {
		t.Fatal(err, rep.Partial)
	}
	return rep
}

// A holdout from start to end: whoever is held out leaves the list with the
// experiment's name as the reason, nobody held out is ever on it, an arm once given
// stays, newcomers get theirs, and after the end everybody is back.
func TestHoldoutIsHonoured(t *testing.T) {
	t.Parallel()
	d := experimentDesk(t, storetest.Open(t), 1)
	lists := withLists(t, d, 600)
	name, part := listName("shop", audiences.ListCartAbandoners), listName("shop", audiences.ListCartReminder)
	d.Shops[0].Audience.Lists, d.Shops[0].Audience.CartSteps = []string{audiences.ListCartAbandoners, audiences.ListCartReminder}, [2]int{1, 4}
	d.lists(t)
	if got := len(lists.members[name]); got != 600 {
		t.Fatalf("%d people are on the list before the experiment", got)
	}
	e := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Holdout, Campaign: "c0", Start: civil.Of(d.now), Days: 14, Share: 0.25})
	if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, ""); err != nil {
		t.Fatal(err)
	}
	if rep := d.lists(t); !strings.Contains(rep.Summary, "held out by experiments") {
		t.Errorf("the night says %q", rep.Summary)
	}
	first := d.arms(t, e, lists.members[name], 600)
	d.arms(t, e, lists.members[part], 600) // nobody held off the carts is on a part of them
	d.now = d.now.AddDate(0, 0, 1)
	d.carts(t, 600, 800)
	d.lists(t)
	for unit, arm := range first {
		if now := d.arms(t, e, lists.members[name], 800)[unit]; now != arm {
			t.Fatalf("%s was %s and is %s", unit, arm, now)
		}
	}
	rows, err := d.Store.Members(t.Context(), "shop", "google", name)
	if err != nil {
		t.Fatal(err)
	}
	why := 0
	for _, m := range rows {
		if m.State == memberRemoved && strings.Contains(m.Why, "held out by the experiment") && strings.Contains(m.Why, e.ExperimentID) {
			why++
		}
	}
	if why < 100 {
		t.Errorf("of %d removals the reason is the experiment", why)
	}
	d.now = d.now.AddDate(0, 0, 14)
	d.lists(t)
	if got := len(lists.members[name]); got != 800 {
		t.Errorf("after the end %d people are on the list", got)
	}
}

// arms are the units of an experiment by name; their number and split are checked,
// and that the list holds as many as are treated.
func (d *desk) arms(t *testing.T, e store.Experiment, on map[string]bool, people int) map[string]string {
	t.Helper()
	units, err := d.Store.ExperimentUnits(t.Context(), e.ExperimentID)
	if err != nil {
		t.Fatal(err)
	}
	out, held := map[string]string{}, 0
	draw := lift.Holdout{Salt: e.ExperimentID, BasisPoints: 2500}
	for _, u := range units {
		out[u.Unit] = u.Arm
		if u.Arm == string(attribution.Held) {
			held++
		}
		if draw.Held(u.Unit) != (u.Arm == string(attribution.Held)) {
			t.Errorf("%s is %s against the draw", u.Unit, u.Arm)
		}
	}
	if len(units) != people || len(on) != people-held || math.Abs(float64(held)-0.25*float64(people)) > 4*math.Sqrt(0.1875*float64(people)) {
		t.Errorf("%d units, %d held, %d on the list of %d people", len(units), held, len(on), people)
	}
	return out
}

// What a holdout of known effect shows: the treated spend more by a known amount,
// of which the platform claims twice as much; the share found holds one half, and
// is in the ledger in the end.
func TestHoldoutFindsTheShare(t *testing.T) {
	t.Parallel()
	d := experimentDesk(t, storetest.Open(t), 1)
	withLists(t, d, 4000)
	start := civil.Of(d.now)
	e := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Holdout, Campaign: "c0", Start: start, Days: 14, Share: 0.5})
	if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, ""); err != nil {
		t.Fatal(err)
	}
	d.lists(t)
	units, err := d.Store.ExperimentUnits(t.Context(), e.ExperimentID)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 5))
	var orders []store.Order
	caused := 0.0
	for i, u := range units {
		id, ok := strings.CutPrefix(u.Unit, "c:")
		if mail, byMail := strings.CutPrefix(u.Unit, "e:"); byMail {
			id, ok = d.customerOf(t, mail), true
		}
		if !ok || id == "" {
			continue
		}
		spent := 20 + 10*rng.NormFloat64()
		if u.Arm == string(attribution.Treated) {
			spent += 4
			caused += 4
		}
		orders = append(orders, store.Order{Account: "shop", OrderID: fmt.Sprint(i), CustomerID: id, OrderedAt: d.now, OrderDate: start.AddDays(3), Currency: "EUR", Revenue: micros(spent)})
	}
	if _, err := d.Store.UpsertOrders(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	var perf []store.Performance
	for i := range 14 {
		perf = append(perf, store.Performance{Account: "shop", Platform: "google", AdAccount: "123", EntityType: "campaign", EntityID: "c0", Date: start.AddDays(i),
			Cost: 10 * money.One, Value: micros(2 * caused / 14), PulledAt: d.now})
	}
	if err := d.Store.UpsertPerformance(t.Context(), start.AddDays(40), perf); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ConcludeExperiment(t.Context(), "bob", e.ExperimentID, "early"); !IsRefused(err) {
		t.Errorf("concluded while it runs: %v", err)
	}
	d.now = d.now.AddDate(0, 0, 15)
	d.atOnce(t) // it has ended
	if _, err := d.ConcludeExperiment(t.Context(), "bob", e.ExperimentID, ""); !IsRefused(err) || !strings.Contains(err.Error(), "still come in") {
		t.Errorf("concluded without a reason before its sales are in: %v", err)
	}
	d.now = d.now.AddDate(0, 0, 45)
	d.atOnce(t)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: civil.Of(d.now)}
	watched, concluded, err := n.watchExperiments(t.Context())
	if err != nil || watched != 1 || concluded != 1 {
		t.Fatalf("%d watched, %d concluded: %v", watched, concluded, err)
	}
	e = d.experiment(t, e.ExperimentID)
	l := lookOf(t, e)
	if l == nil || l.Iota == nil {
		t.Fatalf("%+v", l)
	}
	// Who is held out is drawn anew each time (the experiment's id is another one), so
	// that one in ten 90 % intervals misses; four standard errors do once in 16,000.
	if math.Abs(l.Iota.Value-0.5) > 4*l.Iota.SE || l.Iota.SE > 0.12 || !l.Mature || !l.Sound() {
		t.Errorf("found %+v, checks %+v", l.Iota, l.Checks)
	}
	if ledger, err := d.Store.IotaLedger(t.Context(), "shop"); err != nil || len(ledger) != 1 || ledger[0].Value != l.Iota.Value || ledger[0].Campaign != "google:c0" {
		t.Errorf("the ledger: %+v, %v", ledger, err)
	}
}

// atOnce stores a night by which every sale comes in on the day of its click, and
// takes the night's steps.
func (d *desk) atOnce(t *testing.T) {
	t.Helper()
	date := civil.Of(d.now)
	if _, err := d.Store.StartRun(t.Context(), store.Run{RunID: RunID("shop", date), Account: "shop", Date: date, State: Running, StartedAt: d.now}, nil); err != nil {
		t.Fatal(err)
	}
	var models modelSet
	models.add(RunID("shop", date), "lag", "google", response.Lag{Share: []float64{1, 1}})
	if err := models.put(t.Context(), d.Store.Queries); err != nil {
		t.Fatal(err)
	}
	if err := d.step(t); err != nil {
		t.Fatal(err)
	}
}

// customerOf is the customer with an e-mail's key.
func (d *desk) customerOf(t *testing.T, key string) (id string) {
	t.Helper()
	if d.byMail == nil {
		d.byMail = map[string]string{}
		if err := d.Store.EachCustomer(t.Context(), "shop", func(c store.Customer) error {
			d.byMail[c.EmailKey] = c.CustomerID
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return d.byMail[key]
}

// A geo experiment of known effect: a region without the ads loses a fifth of its
// sales, and the platform claims twice what it causes in the other one.
func TestGeoFindsTheShare(t *testing.T) {
	t.Parallel()
	d := experimentDesk(t, storetest.Open(t), 1)
	today := civil.Of(d.now)
	rng := rand.New(rand.NewPCG(8, 9))
	day := func(date civil.Date, held bool) []store.Order {
		season := 1 + 0.2*math.Sin(float64(date)/9) + 0.03*rng.NormFloat64()
		at := 500 * season * (1 + 0.03*rng.NormFloat64())
		if held {
			at *= 0.8
		}
		order := func(country string, revenue float64) store.Order {
			return store.Order{Account: "shop", OrderID: country + date.String(), OrderedAt: date.Time(), OrderDate: date, Currency: "EUR", Country: country, Revenue: micros(revenue)}
		}
		return []store.Order{order("DE", 2000*season), order("AT", at)}
	}
	var orders []store.Order
	for i := historyDays; i > 0; i-- {
		orders = append(orders, day(today.AddDays(-i), false)...)
	}
	if _, err := d.Store.UpsertOrders(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	e := d.plan(t, attribution.ExperimentRequest{Kind: attribution.Geo, Campaign: "c0", Start: today, Days: 28, Held: []string{"AT"}})
	if _, err := d.StartExperiment(t.Context(), "bob", e.ExperimentID, ""); err != nil {
		t.Fatal(err)
	}
	if units, err := d.Store.ExperimentUnits(t.Context(), e.ExperimentID); err != nil || len(units) != 2 || units[0].Unit != "AT" || units[0].Arm != "held" || units[1].Arm != "treated" {
		t.Errorf("%+v, %v", units, err)
	}
	orders = nil
	var perf []store.Performance
	for i := range 28 {
		sold := day(today.AddDays(i), true)
		orders = append(orders, sold...)
		perf = append(perf, store.Performance{Account: "shop", Platform: "google", AdAccount: "123", EntityType: "campaign", EntityID: "c0", Date: today.AddDays(i),
			Cost: 10 * money.One, Value: 2 * sold[0].Revenue / 5, PulledAt: d.now})
	}
	if err := d.Store.UpsertPerformance(t.Context(), today.AddDays(70), perf); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Store.UpsertOrders(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.AddDate(0, 0, 60)
	d.atOnce(t)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: civil.Of(d.now)}
	if _, concluded, err := n.watchExperiments(t.Context()); err != nil || concluded != 1 {
		t.Fatalf("%d concluded: %v", concluded, err)
	}
	l := lookOf(t, d.experiment(t, e.ExperimentID))
	if l == nil || l.Iota == nil || l.Iota.Excludes(0.5) || l.Iota.SE > 0.1 || len(l.Days) != 28 {
		t.Errorf("found %+v", l)
	}
}

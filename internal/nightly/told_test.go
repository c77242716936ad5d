package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// fakeValues is a destination of order values that keeps one conversion of an
// order, as platforms do.
type fakeValues struct {
	name  platform.Name
	held  map[string]money.Micros // by order; a retracted one is gone
	got   []platform.Conversion
	calls int
	// before and after are asked around each request.
	before, after func() error
	// refuse names orders and what the platform says to them.
	refuse map[string]platform.Kind
	status func(id string) (platform.SyncStatus, error)
}

func newFakeValues(p platform.Name) *fakeValues {
	return &fakeValues{name: p, held: map[string]money.Micros{}}
}

func (f *fakeValues) Platform() platform.Name                { return f.name }
func (f *fakeValues) Close() error                           { return nil }
func (f *fakeValues) Check(context.Context, time.Time) error { return nil }

func (f *fakeValues) Status(_ context.Context, id string) (platform.SyncStatus, error) {
	if f.status != nil {
		return f.status(id)
	}
	return platform.SyncStatus{State: "success"}, nil
}

func (f *fakeValues) Send(_ context.Context, cs []platform.Conversion) ([]platform.ConversionResult, error) {
	f.calls++
	if f.before != nil {
		if err := f.before(); err != nil {
			return nil, err
		}
	}
	out := make([]platform.ConversionResult, len(cs))
	for i, c := range cs {
		f.got = append(f.got, c)
		out[i].RequestID = fmt.Sprintf("%s-%d", f.name, f.calls)
		if kind, bad := f.refuse[c.OrderID]; bad {
			out[i].Err = &platform.Error{Platform: f.name, Kind: kind, Message: "no"}
			continue
		}
		switch c.Step {
		case platform.Record:
			if _, known := f.held[c.OrderID]; !known {
				f.held[c.OrderID] = c.Value
			}
		case platform.Restate:
			f.held[c.OrderID] = c.Value
		case platform.Retract:
			delete(f.held, c.OrderID)
		}
	}
	if f.after != nil {
		return out, f.after()
	}
	return out, nil
}

// take forgets and returns what was received, by order.
func (f *fakeValues) take() map[string]platform.Conversion {
	out := map[string]platform.Conversion{}
	for _, c := range f.got {
		out[c.OrderID] = c
	}
	f.got = nil
	return out
}

// tellDesk is a shop that tells both platforms, with the worth of a sale known
// from a night before.
type tellDesk struct {
	*desk
	google, meta *fakeValues
}

func tellSetup(t testing.TB, st *store.Store) *tellDesk {
	t.Helper()
	d := &tellDesk{setup(t, st, 0), newFakeValues(platform.Google), newFakeValues(platform.Meta)}
	shop := &d.Shops[0]
	for _, p := range []platform.Name{platform.Google, platform.Meta} {
		shop.Tell = append(shop.Tell, TellSettings{Platform: p, Enabled: true, Target: "77", Rules: bidding.TellRules{Measure: bidding.LifetimeRevenue,
			Settle: 6 * time.Hour, RestateShare: 0.05, Limits: bidding.LimitsOf(p)}})
	}
	ads := &fakeAds{name: platform.Meta}
	shop.Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: d.ads, Conversions: d.google}, {AdAccount: "9", Ads: ads, Conversions: d.meta}}, nil
	}
	d.night(t, civil.Of(testNow).AddDays(-1), map[string]bidding.Worth{"": {Margin: 0.4, Lambda: 1.5}, "google:1": {Margin: 0.4, Lambda: 2}})
	return d
}

// night stores what an earlier night found a sale worth.
func (d *tellDesk) night(t testing.TB, date civil.Date, worths map[string]bidding.Worth) {
	t.Helper()
	var models modelSet
	id := RunID("shop", date)
	for k, w := range worths {
		models.add(id, "worth", k, w)
	}
	if _, err := d.Store.StartRun(t.Context(), store.Run{RunID: id, Account: "shop", Date: date, State: Done, StartedAt: d.now}, nil); err != nil {
		t.Fatal(err)
	}
	if err := models.put(t.Context(), d.Store.Queries); err != nil {
		t.Fatal(err)
	}
}

// order stores an order of a customer with consent, so many hours old.
func (d *tellDesk) order(t *testing.T, id, customer string, hours int, change ...func(*store.Order)) {
	t.Helper()
	at := testNow.Add(-time.Duration(hours) * time.Hour)
	o := store.Order{Account: "shop", OrderID: id, CustomerID: customer, OrderedAt: at, OrderDate: civil.Of(at), Currency: "EUR",
		Revenue: 119 * money.One, Tax: 19 * money.One}
	for _, c := range change {
		c(&o)
	}
	_, err := d.Store.UpsertOrders(t.Context(), []store.Order{o})
	if err == nil {
		_, err = d.Store.UpsertCustomers(t.Context(), []store.Customer{{Account: "shop", CustomerID: customer, Email: customer + "@example.com", Country: "DE"}})
	}
	if err == nil && !strings.HasPrefix(customer, "silent") {
		err = d.consent(t, customer, true, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d *tellDesk) consent(t *testing.T, customer string, granted bool, at time.Time) error {
	t.Helper()
	_, err := d.Store.UpsertConsents(t.Context(), []store.Consent{{Account: "shop", CustomerID: customer, Purpose: "ad_user_data", At: at, Granted: granted}})
	return err
}

// tell runs the audiences stage of the desk's day.
func (d *tellDesk) tell(t *testing.T) store.Stage {
	t.Helper()
	date := civil.Of(d.now)
	if err := d.RunDirect(t.Context(), "shop", date, []Stage{Audiences}); err != nil {
		t.Fatal(err)
	}
	row, err := d.stageRow(t.Context(), RunID("shop", date), Audiences)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func (d *tellDesk) rows(t *testing.T, p platform.Name) map[string]store.ToldConversion {
	t.Helper()
	rows, err := d.Store.Told(t.Context(), store.ToldFilter{Account: "shop", Platform: string(p)})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]store.ToldConversion{}
	for _, r := range rows {
		out[r.OrderID] = r
	}
	return out
}

func (d *tellDesk) wantState(t *testing.T, p platform.Name, order, state, status string, value int64) {
	t.Helper()
	if r := d.rows(t, p)[order]; r.State != state || r.Status != status || r.Value != money.Micros(value)*money.One {
		t.Errorf("%s %s is %+v, want %s %s %d", p, order, r, state, status, value)
	}
}

func values(cs map[string]platform.Conversion) map[string]string {
	out := map[string]string{}
	for id, c := range cs {
		out[id] = string(c.Step) + " " + c.Value.Decimal()
	}
	return out
}

func wantValues(t *testing.T, what string, got map[string]platform.Conversion, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, values(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestToldNights: an order is recorded once on each platform, only for people who
// agreed; a refund and a better model correct it, a full refund takes it back,
// a withdrawn consent stops everything; and what the preview says is what is sent.
func TestToldNights(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := tellSetup(t, st)
		click := func(o *store.Order) { o.Campaign, o.ClickID = "google:1", "Cj0K" }
		d.order(t, "a1", "ann", 30, click)
		d.order(t, "a2", "ann", 20) // ann's second
		d.order(t, "b1", "bob", 40)
		d.order(t, "c1", "cat", 24*8)    // too old for Meta
		d.order(t, "d1", "silent-d", 30) // never agreed
		d.order(t, "e1", "eve", 2)       // an hour ago
		d.order(t, "f1", "fay", 30, func(o *store.Order) { o.Refunded = o.Revenue })

		preview, err := d.PreviewValues(t.Context(), "shop", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if d.google.calls+d.meta.calls+len(d.rows(t, platform.Google)) > 0 {
			t.Fatal("a preview sent or stored something")
		}
		stage := d.tell(t)
		if stage.Error != "" || !strings.Contains(stage.Summary, "values told: google 4 new; meta 3 new") {
			t.Errorf("the stage says %q, %q", stage.Summary, stage.Error)
		}
		google, meta := d.google.take(), d.meta.take()
		for _, p := range preview {
			got := map[platform.Name]map[string]platform.Conversion{platform.Google: google, platform.Meta: meta}[p.Platform]
			want := map[string]string{}
			for _, o := range p.Orders {
				if o.Step != "" {
					want[o.OrderID] = o.Step + " " + o.Value.Decimal()
				}
			}
			wantValues(t, "previewed and sent to "+string(p.Platform), got, want)
			if p.Skipped[bidding.SkipConsent] != 1 || p.Skipped[bidding.SkipSettling] != 1 || p.Skipped[bidding.SkipVoid] != 1 {
				t.Errorf("%s skips %v", p.Platform, p.Skipped)
			}
		}
		wantValues(t, "Google", google, map[string]string{"a1": "record 200", "a2": "record 100", "b1": "record 150", "c1": "record 150"})
		wantValues(t, "Meta", meta, map[string]string{"a1": "record 200", "a2": "record 100", "b1": "record 150"})
		if a := google["a1"]; a.ClickID != "Cj0K" || a.ClickKind != "gclid" || len(a.EmailSHA256) != 64 || !a.NewCustomer || !a.UserData || a.Personalization {
			t.Errorf("Google is told of a1 as %+v", a)
		}
		if a := meta["a1"]; a.ClickID != "" || len(a.EmailSHA256) != 64 {
			t.Errorf("Meta is told of a1 as %+v", a)
		}
		d.wantState(t, platform.Google, "a1", bidding.ToldDone, "success", 200)

		// Again, and by hand: nothing is left to tell.
		d.tell(t)
		if _, _, err := d.SendValues(t.Context(), "shop", "ann", false); err != nil {
			t.Error(err)
		}
		wantValues(t, "told again", d.google.take(), map[string]string{})
		wantValues(t, "told again", d.meta.take(), map[string]string{})

		// The next day: a refund, a cancellation, a withdrawal, a model that thinks
		// more of the rest.
		d.now = d.now.AddDate(0, 0, 1)
		refund := func(f money.Micros) func(*store.Order) { return func(o *store.Order) { click(o); o.Refunded = f } }
		d.order(t, "a1", "ann", 30, refund(59_500_000))
		d.order(t, "b1", "bob", 40, refund(119*money.One))
		if err := d.consent(t, "cat", false, d.now); err != nil {
			t.Fatal(err)
		}
		d.night(t, civil.Of(d.now).AddDays(-1), map[string]bidding.Worth{"": {Lambda: 1.8}, "google:1": {Lambda: 2}})
		d.tell(t)
		wantValues(t, "Google, the next day", d.google.take(), map[string]string{"a1": "restate 100", "b1": "retract 0", "e1": "record 180"})
		wantValues(t, "Meta, the next day", d.meta.take(), map[string]string{"e1": "record 180"})
		d.wantState(t, platform.Google, "b1", bidding.ToldRetracted, "success", 0)
		if want := map[string]money.Micros{"a1": 100 * money.One, "a2": 100 * money.One, "c1": 150 * money.One, "e1": 180 * money.One}; !cmp.Equal(d.google.held, want) {
			t.Errorf("Google holds %v, want %v", d.google.held, want)
		}
		d.audited(t, []string{"values_telling_began", "values_told", "values_telling_began", "values_told", "values_told", "values_told"})
	})
}

// audited compares the log's entries about values with the wanted ones.
func (d *tellDesk) audited(t *testing.T, want []string) {
	t.Helper()
	entries, err := d.Store.AuditEntries(t.Context(), store.AuditFilter{Account: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if strings.HasPrefix(e.Action, "values_") {
			got = append(got, e.Action)
		}
		if strings.Contains(e.Reason, "@") {
			t.Errorf("a person stands in the audit log: %s", e.Reason)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the audit log has %v, want %v", got, want)
	}
	if _, _, err := d.Store.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestToldCrash kills the process before and after a request takes effect: the
// next night sends exactly the same, and the platform holds each order once.
func TestToldCrash(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"before", "after"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			d := tellSetup(t, storetest.Open(t))
			d.order(t, "a1", "ann", 30)
			die := func() error { panic(crash{}) }
			if at == "before" {
				d.google.before = die
			} else {
				d.google.after = die
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Error("nothing crashed")
					}
				}()
				_, _, _ = d.SendValues(t.Context(), "shop", "ann", false)
			}()
			d.wantState(t, platform.Google, "a1", bidding.ToldPending, "", 150)
			d.google.before, d.google.after = nil, nil
			d.google.take()

			// Its value is another by now; what may have been sent goes again as it was.
			d.order(t, "a1", "ann", 30, func(o *store.Order) { o.Refunded = 59_500_000 })
			d.tell(t)
			wantValues(t, "after the crash", d.google.take(), map[string]string{"a1": "record 150"})
			d.now = d.now.AddDate(0, 0, 1)
			d.tell(t)
			wantValues(t, "a day later", d.google.take(), map[string]string{"a1": "restate 75"})
			if d.google.held["a1"] != 75*money.One {
				t.Errorf("Google holds %v", d.google.held)
			}
		})
	}
}

// TestToldPendingIsGivenUp: an order without an answer that may not be told any
// more does not wait for ever.
func TestToldPendingIsGivenUp(t *testing.T) {
	t.Parallel()
	d := tellSetup(t, storetest.Open(t))
	d.order(t, "a1", "ann", 30)
	d.order(t, "m1", "max", 30)
	lost := func() error { return &platform.Error{Kind: platform.Unknown, Message: "no answer came"} }
	d.google.before, d.meta.before = lost, lost
	d.tell(t)
	d.wantState(t, platform.Google, "a1", bidding.ToldPending, "", 150)
	d.google.before = nil
	if err := d.consent(t, "ann", false, d.now); err != nil {
		t.Fatal(err)
	}
	d.tell(t)
	wantValues(t, "Google", d.google.take(), map[string]string{"m1": "record 150"})
	if r := d.rows(t, platform.Google)["a1"]; r.State != bidding.ToldRefused || !strings.Contains(r.Why, "not agreed") {
		t.Errorf("%+v", r)
	}
	// Meta knows an order again for two days from when it was first sent.
	d.now = d.now.AddDate(0, 0, 1)
	d.tell(t)
	d.meta.before = nil
	d.now = d.now.AddDate(0, 0, 1)
	d.tell(t)
	wantValues(t, "Meta", d.meta.take(), map[string]string{})
	if r := d.rows(t, platform.Meta)["m1"]; r.State != bidding.ToldRefused || !strings.Contains(r.Why, "count it twice") {
		t.Errorf("%+v", r)
	}
	// Nor does one wait that nobody looked after until it was too old to be seen.
	d.order(t, "n1", "nan", -20)
	d.meta.before = lost
	d.now = d.now.AddDate(0, 0, 1)
	d.tell(t)
	d.wantState(t, platform.Meta, "n1", bidding.ToldPending, "", 150)
	d.meta.before = nil
	d.now = d.now.AddDate(0, 0, 30)
	d.tell(t)
	if r := d.rows(t, platform.Meta)["n1"]; r.State != bidding.ToldRefused || !strings.Contains(r.Why, "too old") {
		t.Errorf("%+v", r)
	}
}

// TestToldOnePlatformDown: the other one is told, the night says what is missing,
// and the next one makes up for it.
func TestToldOnePlatformDown(t *testing.T) {
	t.Parallel()
	d := tellSetup(t, storetest.Open(t))
	d.order(t, "a1", "ann", 30)
	d.google.before = func() error {
		return &platform.Error{Platform: platform.Google, Kind: platform.Retryable, Message: "down"}
	}
	stage := d.tell(t)
	if stage.State != Done || stage.Fault != FaultUnreachable || !strings.Contains(stage.Error, "google did not take 1 order, sent again next time: google: down") ||
		!strings.Contains(stage.Summary, "values told: google 1 not taken yet; meta 1 new") {
		t.Errorf("the stage is %+v", stage)
	}
	wantValues(t, "Meta", d.meta.take(), map[string]string{"a1": "record 150"})
	if rows := d.rows(t, platform.Google); len(rows) > 0 {
		t.Errorf("Google was told nothing, yet there is %v", rows)
	}
	d.google.before = nil
	connect := d.Shops[0].Connect
	d.Shops[0].Connect = func(ctx context.Context) ([]Connection, error) {
		conns, err := connect(ctx)
		return conns[1:], errors.Join(err, errors.New("google: no credentials"))
	}
	if stage = d.tell(t); !strings.Contains(stage.Error, "no credentials") || !strings.Contains(stage.Summary, "google 1 not taken yet; meta nothing new") {
		t.Errorf("the stage is %+v", stage)
	}
	d.Shops[0].Connect = connect
	d.tell(t)
	wantValues(t, "Google, later", d.google.take(), map[string]string{"a1": "record 150"})
	wantValues(t, "Meta, later", d.meta.take(), map[string]string{})
}

// TestToldAnswers: what a platform refuses is not sent again unless asked for;
// what it did not answer is; what it refused later was not told after all.
func TestToldAnswers(t *testing.T) {
	t.Parallel()
	d := tellSetup(t, storetest.Open(t))
	for i, id := range []string{"bad", "lost", "late", "good"} {
		d.order(t, id, "c"+id, 30+i)
	}
	d.meta.refuse = map[string]platform.Kind{"bad": platform.Rejected, "lost": platform.Unknown}
	d.google.status = func(string) (platform.SyncStatus, error) { return platform.SyncStatus{State: "processing"}, nil }
	outs, fault, err := d.SendValues(t.Context(), "shop", "ann", false)
	if err != nil || fault == nil || !strings.Contains(fault.Error(), "meta refused 1 order; the first, bad") || outs[1].Counts() != "2 new, 1 refused, 1 not taken yet" {
		t.Fatalf("%v, %v, %v", outs[1].Counts(), fault, err)
	}
	d.wantState(t, platform.Google, "late", bidding.ToldDone, "processing", 150)
	d.wantState(t, platform.Meta, "bad", bidding.ToldRefused, "", 150)
	d.wantState(t, platform.Meta, "lost", bidding.ToldPending, "", 150)
	d.google.take()
	d.meta.take()

	d.meta.refuse = nil
	d.google.status = func(string) (platform.SyncStatus, error) {
		return platform.SyncStatus{State: "failed", Detail: "4 refused: terms"}, nil
	}
	d.tell(t)
	wantValues(t, "Google, after it refused", d.google.take(), map[string]string{})
	wantValues(t, "Meta", d.meta.take(), map[string]string{"lost": "record 150"})
	if r := d.rows(t, platform.Google)["late"]; r.State != bidding.ToldRefused || r.Status != "failed" || !strings.Contains(r.Why, "4 refused: terms") {
		t.Errorf("late is %+v", r)
	}

	// A request the platform has forgotten is no fault, one it cannot be asked of is.
	d.google.status = func(string) (platform.SyncStatus, error) {
		return platform.SyncStatus{}, &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Message: "no such request"}
	}
	if outs, fault, err = d.SendValues(t.Context(), "shop", "ann", true); err != nil || fault != nil || outs[0].Recorded != 4 || outs[1].Recorded != 1 {
		t.Errorf("trying again: %+v, %v, %v", outs, fault, err)
	}
	d.wantState(t, platform.Google, "late", bidding.ToldDone, "unknown", 150)
}

// TestToldKillSwitch: before, nothing goes out; while it is under way, what is
// not marked yet stays.
func TestToldKillSwitch(t *testing.T) {
	t.Parallel()
	d := tellSetup(t, storetest.Open(t))
	d.Shops[0].Tell = d.Shops[0].Tell[:1]
	orders := make([]store.Order, tellChunk+5)
	at := testNow.Add(-30 * time.Hour)
	for i := range orders {
		orders[i] = store.Order{Account: "shop", OrderID: fmt.Sprintf("o%d", i), CustomerID: "ann", OrderedAt: at, OrderDate: civil.Of(at), Currency: "EUR", Revenue: money.One}
	}
	if _, err := d.Store.UpsertOrders(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	d.order(t, "a1", "ann", 31)
	d.google.after = func() error { return d.KillSwitch(t.Context(), "bob", true, "stop") }
	outs, fault, err := d.SendValues(t.Context(), "shop", "ann", false)
	if err != nil || !IsRefused(fault) || outs[0].Recorded != tellChunk || len(d.rows(t, platform.Google)) != tellChunk {
		t.Fatalf("%+v, %v, %v", outs[0].Counts(), fault, err)
	}
	d.google.take()
	if stage := d.tell(t); stage.Error != "" || !strings.Contains(stage.Summary, "the kill switch is on") {
		t.Errorf("the stage is %+v", stage)
	}
	if _, _, err := d.SendValues(t.Context(), "shop", "ann", false); !IsRefused(err) {
		t.Errorf("by hand: %v", err)
	}
	wantValues(t, "told although killed", d.google.take(), map[string]string{})
}

// TestToldOff: nothing is sent, nobody is connected to, and the night keeps what
// it would tell, without anything personal.
func TestToldOff(t *testing.T) {
	t.Parallel()
	d := tellSetup(t, storetest.Open(t))
	for i := range d.Shops[0].Tell {
		d.Shops[0].Tell[i].Enabled = false
	}
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) { return nil, errors.New("connected") }
	d.order(t, "a1", "ann", 30)
	if stage := d.tell(t); stage.Error != "" || !strings.Contains(stage.Summary, "no value is told: conversions are not enabled") {
		t.Errorf("the stage is %+v", stage)
	}
	models, err := d.Store.Models(t.Context(), RunID("shop", civil.Of(d.now)), toldModel)
	if err != nil || len(models) != 2 {
		t.Fatalf("%v, %v", models, err)
	}
	for _, m := range models {
		if !strings.Contains(m.Body, `"order_id":"a1"`) || strings.Contains(m.Body, "example.com") || strings.Contains(m.Body, `"enabled":true`) {
			t.Errorf("the night keeps %s", m.Body)
		}
	}
	if _, _, err := d.SendValues(t.Context(), "shop", "ann", false); !IsRefused(err) {
		t.Errorf("sending by hand: %v", err)
	}
	// A night long past does not speak for today.
	d.Shops[0].Tell[0].Enabled = true
	if err := d.RunDirect(t.Context(), "shop", civil.Of(d.now).AddDays(-3), []Stage{Audiences}); err != nil || len(d.google.got) > 0 {
		t.Errorf("%v, sent %v", err, d.google.got)
	}
}

// BenchmarkTelling decides anew on 100,000 orders of 90 days that both platforms
// were told of, and finds nothing to tell.
func BenchmarkTelling(b *testing.B) {
	d := tellSetup(b, storetest.Open(b))
	const n = 100_000
	var orders []store.Order
	var customers []store.Customer
	var consents []store.Consent
	for i := range n {
		at, id := testNow.Add(-7*time.Hour-time.Duration(i)*75*time.Second), fmt.Sprintf("c%d", i/2)
		orders = append(orders, store.Order{Account: "shop", OrderID: fmt.Sprintf("o%d", i), CustomerID: id, OrderedAt: at, OrderDate: civil.Of(at),
			Currency: "EUR", Revenue: 50 * money.One})
		if i%2 == 0 {
			customers = append(customers, store.Customer{Account: "shop", CustomerID: id, Email: id + "@example.com", Country: "DE"})
			consents = append(consents, store.Consent{Account: "shop", CustomerID: id, Purpose: "ads", At: at, Granted: true})
		}
	}
	_, err := d.Store.UpsertOrders(b.Context(), orders)
	if err == nil {
		_, err = d.Store.UpsertCustomers(b.Context(), customers)
	}
	if err == nil {
		_, err = d.Store.UpsertConsents(b.Context(), consents)
	}
	if err == nil {
		_, _, err = d.SendValues(b.Context(), "shop", "ann", false)
	}
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		outs, fault, err := d.SendValues(b.Context(), "shop", "ann", false)
		if err != nil || fault != nil || outs[0].Recorded > 0 {
			b.Fatal(outs, fault, err)
		}
	}
}

package nightly

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/attribution"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// sharing is a shop whose every order follows a click of c0, night after night.
type sharing struct {
	*desk
	t    *testing.T
	date civil.Date
}

func setupSharing(t *testing.T, st *store.Store) *sharing {
	d := &sharing{setup(t, st, 2), t, civil.Of(testNow)}
	d.history(60, d.date)
	for age := 1; age <= 59; age++ {
		d.sell(age, 10)
	}
	return d
}

func (d *sharing) sell(age, n int) {
	d.t.Helper()
	var orders []store.Order
	var touches []store.Touch
	for i := range n {
		date := d.date.AddDays(-age)
		id, at := fmt.Sprintf("%s-%d", date, i), date.Time().Add(12*time.Hour)
		orders = append(orders, store.Order{Account: "shop", OrderID: id, CustomerID: id, OrderedAt: at, OrderDate: date, Currency: "EUR", Revenue: 100 * money.One})
		touches = append(touches, store.Touch{Account: "shop", TouchID: id, CustomerID: id, At: at.Add(-time.Hour), Channel: "google", Campaign: "c0"})
	}
	if _, err := d.Store.UpsertOrders(d.t.Context(), orders); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.Store.UpsertTouches(d.t.Context(), touches); err != nil {
		d.t.Fatal(err)
	}
}

// night brings a day's orders and returns the night's shares and what they rest on.
func (d *sharing) night() (map[string]attribution.Share, civil.Date) {
	d.t.Helper()
	d.sell(1, 1)
	if err := d.RunDirect(d.t.Context(), "shop", d.date, []Stage{Pull, Attribute}); err != nil {
		d.t.Fatal(err)
	}
	run := RunID("shop", d.date)
	shares, err := loadModels[attribution.Share](d.t.Context(), d.Store.Queries, run, "attribution")
	if err != nil {
		d.t.Fatal(err)
	}
	basis, err := loadModel[shareBasis](d.t.Context(), d.Store.Queries, run, shareBasisModel, "")
	if err != nil {
		d.t.Fatal(err)
	}
	d.date = d.date.AddDays(1)
	d.now = d.now.AddDate(0, 0, 1)
	return shares, basis.Date
}

// Incremental shares serve for a week; orders are joined to clicks all the same.
func TestSharesServeForAWeek(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setupSharing(t, st)
		first := d.date
		want, of := d.night()
		if of != first || want["google:c0"].Orders < 500 {
			t.Fatalf("the first night: %s, %+v", of, want)
		}
		for range journeysNights - 1 {
			got, of := d.night()
			if diff := cmp.Diff(want, got); diff != "" || of != first {
				t.Errorf("%s: shares of %s: %s", d.date-1, of, diff)
			}
		}
		err := st.EachOrderHead(t.Context(), "shop", first, d.date, func(o store.Order) error {
			if o.Campaign != "google:c0" {
				t.Errorf("order %s is of %q", o.OrderID, o.Campaign)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, of := d.night(); of != first.AddDays(journeysNights) || cmp.Equal(want, got) {
			t.Errorf("a week later the shares are of %s", of)
		}
	})
}

// What shares rest on besides orders is heard the same night.
func TestSharesAreFoundAnew(t *testing.T) {
	for name, change := range map[string]func(*sharing){
		"another belief":   func(d *sharing) { d.Shops[0].Policy.Incremental.New = attribution.Prior{Share: 0.4, SD: 0.1} },
		"another name":     func(d *sharing) { d.ads.entities[0].Name = "Brand" },
		"another campaign": func(d *sharing) { d.ads.entities = append(d.ads.entities, another(d.ads.entities[0])) },
		"an experiment": func(d *sharing) {
			if err := d.Store.InsertExperiment(d.t.Context(), store.Experiment{ExperimentID: "x1", Account: "shop", State: "concluded", CreatedAt: testNow, UpdatedAt: testNow}); err != nil {
				d.t.Fatal(err)
			}
			if err := d.Store.PutIota(d.t.Context(), store.IotaEntry{Account: "shop", Campaign: "google:c0", ExperimentID: "x1", Value: 0.3, SD: 0.05,
				Ended: d.date.AddDays(-9), RecordedAt: testNow}); err != nil {
				d.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setupSharing(t, storetest.Open(t))
			d.night()
			change(d)
			date := d.date
			if _, of := d.night(); of != date {
				t.Errorf("the shares are still those of %s", of)
			}
		})
	}
}

func another(e platform.Entity) platform.Entity {
	e.ID, e.Name = "c9", "Another"
	e.Budget = e.Ref
	return e
}

// A campaign that has performance and is in no structure counts by what is believed
// of it, not in full, from its first night on.
func TestACampaignWithoutAShareIsBelieved(t *testing.T) {
	t.Parallel()
	d := setupSharing(t, storetest.Open(t))
	d.night()
	date := d.date
	if err := d.Store.UpsertPerformance(t.Context(), date, []store.Performance{{Account: "shop", Platform: "google", AdAccount: "123", EntityType: string(platform.Campaign), EntityID: "imported",
		Date: date.AddDays(-1), Cost: 10 * money.One, Value: 40 * money.One, Conversions: 1, Clicks: 9}}); err != nil {
		t.Fatal(err)
	}
	shares, of := d.night()
	if s, ok := shares["google:imported"]; !ok || s.Prior.Share == 0 || math.Abs(s.Iota-s.Prior.Share) > 0.01 || of == date {
		t.Errorf("%v %+v, of %s", ok, s, of)
	}
}

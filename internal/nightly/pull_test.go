package nightly

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// meetingAds answers only once all others have been asked too.
type meetingAds struct {
	*fakeAds
	meet *sync.WaitGroup
}

func (a meetingAds) Account(ctx context.Context) (platform.Account, error) {
	a.meet.Done()
	a.meet.Wait()
	return a.fakeAds.Account(ctx)
}

// Asked one after the other, the first ad account would wait for ever.
func TestPullAsksEverybodySideBySide(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	d.history(20, civil.Of(testNow))
	other := &fakeAds{name: platform.Meta, account: d.ads.account, entities: d.ads.entities, days: d.ads.days}
	other.account.Platform, other.account.ID = platform.Meta, "456"
	var meet sync.WaitGroup
	meet.Add(2)
	shop := &d.Shops[0]
	shop.Expected = append(shop.Expected, AdAccountName{platform.Meta, "456", ""})
	shop.Connect = func(context.Context) ([]Connection, error) {
		return []Connection{{AdAccount: "123", Ads: meetingAds{d.ads, &meet}}, {AdAccount: "456", Ads: meetingAds{other, &meet}}}, nil
	}
	shop.Directory = t.TempDir()
	if err := os.WriteFile(filepath.Join(shop.Directory, "orders.csv"), []byte("order_id,customer_id,ordered_at,revenue,currency\n1,1,2026-03-09,10,EUR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0 // the race detector sees who asks the clock beside others
	d.Now = func() time.Time { asked++; return testNow }
	date := civil.Of(testNow)
	if err := d.begin(t.Context(), shop, date, "test"); err != nil {
		t.Fatal(err)
	}
	rep, err := pull(t.Context(), &night{Steward: d.Steward, shop: shop, date: date, runID: RunID("shop", date)})
	if err != nil || rep.Partial != nil {
		t.Fatal(err, rep.Partial)
	}
	if !strings.HasPrefix(rep.Summary, "2 of 2 ad accounts") || !strings.HasSuffix(rep.Summary, "1 shop files") {
		t.Errorf("the pull says %q", rep.Summary)
	}
	last, err := d.Store.LastPerformance(t.Context(), "shop")
	if err != nil || len(last) != 2 {
		t.Errorf("performance of %v: %v", last, err)
	}
}

// What an ad account's amounts of before are in another currency than those of now is
// neither added up nor pushed: its campaigns are left alone, and nothing stored is lost.
func TestAChangeOfCurrencyStartsHistoryAnew(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	d.history(20, civil.Of(testNow))
	shop, date := &d.Shops[0], civil.Of(testNow)
	night := func() *night {
		return &night{Steward: d.Steward, shop: shop, date: date, runID: RunID("shop", date)}
	}
	stored := func() (days int, spend money.Micros) {
		err := d.Store.EachPerformance(t.Context(), "shop", date.AddDays(-90), date, func(p store.Performance) error {
			days, spend = days+1, spend+p.Cost
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return days, spend
	}
	if err := d.begin(t.Context(), shop, date, "test"); err != nil {
		t.Fatal(err)
	}
	if rep, err := pull(t.Context(), night()); err != nil || rep.Partial != nil {
		t.Fatal(err, rep.Partial)
	}
	days, spend := stored()

	d.ads.account.Currency = "USD"
	for i := range d.ads.days {
		d.ads.days[i].Cost *= 2
	}
	if rep, err := pull(t.Context(), night()); err != nil || rep.Partial == nil || !strings.Contains(rep.Partial.Error(), "its currency has changed to USD") {
		t.Errorf("the pull says %v, %v", rep.Partial, err)
	}
	if d, s := stored(); d != days || s != spend {
		t.Errorf("%d days and %v of spend stored, %d and %v before the change", d, s, days, spend)
	}
	in, err := night().accountInput(t.Context())
	if err != nil || len(in.Accounts) != 1 || in.Accounts[0].Currency != "USD" || len(in.Accounts[0].Performance) != 0 {
		t.Errorf("planned with %+v: %v", in.Accounts, err)
	}
	before, err := d.Store.Proposals(t.Context(), store.Filter{Account: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := (&pusher{Steward: d.Steward, shop: shop}).policyAllows(t.Context(), d.Store.Queries, before[0], d.now); !IsRefused(err) {
		t.Errorf("a change in EUR is pushed to an ad account in USD: %v", err)
	}

	date = date.AddDays(1)
	d.now = d.now.AddDate(0, 0, 1)
	d.ads.days = append(d.ads.days, platform.Performance{Entity: d.ads.days[0].Entity, Date: date - 1, Cost: money.One})
	if err := d.begin(t.Context(), shop, date, "test"); err != nil {
		t.Fatal(err)
	}
	if rep, err := pull(t.Context(), night()); err != nil || rep.Partial != nil {
		t.Error(err, rep.Partial)
	}
	if d, s := stored(); d != days+1 || s != spend+money.One {
		t.Errorf("the next night: %d days and %v of spend, want one of %v more than %d and %v", d, s, money.One, days, spend)
	}
}

// A shop whose ad accounts are kept in another currency is told why nothing is proposed.
func TestAnotherCurrencyIsSaid(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	today := civil.Of(testNow)
	d.history(40, today)
	d.Shops[0].Currency = "USD"
	if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
		t.Fatal(err)
	}
	row, err := d.stageRow(t.Context(), RunID("shop", today), Propose)
	if want := "; nothing is proposed for google 123, which is kept in EUR and the shop in USD"; err != nil || !strings.Contains(row.Summary, want) {
		t.Errorf("the stage says %q, want %q; %v", row.Summary, want, err)
	}
}

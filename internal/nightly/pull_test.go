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
	"adsteward/internal/platform"
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

package nightly

import (
	"context"
	"strings"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
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

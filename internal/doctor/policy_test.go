package doctor

import (
	"strings"
	"testing"
	"time"

	"adsteward/bidding/guard"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

func TestNamesInThePolicyThatNothingGoesBy(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	shop := &nightly.Shop{Name: "shop", Policy: guard.Default()}
	shop.Policy.Protected = []string{"Brand", "7", "Shop*", "Brnad", "google"}
	shop.Policy.Entities = []guard.EntityRule{{Match: "Shopping"}, {Match: "brand"}}
	shop.Policy.Monthly = []guard.Monthly{{Name: "all", Budget: 1}, {Name: "some", Budget: 1, Match: []string{"Shop*", "google", "Display*"}}}
	if fs := policyNames(t.Context(), st, shop); len(fs) != 0 {
		t.Errorf("before the first night: %+v", fs)
	}
	now := time.Date(2026, 3, 10, 4, 0, 0, 0, time.UTC)
	var rows []store.Entity
	for id, name := range map[string]string{"6": "Brand", "7": "Shopping"} {
		rows = append(rows, store.Entity{Account: "shop", Platform: "google", AdAccount: "123", EntityType: "campaign", EntityID: id, Name: name, Detail: "{}", FirstSeen: now, UpdatedAt: now})
	}
	if err := st.ReplaceEntities(t.Context(), "shop", "google", "123", now, rows); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, f := range policyNames(t.Context(), st, shop) {
		said = append(said, string(f.Verdict)+" "+f.Detail)
	}
	want := `warning monthly: nothing goes by "Display*"; warning entities: nothing goes by "brand"; warning protected: nothing goes by "Brnad"; warning protected: nothing goes by "google"`
	if got := strings.Join(said, "; "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestOtherZone(t *testing.T) {
	t.Parallel()
	shop := &nightly.Shop{Expected: []nightly.AdAccountName{{Platform: platform.Google, AdAccount: "1", TimeZone: "Europe/Berlin"}, {Platform: platform.Meta, AdAccount: "2"}}}
	now := time.Date(2026, 1, 10, 4, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		p             platform.Name
		id, has, want string
	}{
		{platform.Google, "1", "Europe/Berlin", ""},
		{platform.Google, "1", "Europe/Vienna", ""}, // the same clocks
		{platform.Google, "1", "America/Los_Angeles", "Europe/Berlin"},
		{platform.Google, "1", "Africa/Lagos", "Europe/Berlin"}, // the same in winter
		{platform.Meta, "2", "America/Los_Angeles", ""},         // any will do
		{platform.Meta, "3", "America/Los_Angeles", ""},
	} {
		if got := shop.OtherZone(c.p, c.id, c.has, now); got != c.want {
			t.Errorf("%s %s in %s: %q, want %q", c.p, c.id, c.has, got, c.want)
		}
	}
}

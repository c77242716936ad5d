package nightly

import (
	"fmt"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// TestOverlapOfTheNight goes from the lists that campaigns are shown to and who is
// on them to stored overlaps and held-back increases, on both databases: most of
// the most valuable customers have left a cart.
func TestOverlapOfTheNight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 4)
		today := civil.Of(testNow)
		d.history(90, today)
		d.Shops[0].Audience.Enabled = true
		for i, lists := range [][]string{{"11"}, {"12"}, {"13"}, nil} { // 13 is a lookalike
			if lists != nil {
				d.ads.entities[i].Targeting = []platform.Targeting{{Lists: lists}}
			}
		}
		for _, l := range []store.AudienceList{{Name: "carts", Kind: "retargeting", RemoteID: "11"}, {Name: "best", Kind: "seed", RemoteID: "12"},
			{Name: "like best", Kind: lookalikeList, RemoteID: "13"}} {
			l.Account, l.Platform, l.UpdatedAt = "shop", "google", testNow
			if err := st.PutList(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		var members []store.AudienceMember
		on := func(list, state string, from, to int) {
			for i := from; i < to; i++ {
				members = append(members, store.AudienceMember{Account: "shop", Platform: "google", List: list, Person: fmt.Sprint("c:", i), State: state, ChangedAt: testNow})
			}
		}
		on("carts", memberPresent, 0, 200)
		on("best", memberPresent, 120, 220)
		on("best", memberRemoved, 220, 300)
		on("carts", memberRemoving, 200, 210) // not confirmed: still shown to them
		if err := st.SetMembers(t.Context(), members); err != nil {
			t.Fatal(err)
		}
		if err := d.RunDirect(t.Context(), "shop", today, []Stage{Pull, Value, Curves, Propose}); err != nil {
			t.Fatal(err)
		}
		got, run, err := d.AudienceReport(t.Context(), "shop")
		if err != nil || run.Date != today || got.Limit != 0.3 || len(got.Campaigns) != 3 || len(got.Overlaps) != 1 {
			t.Fatalf("%+v of %v, %v", got, run.Date, err)
		}
		if o := got.Overlaps[0]; o.A.ID != "c0" || o.B.ID != "c1" || o.A.People != 210 || o.B.People != 100 || o.Both != 90 || o.Share != 0.9 || !o.Bars {
			t.Errorf("%+v", o)
		}
		if c := got.Campaigns[2]; c.ID != "c2" || !c.Unknown {
			t.Errorf("a lookalike's people are known: %+v", c)
		}
		units, err := loadModels[bidding.UnitReport](t.Context(), st.Queries, run.RunID, "unit")
		if err != nil {
			t.Fatal(err)
		}
		for key, u := range units {
			if f := u.Facts[key]; (u.ID == "c0" || u.ID == "c1") != (f.Overlap == 0.9 && strings.HasPrefix(f.OverlapWith, "Campaign ")) {
				t.Errorf("%s: %+v", key, f)
			}
		}
		open, err := st.Proposals(t.Context(), store.Filter{Account: "shop", States: []string{string(bidding.Proposed)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range open {
			if (p.EntityID == "c0" || p.EntityID == "c1") && p.Proposed > p.Seen {
				t.Errorf("%s grows from %v to %v", p.EntityID, p.Seen, p.Proposed)
			}
		}
		if none, _, err := d.AudienceReport(t.Context(), "another"); err != nil || len(none.Campaigns) > 0 {
			t.Errorf("another shop has %+v, %v", none, err)
		}
	})
}

package web

import (
	"net/http"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

func (x *site) fillAudiences() {
	x.t.Helper()
	for _, l := range []store.AudienceList{{Platform: "meta", Name: "adsteward cart abandoners", Kind: "retargeting", RemoteID: "11", Summary: "812 people"},
		{Platform: "meta", Name: "adsteward high-LTV purchasers", Kind: "seed", RemoteID: "12", Summary: "1204 people"},
		{Platform: "meta", Name: "adsteward high-LTV lookalike DE", Kind: "lookalike", RemoteID: "13", Summary: "1190 people"}} {
		l.Account, l.UpdatedAt = shop, testNow
		must(x.t, x.store.PutList(x.t.Context(), l))
	}
	audience := func(id, name string, people int, t ...platform.Targeting) bidding.Audience {
		return bidding.Audience{Key: bidding.Key{Platform: platform.Meta, AdAccount: "7", Ref: platform.Ref{Type: platform.AdSet, ID: id}}, Name: name,
			People: people, Unknown: people == 0, Targeting: t}
	}
	carts := audience("1", "Carts <14 days>", 812, platform.Targeting{Lists: []string{"11"}})
	best := audience("2", "Winter sale for regulars", 1400, platform.Targeting{Lists: []string{"11"}, Without: []string{"12"}}, platform.Targeting{Lists: []string{"12"}})
	like := audience("3", "Lookalike", 0, platform.Targeting{Lists: []string{"13", "99"}})
	x.putModel("audience", "", bidding.Audiences{Limit: 0.3, Campaigns: []bidding.Audience{carts, best, like},
		Overlaps: []bidding.Overlap{{A: carts, B: best, Both: 503, Share: 0.6194, Bars: true}, {A: best, B: carts, Both: 8, Share: 0.0099}}})
}

func TestAudiencesPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	if a := x.get("/value/audiences", c); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No night has compared audiences yet") || !strings.Contains(a.Text, "No list is kept yet") {
		t.Fatal(a.StatusCode, a.Text)
	}
	x.fillAudiences()
	a := x.get("/value/audiences", c)
	hasAll(t, "the page", a.Text, "Carts &lt;14 days&gt;", "62 %", "Both held", ">503<", "Free", "more than 30 % of the smaller audience",
		"adsteward cart abandoners, without adsteward high-LTV purchasers; adsteward high-LTV purchasers", "list 99, which is not kept here", "not known here",
		"812 people", "to find people like the most valuable ones", "1,400")
	hasNone(t, "the page", a.Text, "NaN", "Inf", "style=", "<nil>", "more that share less")
	x.putModel("audience", "", bidding.Audiences{Campaigns: []bidding.Audience{}, Overlaps: []bidding.Overlap{}})
	if a := x.get("/value/audiences", c); !strings.Contains(a.Text, "Nothing is held back for it") || !strings.Contains(a.Text, "No two campaigns") {
		t.Error("no overlaps, and the limit off, are not told")
	}
}

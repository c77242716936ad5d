package bidding_test

import (
	"math"
	"strings"
	"testing"

	"adsteward/audiences"
	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/platform"
)

// people is a census of carts (300), best (200) and 60 who are on both.
func people(p platform.Name) *audiences.Census {
	carts, best := bidding.ListKey(p, "1"), bidding.ListKey(p, "2")
	c := audiences.NewCensus(carts, best)
	for i := range 440 {
		switch {
		case i < 240:
			c.Add([]string{carts})
		case i < 300:
			c.Add([]string{carts, best})
		default:
			c.Add([]string{best})
		}
	}
	return c
}

func to(lists ...string) []platform.Targeting { return []platform.Targeting{{Lists: lists}} }

// TestWhoIsShownToTheSamePeople scales neither up, names the other and the share,
// and lets both shrink.
func TestWhoIsShownToTheSamePeople(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	fit := bidding.FitCurves(in)
	in.Curves, in.People = &fit, people(platform.Google)
	strong, weak := &in.Accounts[0].Entities[0], &in.Accounts[0].Entities[2]
	if strong.ID != "strong" || weak.ID != "weak" {
		t.Fatal("the campaigns stand elsewhere")
	}
	for name, c := range map[string]struct {
		strong, weak []platform.Targeting
		channel      string
		limit, share float64
		held         bool
	}{
		"the same list":                 {to("1"), to("1"), "search", 0.3, 1, true},
		"60 of 200, not more":           {to("1"), to("2"), "search", 0.3, 0.3, false},
		"60 of 200, more than allowed":  {to("1"), to("2"), "search", 0.29, 0.3, true},
		"without the other's list":      {[]platform.Targeting{{Lists: []string{"1"}, Without: []string{"2"}}}, to("2"), "search", 0.3, 0, false},
		"other auctions":                {to("1"), to("1"), "display", 0.3, 0, false},
		"one is open to all":            {to("1"), nil, "search", 0.3, 0, false},
		"one goes by a list of others":  {to("1"), to("1", "9"), "search", 0.3, 0, false},
		"a list of others is excluded":  {to("1"), []platform.Targeting{{Lists: []string{"1"}, Without: []string{"9"}}}, "search", 0.3, 0, false},
		"the limit is off":              {to("1"), to("1"), "search", 0, 1, false},
		"ad groups, together the same":  {append(to("1"), to("2")...), to("2"), "search", 0.3, 1, true},
		"too few people to be shown to": {[]platform.Targeting{{Lists: []string{"1"}, Without: []string{"1"}}}, to("1"), "search", 0.3, 0, false},
	} {
		strong.Targeting, weak.Targeting, weak.Channel = c.strong, c.weak, c.channel
		in.Policy.MaxOverlap = c.limit
		out := plan(t, in)
		if n := len(out.Audiences.Overlaps); n > 1 || (n == 1) != (c.share > 0) || n == 1 && math.Abs(out.Audiences.Overlaps[0].Share-c.share) > 1e-12 {
			t.Errorf("%s: overlaps %+v, want a share of %v", name, out.Audiences.Overlaps, c.share)
		}
		if held := heldBy(out, "bstrong") == "audience_overlap"; held != c.held || c.held == (draftOf(out, "bstrong") != nil) {
			t.Errorf("%s: held %v, drafts %+v", name, held, out.Drafts)
		}
		if d := draftOf(out, "bweak"); c.held && (d == nil || d.Proposed >= d.Seen) {
			t.Errorf("%s: the weak one may not shrink: %+v", name, d)
		}
		if !c.held {
			continue
		}
		if len(out.Alerts) != 2 || out.Alerts[0].Guardrail != "audience_overlap" || out.Alerts[0].Change != c.share || !out.Audiences.Overlaps[0].Bars {
			t.Errorf("%s: alerts %+v", name, out.Alerts)
		}
		v := out.Blocked[0].Verdicts[len(out.Blocked[0].Verdicts)-1]
		if v.Setting != "max_overlap" || v.Answer != guard.Block || !strings.Contains(v.Detail, `"Campaign weak"`) || !strings.Contains(v.Detail, " % are shown both") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// Ad sets under one budget are one audience, open where one of them is; those
// under one budget do not compete with each other.
func TestAudiencesOfAdSets(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	fit := bidding.FitCurves(in)
	in.Curves, in.People = &fit, people(platform.Meta)
	ref := func(t platform.EntityType, id string) platform.Ref { return platform.Ref{Type: t, ID: id} }
	campaign := func(id string) platform.Entity {
		c := platform.Entity{Ref: ref(platform.Campaign, id), Name: id, Status: platform.Enabled}
		c.Budget = c.Ref
		return c
	}
	set := func(id, of string, budget platform.Ref, lists ...string) platform.Entity {
		e := platform.Entity{Ref: ref(platform.AdSet, id), Name: "Ad set " + id, Status: platform.Enabled, Parent: ref(platform.Campaign, of), Budget: budget}
		if len(lists) > 0 {
			e.Targeting = to(lists...)
		}
		return e
	}
	a, b, c := campaign("A"), campaign("B"), campaign("C")
	c.Budget = platform.Ref{}
	paused := set("a9", "A", a.Ref)
	paused.Status = platform.Paused
	own := func(id string, lists ...string) platform.Entity {
		return set(id, "C", ref(platform.AdSet, id), lists...)
	}
	in.Accounts = append(in.Accounts, bidding.Account{Platform: platform.Meta, ID: "7", Currency: "EUR", TimeZone: "Europe/Berlin", Today: today, LastData: today - 1, Entities: []platform.Entity{
		a, b, c, set("a1", "A", a.Ref, "1"), set("a2", "A", a.Ref, "1"), paused,
		set("b1", "B", b.Ref, "2"), set("b2", "B", b.Ref), own("c1", "2"), own("c2", "9")}})
	out := plan(t, in)
	var names []string
	for _, x := range out.Audiences.Campaigns {
		names = append(names, x.Name)
		if x.Unknown != (x.ID == "c2") || (x.People == 0) != x.Unknown {
			t.Errorf("%+v", x)
		}
	}
	if got := strings.Join(names, ", "); got != "Ad set c1, Ad set c2, A" {
		t.Errorf("audiences of %s", got)
	}
	if len(out.Audiences.Overlaps) != 1 || out.Audiences.Overlaps[0].Both != 60 || out.Audiences.Overlaps[0].A.Name+out.Audiences.Overlaps[0].B.Name != "Ad set c1A" || out.Audiences.Overlaps[0].Bars {
		t.Errorf("%+v", out.Audiences.Overlaps)
	}
}

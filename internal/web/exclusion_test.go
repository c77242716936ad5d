package web

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/feeds"
	"adsteward/internal/money"
	"adsteward/internal/present"
	"adsteward/store"
)

// fillItems adds an item that is proposed to be kept out of ads, and one that is
// kept out already.
func (x *site) fillItems() {
	loss, cost := 0.9734, money.Micros(57*money.One)
	body := func(reason string, loss *float64) string {
		b, err := json.Marshal(bidding.Body{Reasons: []string{"Its ads cost EUR 692.50 in 30 days and brought sales worth EUR 41.20.", "Applying writes it into the supplemental feed."},
			Guardrails: []guard.Verdict{}, Expected: bidding.Expected{GainPerDay: 21.7, GainLow: 9.1, GainHigh: 23, Level: 0.8},
			Evidence: bidding.Evidence{WindowStart: testDay - 30, WindowEnd: testDay - 1, Spend: 692.5, Value: 60, Conversions: 1},
			Item:     &bidding.ItemEvidence{Reason: reason, Clicks: 1400, Price: 60 * money.One, UnitCost: &cost, Due: 12.44, Arrived: 0.93, Loss: loss}})
		must(x.t, err)
		return string(b)
	}
	row := func(id, item, title, state string) store.Proposal {
		return store.Proposal{ProposalID: id, ChangeSetID: "items", Account: shop, RunID: shop + "/" + testDay.String(), Platform: "google", Currency: "EUR", EntityType: "item",
			EntityID: item, EntityName: title, Field: "excluded", Proposed: money.One, Suggested: money.One, State: state, PlanHash: strings.Repeat("ab", 32),
			ExpiresAt: testNow.Add(42 * time.Hour), Body: body(bidding.ItemLosing, &loss), CreatedAt: testNow.Add(-time.Hour), UpdatedAt: testNow.Add(-time.Hour)}
	}
	out := row("item00000002", "gone-2", "Old <b>boot</b>", "applied")
	out.Body = body(bidding.ItemMissing, nil)
	out.AppliedAt = sql.NullTime{Time: testNow.Add(-72 * time.Hour), Valid: true}
	must(x.t, x.store.InsertChangeSet(x.t.Context(), store.ChangeSet{ChangeSetID: "items", Account: shop, RunID: shop + "/" + testDay.String(), Date: testDay, Hash: "h", CreatedAt: testNow},
		[]store.Proposal{row("item00000001", "SHOE-1", "Blue shoe", "proposed"), out}))
}

func TestItemsKeptOutOfAds(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	x.fillFeeds()
	c := x.as(approver)
	if a := x.get("/feeds", c); !strings.Contains(a.Text, "No item is kept out of ads.") {
		t.Error("nothing is kept out, and the page does not say so")
	}
	x.fillItems()
	since := testNow.Add(-72 * time.Hour).UTC().Format("2 Jan 2006")
	for path, wants := range map[string][]string{
		"/":                       {"Blue shoe", "Item in ads", `<span class="old">advertised</span>`, "<strong>out of ads</strong>", "brought sales worth EUR 41.20"},
		"/proposals/item00000001": {"Blue shoe", `href="/feeds/item?account=` + shop + `&amp;id=SHOE-1"`, "12.4", "97 %", "Reject", "&#43;21.70"},
		"/proposals/item00000002": {"Old &lt;b&gt;boot&lt;/b&gt;", "Roll back", "Writes a proposal that undoes this"},
		"/feeds":                  {"Kept out of ads", "1 item to be kept out of ads or let in again", since, `href="/proposals/item00000002"`, "In no feed", "Old &lt;b&gt;boot"},
		"/feeds/item?id=gone-2":   {"Kept out of Google Ads since " + since, `href="/proposals/item00000002"`},
	} {
		a := x.get(path, c)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
		hasAll(t, path, a.Text, wants...)
		for _, no := range []string{"Edit the value", "EUR/day", "ad account <code>", "Profit by daily spend"} {
			if strings.HasPrefix(path, "/proposals") && strings.Contains(a.Text, no) {
				t.Errorf("%s has %q, which an item has not", path, no)
			}
		}
	}
	if a := x.post("/decide", url.Values{"do": {"approve:item00000001"}}, c); a.StatusCode != http.StatusSeeOther {
		t.Errorf("approving: %d", a.StatusCode)
	}
	if a := x.get("/proposals/item00000001", c); !strings.Contains(a.Text, "Write the supplemental feed") {
		t.Error("once approved, the page does not say what pushing does")
	}
}

// What a program reads of an item: a switch in numbers, and what it rests on.
func TestItemsAsJSON(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(0)
	x.fillItems()
	rows, err := x.store.NewestApplied(t.Context(), shop, "excluded")
	must(t, err)
	out, err := present.Excluded(rows)
	must(t, err)
	if len(out) != 1 || out[0].ItemID != "gone-2" || out[0].Reason != "missing" || out[0].Spend != 692.5 || out[0].Proposal != "item00000002" {
		t.Errorf("kept out: %+v", out)
	}
	p, err := x.store.Proposal(t.Context(), "item00000001")
	must(t, err)
	j, err := present.ProposalJSON(p)
	must(t, err)
	if j.Unit != "switch" || j.ChangePct != nil || j.Item == nil || j.Item.Clicks != 1400 || j.Proposed != money.One || j.Evidence.Spend != 692.5 {
		t.Errorf("%+v", j)
	}
}

// fillGroups adds a product group that is proposed to be kept out of ads, and one
// that is kept out already.
func (x *site) fillGroups() {
	loss, rest := 0.9734, 0.93
	body := func(items int) string {
		g := &bidding.GroupEvidence{Items: items, Shown: 24, Worst: "Red shoe", WithoutWorst: &rest}
		for i := range 24 {
			g.Members = append(g.Members, bidding.GroupMember{ID: fmt.Sprint("RUN-", i), Title: "Running <b>shoe</b>", Loss: &loss,
				Lines: []bidding.ItemLine{{Spend: 31.5, Clicks: 44, Conversions: 1, Value: 60}, {Spend: 10, Clicks: 6}}})
		}
		b, err := json.Marshal(bidding.Body{Reasons: []string{"Ads for 24 of its 30 items cost EUR 996.00 in 30 days and brought sales worth EUR 41.20.", "Applying writes each of its items into the supplemental feed."},
			Guardrails: []guard.Verdict{}, Expected: bidding.Expected{GainPerDay: 21.7, GainLow: 9.1, GainHigh: 23, Level: 0.8},
			Evidence: bidding.Evidence{WindowStart: testDay - 30, WindowEnd: testDay - 1, Spend: 996, Value: 1440, Conversions: 24},
			Item:     &bidding.ItemEvidence{Reason: bidding.ItemLosing, Clicks: 1200, Due: 62.44, Arrived: 0.93, Loss: &loss, Group: g}})
		must(x.t, err)
		return string(b)
	}
	row := func(id, group, name, state string, items int) store.Proposal {
		return store.Proposal{ProposalID: id, ChangeSetID: "groups", Account: shop, RunID: shop + "/" + testDay.String(), Platform: "google", Currency: "EUR", EntityType: "product_group",
			EntityID: group, EntityName: name, Field: "excluded", Proposed: money.One, Suggested: money.One, State: state, PlanHash: strings.Repeat("ab", 32),
			ExpiresAt: testNow.Add(42 * time.Hour), Body: body(items), CreatedAt: testNow.Add(-time.Hour), UpdatedAt: testNow.Add(-time.Hour)}
	}
	out := row("group0000002", "brand=Norderlicht", "Brand Norderlicht, 25 items", "applied", 25)
	out.AppliedAt = sql.NullTime{Time: testNow.Add(-72 * time.Hour), Valid: true}
	must(x.t, x.store.InsertChangeSet(x.t.Context(), store.ChangeSet{ChangeSetID: "groups", Account: shop, RunID: shop + "/" + testDay.String(), Date: testDay, Hash: "h", CreatedAt: testNow},
		[]store.Proposal{row("group0000001", "product_type=Shoes > Running", "Product type Shoes > Running, 30 items", "proposed", 30), out}))
}

func TestProductGroupsKeptOutOfAds(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	x.fillFeeds()
	x.fillItems()
	x.fillGroups()
	c := x.as(approver)
	since := testNow.Add(-72 * time.Hour).UTC().Format("2 Jan 2006")
	for path, wants := range map[string][]string{
		"/":                       {"Product type Shoes &gt; Running, 30 items", "Items in ads", "<strong>out of ads</strong>"},
		"/proposals/group0000001": {"Product type Shoes &gt; Running, 30 items", "Product group", `href="/feeds/item?account=` + shop + `&amp;id=RUN-19"`, "Running &lt;b&gt;shoe", "41.50", "And 10 more.", "62.4", "97 %", "on its items"},
		"/proposals/group0000002": {"Roll back", "Writes a proposal that undoes this"},
		"/feeds":                  {"1 item and 1 product group to be kept out of ads or let in again", "Brand Norderlicht, 25 items", `href="/proposals/group0000002"`, `href="/proposals/item00000002"`},
		"/feeds/item?id=SHOE-1":   {"Kept out of Google Ads since " + since + ", as one of Brand Norderlicht, 25 items", `href="/proposals/group0000002"`},
	} {
		a := x.get(path, c)
		for _, want := range wants {
			if a.StatusCode != http.StatusOK || !strings.Contains(a.Text, want) {
				t.Errorf("%s: %d, lacks %q", path, a.StatusCode, want)
			}
		}
		for _, no := range []string{"RUN-20", "Edit the value", "ad account <code>", "Profit by daily spend", "What the feed says of"} {
			if strings.HasPrefix(path, "/proposals") && strings.Contains(a.Text, no) {
				t.Errorf("%s has %q", path, no)
			}
		}
	}
	if a := x.get("/feeds/item?id=many", c); strings.Contains(a.Text, "Kept out") { // of no brand
		t.Error("an item outside of the group is said to be out")
	}
}

// A program is told each item that is out, and through which group.
func TestItemsOfProductGroupsAsJSON(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(0)
	x.fillItems()
	x.fillGroups()
	rows, err := x.store.NewestApplied(t.Context(), shop, "excluded")
	must(t, err)
	out, err := present.ExcludedItems(rows, []feeds.Offer{{ID: "RUN-3", Title: "Three", Brand: "Norderlicht", OnGoogle: true}, {ID: "gone-2", Brand: "Norderlicht", OnGoogle: true},
		{ID: "meta", Brand: "Norderlicht", OnMeta: true}, {ID: "other", Brand: "Other", OnGoogle: true}, {ID: "new", Brand: "Norderlicht", OnGoogle: true}})
	must(t, err)
	var got []string
	for _, o := range out {
		got = append(got, fmt.Sprint(o.ItemID, " ", o.Group, " ", o.Spend, " ", o.Proposal))
	}
	want := []string{"gone-2 brand=Norderlicht 692.5 item00000002", "RUN-3 brand=Norderlicht 41.5 group0000002", "new brand=Norderlicht 0 group0000002"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

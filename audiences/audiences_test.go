package audiences

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adsteward/internal/money"
)

var now = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

func person(id string) Person {
	return Person{CustomerID: id, EmailKey: "k" + id, Email: id + "@example.com"}
}

// all agreed to everything.
func all(ids ...string) Consents {
	c := Consents{Ads: map[string]bool{}}
	for _, id := range ids {
		c.Ads["c:"+id] = true
	}
	return c
}

func subjects(ms []Membership) []string {
	out := []string{}
	for _, m := range ms {
		out = append(out, m.Subject)
	}
	return out
}

func TestAllows(t *testing.T) {
	t.Parallel()
	yes, no := map[string]bool{"c:1": true}, map[string]bool{"c:1": false}
	mail, noMail := map[string]bool{"e:k1": true}, map[string]bool{"e:k1": false}
	for _, tc := range []struct {
		name string
		c    Consents
		want bool
	}{
		{"nothing said", Consents{}, false},
		{"both purposes", Consents{UserData: yes, Personalization: yes}, true},
		{"one of them", Consents{UserData: yes}, false},
		{"ads counts for both", Consents{Ads: yes}, true},
		{"one under each name", Consents{UserData: yes, Personalization: mail}, true},
		{"one withdrawn", Consents{UserData: yes, Personalization: no}, false},
		{"one withdrawn beside ads", Consents{Ads: yes, Personalization: no}, false},
		{"ads withdrawn", Consents{UserData: yes, Personalization: yes, Ads: no}, false},
		{"withdrawn by e-mail", Consents{UserData: yes, Personalization: yes, Ads: noMail}, false},
	} {
		if got := tc.c.Allows(person("1")); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	if (Consents{Ads: map[string]bool{"c:": true, "": true}}).Allows(Person{Email: "x@example.com"}) {
		t.Error("somebody without a name was let in by an empty one")
	}
}

func TestCartAbandoners(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	cart := func(id string, ago time.Duration) Cart {
		return Cart{Person: person(id), UpdatedAt: now.Add(-ago), Value: 30 * money.One}
	}
	carts := []Cart{
		cart("left", 2*day), cart("fresh", 10*time.Minute), cart("old", 20*day), cart("bought", 2*day), cart("mail", 2*day),
		cart("before", 2*day), cart("refused", 2*day), cart("back", 5*day), cart("back", 10*time.Minute), cart("future", -day),
		cart("edge", day), cart("end", 14*day),
		{Person: Person{Email: "v@example.com"}, UpdatedAt: now.Add(-2 * day)},
		{Person: Person{CustomerID: "mute"}, UpdatedAt: now.Add(-2 * day)},
	}
	purchases := []Purchase{
		{CustomerID: "bought", At: now.Add(-day)},
		{EmailKey: "kmail", At: now.Add(-day)}, // as a guest
		{CustomerID: "before", At: now.Add(-3 * day)},
	}
	c := all("left", "fresh", "old", "bought", "mail", "before", "back", "future", "edge", "end", "mute")
	got := CartAbandoners(carts, purchases, c, now, Window{From: day, To: 14 * day})
	if diff := cmp.Diff([]string{"c:before", "c:edge", "c:left"}, subjects(got)); diff != "" {
		t.Error(diff)
	}
	if want := "left a cart worth 30 2 days ago and has not ordered since"; got[2].Why != want {
		t.Errorf("why %q, want %q", got[2].Why, want)
	}
}

func TestTopLTV(t *testing.T) {
	t.Parallel()
	var customers []Customer
	for i, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		customers = append(customers, Customer{Person: person(id), Value: float64(10 * i)})
	}
	customers[6].Explain = func() string { return "3 orders" }
	// h, the best, did not agree; a is worth nothing.
	got := TopLTV(customers, all("a", "b", "c", "d", "e", "f", "g"), 0.3)
	if diff := cmp.Diff([]string{"c:f", "c:g"}, subjects(got)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(got[1].Why, "rank 1 of 6") || !strings.HasSuffix(got[1].Why, ": 3 orders") || got[1].Value != 60 {
		t.Errorf("%+v", got[1])
	}
	if n := len(TopLTV(customers, all("a", "b"), 5)); n != 1 {
		t.Errorf("a share above 1 is everyone of worth: %d", n)
	}
	if got := TopLTV(customers, all("a"), 0); got != nil {
		t.Errorf("no share is nobody: %v", got)
	}
}

// After adding and removing what Diff says, the list is what was wanted.
func TestDiff(t *testing.T) {
	t.Parallel()
	names := rapid.SliceOf(rapid.StringMatching(`c:[a-f]`))
	distinct := rapid.SliceOfDistinct(rapid.StringMatching(`c:[a-f]`), func(s string) string { return s })
	rapid.Check(t, func(t *rapid.T) {
		list := map[string]bool{}
		current := names.Draw(t, "current")
		for _, s := range current {
			list[s] = true
		}
		var wanted []Membership
		want := map[string]bool{}
		for _, s := range distinct.Draw(t, "wanted") {
			wanted = append(wanted, Membership{Subject: s})
			want[s] = true
		}
		add, remove := Diff(current, wanted)
		for _, s := range remove {
			if want[s] || !list[s] {
				t.Fatalf("removes %s", s)
			}
			delete(list, s)
		}
		for _, m := range add {
			if list[m.Subject] {
				t.Fatalf("adds %s, which is there", m.Subject)
			}
			list[m.Subject] = true
		}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestPurchasers(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	buyer := func(id string, ago time.Duration) Buyer { return Buyer{Person: person(id), Last: now.Add(-ago)} }
	got := Purchasers([]Buyer{buyer("old", 180*day), buyer("new", 3*day), buyer("edge", 180*day-time.Second), buyer("refused", day), buyer("ahead", -day),
		{Person: Person{CustomerID: "mute"}, Last: now}}, all("old", "new", "edge", "ahead", "mute"), now, 180*day)
	if diff := cmp.Diff([]string{"c:edge", "c:new"}, subjects(got)); diff != "" {
		t.Error(diff)
	}
	if want := "ordered 3 days ago"; got[1].Why != want {
		t.Errorf("why %q, want %q", got[1].Why, want)
	}
}

func TestAtRisk(t *testing.T) {
	t.Parallel()
	customer := func(id string, orders int, alive float64) Customer {
		return Customer{Person: person(id), Orders: orders, Alive: alive}
	}
	customers := []Customer{customer("once", 1, 0.3), customer("safe", 3, 0.5), customer("risk", 3, 0.49), customer("edge", 2, 0.1),
		customer("lost", 5, 0.09), customer("refused", 3, 0.3), customer("unknown", 3, 0)}
	customers[3].Explain = func() string { return "2 orders" }
	got := AtRisk(customers, all("once", "safe", "risk", "edge", "lost", "unknown"), 0.5)
	if diff := cmp.Diff([]string{"c:edge", "c:risk"}, subjects(got)); diff != "" {
		t.Error(diff)
	}
	if got[0].Why != "may be leaving: 2 orders" || got[1].Why != "still a customer with a probability of 49 %" {
		t.Errorf("%q, %q", got[0].Why, got[1].Why)
	}
}

// Package audiences decides whom to reach, and with whose consent: memberships of carts
// left behind, of buyers, of customers who may be leaving and of the most valuable ones,
// what has to be added and removed, and identifiers normalised and hashed as each platform asks.
// Data in, decisions out: the store, the platforms and the clock are elsewhere.
package audiences

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"adsteward/internal/money"
)

// Purposes a person must agree to before any platform hears of them. A
// statement about PurposeAds counts as one about both of the others.
const (
	PurposeUserData        = "ad_user_data"
	PurposePersonalization = "ad_personalization"
	PurposeAds             = "ads"
)

// Heeded reports whether statements about a purpose count for anything here.
func Heeded(purpose string) bool {
	return purpose == PurposeUserData || purpose == PurposePersonalization || purpose == PurposeAds
}

// Person is someone as the shop knows them. A subject names them in consents
// and on lists: "c:" and the customer id, or "e:" and the e-mail's keyed hash.
type Person struct {
	CustomerID string
	EmailKey   string
	Email      string
	Phone      string
	Country    string
}

// Subject is the name under which the person stands on lists; "" for nobody
// who can be named.
func (p Person) Subject() string {
	switch {
	case p.CustomerID != "":
		return "c:" + p.CustomerID
	case p.EmailKey != "":
		return "e:" + p.EmailKey
	}
	return ""
}

// Named is the person who stands on lists under a subject, as far as that tells.
func Named(subject string) Person {
	if key, mail := strings.CutPrefix(subject, "e:"); mail {
		return Person{EmailKey: key}
	}
	return Person{CustomerID: strings.TrimPrefix(subject, "c:")}
}

// subjects lists every name the person has in consents.
func (p Person) subjects() []string {
	var s []string
	if p.CustomerID != "" {
		s = append(s, "c:"+p.CustomerID)
	}
	if p.EmailKey != "" {
		s = append(s, "e:"+p.EmailKey)
	}
	return s
}

// Consents holds each purpose's newest statement by subject: true granted,
// false withdrawn, absent never said.
type Consents struct {
	UserData        map[string]bool
	Personalization map[string]bool
	Ads             map[string]bool
}

// Allows reports whether the person agreed to both purposes. Unsure means no:
// one withdrawn statement under any of the person's names is a no, whatever the
// others say.
func (c Consents) Allows(p Person) bool {
	return c.AllowsUserData(p) && c.AllowsPersonalization(p)
}

// AllowsUserData reports whether the person agreed that ad platforms are sent
// data about them, by the same rule.
func (c Consents) AllowsUserData(p Person) bool { return agreed(p, c.UserData, c.Ads) }

// AllowsPersonalization reports whether the person agreed to personalised ads,
// by the same rule.
func (c Consents) AllowsPersonalization(p Person) bool { return agreed(p, c.Personalization, c.Ads) }

func agreed(p Person, statements ...map[string]bool) bool {
	yes := false
	for _, subject := range p.subjects() {
		for _, s := range statements {
			granted, said := s[subject]
			if said && !granted {
				return false
			}
			yes = yes || granted
		}
	}
	return yes
}

// Cart is a shopping cart.
type Cart struct {
	Person    Person
	UpdatedAt time.Time
	Value     money.Micros
}

// Purchase is an order as far as it ends the pursuit of a cart.
type Purchase struct {
	CustomerID string
	EmailKey   string
	At         time.Time
}

// Customer is a buyer with the mean of their orders and the value predicted of
// them, in the shop's currency.
type Customer struct {
	Person    Person
	MeanOrder float64
	Value     float64
	Orders    int     // days with an order
	Alive     float64 // p(alive): that they have not left
	// Explain says why that value is predicted; nil where nothing can be said.
	Explain func() string
}

// Window says how old a left cart is: at least From, less than To.
type Window struct{ From, To time.Duration }

// Membership is one person's place on a list, and why they have it.
type Membership struct {
	Subject string
	Person  Person
	Value   float64 // predicted value; 0 on lists that carry none
	Why     string
}

// CartAbandoners are the people who agreed, left a cart within the window
// before now, and have ordered nothing since; ordered by subject. A person is
// judged by the newest of their carts. Carts of people without a name, or with
// neither e-mail nor phone to reach them by, count for nothing.
func CartAbandoners(carts []Cart, purchases []Purchase, c Consents, now time.Time, w Window) []Membership {
	newest := map[string]Cart{}
	for _, cart := range carts {
		s := cart.Person.Subject()
		if s == "" || cart.UpdatedAt.After(now) {
			continue
		}
		if old, ok := newest[s]; !ok || cart.UpdatedAt.After(old.UpdatedAt) {
			newest[s] = cart
		}
	}
	bought := map[string]time.Time{}
	for _, p := range purchases {
		for _, s := range (Person{CustomerID: p.CustomerID, EmailKey: p.EmailKey}).subjects() {
			if p.At.After(bought[s]) {
				bought[s] = p.At
			}
		}
	}
	var out []Membership
	for s, cart := range newest {
		age := now.Sub(cart.UpdatedAt)
		if age < w.From || age >= w.To || !cart.Person.reachable() || !c.Allows(cart.Person) || boughtSince(cart, bought) {
			continue
		}
		out = append(out, Membership{Subject: s, Person: cart.Person, Why: fmt.Sprintf("left a cart worth %s %s ago and has not ordered since",
			cart.Value.Decimal(), days(age))})
	}
	sortBySubject(out)
	return out
}

func boughtSince(cart Cart, bought map[string]time.Time) bool {
	for _, s := range cart.Person.subjects() {
		if at, ok := bought[s]; ok && !at.Before(cart.UpdatedAt) {
			return true
		}
	}
	return false
}

func (p Person) reachable() bool { return p.Email != "" || p.Phone != "" }

// days writes an age for people.
func days(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// TopLTV are the share (0 to 1) of customers with the highest predicted value
// who agreed and can be reached, ordered by subject. The share is taken of
// those, and rounded up; nobody of no predicted value is among them.
func TopLTV(customers []Customer, c Consents, share float64) []Membership {
	if !(share > 0) {
		return nil
	}
	var able []Customer
	for _, cu := range customers {
		if cu.Person.Subject() != "" && cu.Person.reachable() && cu.Value > 0 && !math.IsInf(cu.Value, 0) && c.Allows(cu.Person) {
			able = append(able, cu)
		}
	}
	// Ties are broken by name, so that a list does not flicker between nights.
	slices.SortFunc(able, func(a, b Customer) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Person.Subject(), b.Person.Subject()))
	})
	n := int(math.Ceil(min(share, 1) * float64(len(able))))
	out := make([]Membership, n)
	for i, cu := range able[:n] {
		out[i] = Membership{Subject: cu.Person.Subject(), Person: cu.Person, Value: cu.Value,
			Why: fmt.Sprintf("predicted value %.2f is rank %d of %d customers who agreed (top %.4g %%)", cu.Value, i+1, len(able), share*100)}
		if cu.Explain != nil {
			out[i].Why += ": " + cu.Explain()
		}
	}
	sortBySubject(out)
	return out
}

// Buyer is a customer and when they ordered last.
type Buyer struct {
	Person Person
	Last   time.Time
}

// Purchasers are the people who agreed, can be reached and have ordered since within
// before now, ordered by subject: whom ads for new customers leave out.
func Purchasers(buyers []Buyer, c Consents, now time.Time, within time.Duration) []Membership {
	var out []Membership
	for _, b := range buyers {
		if age := now.Sub(b.Last); b.Person.Subject() != "" && b.Person.reachable() && age >= 0 && age < within && c.Allows(b.Person) {
			out = append(out, Membership{Subject: b.Person.Subject(), Person: b.Person, Why: "ordered " + days(age) + " ago"})
		}
	}
	sortBySubject(out)
	return out
}

// lost is the p(alive) below which a customer has left rather than may be leaving.
const lost = 0.1

// AtRisk are the people who agreed, can be reached, have ordered more than once and are
// still customers with a probability below a bound, but not lost; ordered by subject.
func AtRisk(customers []Customer, c Consents, below float64) []Membership {
	var out []Membership
	for _, cu := range customers {
		if cu.Orders < 2 || !(cu.Alive >= lost && cu.Alive < below) || cu.Person.Subject() == "" || !cu.Person.reachable() || !c.Allows(cu.Person) {
			continue
		}
		m := Membership{Subject: cu.Person.Subject(), Person: cu.Person, Why: fmt.Sprintf("still a customer with a probability of %.0f %%", 100*cu.Alive)}
		if cu.Explain != nil {
			m.Why = "may be leaving: " + cu.Explain()
		}
		out = append(out, m)
	}
	sortBySubject(out)
	return out
}

// Diff compares the subjects now on a list with those wanted: whom to add, and
// whom to remove. Both are ordered by subject. Removals include everyone whose
// consent is gone, since they are no longer wanted.
func Diff(current []string, wanted []Membership) (add []Membership, remove []string) {
	want := make(map[string]bool, len(wanted))
	for _, m := range wanted {
		want[m.Subject] = true
	}
	have := make(map[string]bool, len(current))
	for _, s := range current {
		if !have[s] && !want[s] {
			remove = append(remove, s)
		}
		have[s] = true
	}
	for _, m := range wanted {
		if !have[m.Subject] {
			add = append(add, m)
		}
	}
	slices.Sort(remove)
	sortBySubject(add)
	return add, remove
}

func sortBySubject(ms []Membership) {
	slices.SortFunc(ms, func(a, b Membership) int { return cmp.Compare(a.Subject, b.Subject) })
}

// Package audiences decides whom to reach, and with whose consent: memberships
// of carts left behind and of the most valuable customers, what has to be added
// and removed, and identifiers normalised and hashed as each platform asks.
// Data in, decisions out: the store, the platforms and the clock are elsewhere.
package audiences

import (
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

// Consents holds each purpose's newest statement by subject: true granted,
// false withdrawn, absent never said.
type Consents struct {
	UserData        map[string]bool
	Personalization map[string]bool
	Ads             map[string]bool
}

// Allows reports whether the person agreed to both purposes. Unsure means no:
// one withdrawn statement under any of the person's names is a no.
func (c Consents) Allows(p Person) bool { return false }

// Cart is a shopping cart.
type Cart struct {
	CartID    string
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

// Customer is a buyer with the value predicted of them, in the shop's currency.
type Customer struct {
	Person Person
	Orders int
	Value  float64
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
// judged by the newest of their carts.
func CartAbandoners(carts []Cart, purchases []Purchase, c Consents, now time.Time, w Window) []Membership {
	return nil
}

// TopLTV are the share (0 to 1) of customers with the highest predicted value
// who agreed, ordered by subject. The share is taken of those who agreed.
func TopLTV(customers []Customer, c Consents, share float64) []Membership { return nil }

// Diff compares the subjects now on a list with those wanted: whom to add, and
// whom to remove. Both are ordered by subject. Removals include everyone whose
// consent is gone, since they are no longer wanted.
func Diff(current []string, wanted []Membership) (add []Membership, remove []string) { return nil, nil }

// Package attribution says which touch earned an order: last click joined to
// the shop's own orders, and the rule-based and data-driven models over paths.
// Data in, decisions out: no SQL, no HTTP, no clock. What it computes is credit,
// not proof of incrementality; only experiments give that.
package attribution

import (
	"iter"
	"time"

	"adsteward/internal/money"
)

// DefaultWindow is how long before an order a touch still counts.
const DefaultWindow = 30 * 24 * time.Hour

// Touch is one contact of a person with an advertisement.
type Touch struct {
	CustomerID string
	At         time.Time
	Channel    string
	Campaign   string
	ClickID    string
}

// Order is a shop order.
type Order struct {
	OrderID    string
	CustomerID string
	At         time.Time
	ClickID    string
	Revenue    money.Micros // less refunds
}

// Match says what an order is credited to.
type Match struct {
	Order    Order
	Campaign string // "platform:campaign", or "" for none
	By       By
}

// By says how a match was found.
type By string

const (
	ByClick By = "click id"   // the order's click id is the touch's
	ByTouch By = "last touch" // the customer's last touch inside the window
	ByNone  By = ""
)

// Counts sums up a join.
type Counts struct {
	Orders, ByClick, ByTouch, Unmatched int
}

// CampaignKey names a campaign as orders carry it: "google:123", "meta:456";
// "" where the channel is no ad platform's.
func CampaignKey(channel, campaign string) string { return "" }

// LastClick credits each order once: to the touch with its click id, else to
// its customer's last touch within window before it, else to nothing. Touches
// after an order do not count. Orders must come sorted by customer, touches
// likewise (within a customer in any order); orders is run through twice. Only
// one customer's touches and the orders with click ids are held in memory. It
// stops at the first error of a sequence or of yield.
func LastClick(orders iter.Seq2[Order, error], touches iter.Seq2[Touch, error], window time.Duration, yield func(Match) error) (Counts, error) {
	return Counts{}, nil
}

// CampaignValue is what shop and platform each say of one campaign over the
// same days.
type CampaignValue struct {
	Campaign string
	Orders   int          // shop orders credited by LastClick
	Shop     money.Micros // their revenue
	Reported money.Micros // the value the platform reports, lag-corrected
}

// Share is a campaign's incremental share iota as far as attribution can tell:
// shop-attributed over platform-reported revenue.
type Share struct {
	CampaignValue
	Ratio float64 // the campaign's own Shop / Reported; 0 where nothing is reported
	Iota  float64 // Ratio leaning on the ratio of all campaigns where orders are few
	Why   string
}

// Shares computes each campaign's Share, in the order given.
func Shares(values []CampaignValue) []Share { return nil }

package market

import (
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// Product is one item of the shop's catalogue. Price and Cost are micros of the
// scenario's currency.
type Product struct {
	SKU, Title   string
	Group        string // the feed_group of the campaigns that sell it
	Brand        string
	GTIN         string
	Price, Cost  money.Micros
	SalePrice    money.Micros // in force today; 0 where there is none
	Availability string       // in_stock, out_of_stock
}

// ShopDay is what the shop recorded on one day.
type ShopDay struct {
	Day      civil.Date
	Orders   []Order
	Touches  []Touch
	Carts    []Cart
	Consents []Consent
}

// Order is an order as the shop has it.
type Order struct {
	ID         string
	CustomerID string
	At         time.Time
	Revenue    money.Micros
	Email      string
	Phone      string // E.164, or empty
	Country    string // ISO 3166 alpha-2
	Source     string // the last channel the shop saw: google, meta, email, direct
	ClickID    string // gclid or fbclid, or empty
	Lines      []Line
}

// Line is one line of an order.
type Line struct {
	SKU                 string
	Quantity            int
	UnitPrice, UnitCost money.Micros
}

// Touch is one visit that the shop measured. CustomerID is empty while the shop
// does not know the visitor.
type Touch struct {
	CustomerID string
	VisitorID  string
	At         time.Time
	Channel    string // google, meta, email, direct
	Campaign   string // RemoteCampaignID; empty where no ad was clicked
	ClickID    string
}

// Cart is an abandoned cart.
type Cart struct {
	ID         string
	CustomerID string // empty where unknown
	VisitorID  string
	Email      string // empty where unknown
	UpdatedAt  time.Time
	Value      money.Micros
	SKUs       []string
}

// Consent is one decision of a person for one purpose (ad_user_data,
// ad_personalization). A later one replaces an earlier one.
type Consent struct {
	CustomerID string // empty for people known by e-mail only
	Email      string
	Purpose    string
	Granted    bool
	At         time.Time
}

package bidding

import (
	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// OrderLine is one line of an order as the margin sees it. UnitCost nil: unknown.
type OrderLine struct {
	SKU       string
	Quantity  float64
	UnitPrice money.Micros
	UnitCost  *money.Micros
}

// Order is a shop order. Campaign is CampaignKey's form, empty where no click
// was joined to it. Revenue is what the customer paid, with tax and shipping and after
// discounts.
type Order struct {
	ID         string
	CustomerID string
	Date       civil.Date
	Campaign   string
	Revenue    money.Micros
	Tax        money.Micros
	Shipping   money.Micros
	Refunded   money.Micros
	New        bool // the customer's first order
	Lines      []OrderLine
}

// Costs is what the shop says of its costs.
type Costs struct {
	// Unit is the cost of a product by SKU.
	Unit map[string]money.Micros
	// DefaultMargin is the contribution margin rate to take where no cost is
	// known: (price - cost of goods) / price. 0: 0.4.
	DefaultMargin float64
	PaymentRate   float64      // share of the revenue
	PaymentFixed  money.Micros // each order
	ShippingCost  money.Micros // what an order costs to send
	// RefundShare is expected of orders too young to have been refunded; the
	// refunds recorded count by themselves. Usually 0.
	RefundShare float64
	// RevenueIncludesTax is false where the platform is told values without tax.
	RevenueIncludesTax bool
}

// Book gathers orders into margins per campaign; memory grows with campaigns
// and customers, not with orders.
type Book struct{ costs Costs }

// NewBook starts a book under the given costs.
func NewBook(c Costs) *Book { return &Book{costs: c} }

// Add counts one order.
func (b *Book) Add(o Order) {}

// WorthInput is what turns margins into worths. All figures are of the window
// the orders were taken from.
type WorthInput struct {
	// Reported is the lag-corrected value each campaign's platform reports, by CampaignKey.
	Reported map[string]float64
	// Lambda is the lifetime over first-order margin of a new customer by
	// CampaignKey; DefaultLambda serves the others (1 where the lifetime model refused).
	Lambda        map[string]float64
	DefaultLambda float64
	LambdaSource  string // one sentence, e.g. "BG/NBD on 4,210 customers"
}

// Worths returns the worth of every campaign that is reported or has orders,
// and the shop-wide one for campaigns that are neither.
func (b *Book) Worths(in WorthInput) (byCampaign map[string]Worth, def Worth) { return nil, Worth{} }

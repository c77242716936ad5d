// Package platform is the one vocabulary in which ad platforms are spoken to:
// entities and their controllable fields, daily reports, changes and receipts,
// audience lists, and the kinds of error. The adapters below it (googleads,
// meta, datamanager) translate between this vocabulary and a platform's own;
// they decide nothing and do not import each other. No rule about what to
// change belongs here.
package platform

import (
	"context"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// Name says which platform.
type Name string

const (
	Google Name = "google"
	Meta   Name = "meta"
)

// EntityType is the kind of a thing that owns budgets, bids or performance.
type EntityType string

const (
	Campaign  EntityType = "campaign"
	Budget    EntityType = "budget"    // a Google campaign budget, shared or not
	AdSet     EntityType = "ad_set"    // Meta
	Portfolio EntityType = "portfolio" // a Google portfolio bidding strategy
	AdGroup   EntityType = "ad_group"  // Google; listed only under manual CPC
	// ValueRule is what Google counts the conversions of an audience list for.
	// Its id is the list's: a list without a rule counts once.
	ValueRule EntityType = "value_rule"
	// NewCustomerGoal is what Google adds to the first order of a new customer.
	// There is one an account, and its id is the account's.
	NewCustomerGoal EntityType = "new_customer_goal"
	// Item is an item of the product feeds. It is of a platform and of no ad
	// account; what is changed of it is written into the supplemental feed.
	Item EntityType = "item"
	// ProductGroup is all items of a platform's feeds that share the value of an
	// attribute. Its id is as feeds.Offer.Groups has it; it is changed as items are.
	ProductGroup EntityType = "product_group"
)

// Field is a value that can be read and changed.
type Field string

const (
	DailyBudget Field = "daily_budget" // micros of the account's currency per day
	TargetROAS  Field = "target_roas"  // ratio in micros: 3_500_000 is 3.5
	CPCBid      Field = "cpc_bid"      // micros of the account's currency per click
	BidAmount   Field = "bid_amount"   // Meta bid or cost cap, micros of the account's currency
	ROASFloor   Field = "roas_floor"   // Meta minimum ROAS, ratio in micros

	ValueMultiplier  Field = "value_multiplier"   // ratio in micros: 1_000_000 counts a conversion once
	NewCustomerValue Field = "new_customer_value" // micros of the account's currency an order

	Excluded Field = "excluded" // of an item or a product group: 1_000_000 keeps it out of ads, 0 does not
)

// IsRatio reports whether the field is a ratio and not money.
func (f Field) IsRatio() bool { return f.IsTarget() || f == ValueMultiplier }

// IsTarget reports whether the field is a return to be reached: the higher it
// is, the less is bought.
func (f Field) IsTarget() bool { return f == TargetROAS || f == ROASFloor }

// TellsWorth reports whether the field tells the platform what sales are worth,
// instead of what to spend on them.
func (f Field) TellsWorth() bool { return f == ValueMultiplier || f == NewCustomerValue }

// Ref names one entity of one ad account.
type Ref struct {
	Type EntityType `json:"type"`
	ID   string     `json:"id"`
}

// Status is the platform's own switch of an entity, not whether it serves.
type Status string

const (
	Enabled Status = "enabled"
	Paused  Status = "paused"
	Removed Status = "removed"
)

// Entity is one row of an account's structure. Fields holds exactly the values
// that are set on this entity itself and can be changed there: a campaign whose
// budget is a Google campaign budget has no DailyBudget of its own but names it
// in Budget.
type Entity struct {
	Ref
	Name   string
	Status Status
	// Parent is the campaign of an ad set or ad group; zero for the others.
	Parent Ref
	// Budget is the entity that owns the daily budget a campaign or ad set
	// spends from; the entity itself where it owns it.
	Budget Ref
	// Strategy is the portfolio strategy a campaign bids under; zero if none.
	Strategy Ref
	// Channel is search, shopping, pmax, demand_gen, display, video for Google;
	// sales, leads, awareness, ... (the objective) for Meta.
	Channel string
	// Bidding names the platform's bidding strategy, for people and to tell a cost cap from
	// a bid cap.
	Bidding string
	// Shared is true for a budget used by more than one campaign.
	Shared bool
	// Learning is empty, or the platform's word for why the entity is learning.
	Learning string
	// Frequency is how often one person saw its ads on average in the last seven
	// whole days; 0 where the platform does not say.
	Frequency float64 `json:",omitempty"`
	// Targeting is whom a campaign or ad set is shown to, where only people on
	// lists see it: those of any of the parts, one for each ad group or a single
	// one. Nil where others see it too, or the platform was not asked.
	Targeting []Targeting `json:",omitempty"`
	// ReadOnly is empty, or why this entity must not be changed (an old
	// Advantage+ shopping campaign, a budget that is not daily).
	ReadOnly string
	Fields   map[Field]money.Micros
}

// Targeting is the people on at least one of Lists and on none of Without, both
// the platform's ids of audience lists, sorted. Places, ages and interests, which
// narrow it further, are not told.
type Targeting struct {
	Lists   []string `json:"lists"`
	Without []string `json:"without,omitempty"`
}

// Account is what a platform says of an ad account.
type Account struct {
	Platform Name
	ID       string // digits
	Name     string
	Currency string // ISO 4217
	TimeZone string // IANA name
	// BudgetUnit is the multiple a budget must be of, in micros: the smallest
	// billable unit.
	BudgetUnit money.Micros
	// MinBudget is the platform's least daily budget, in micros.
	MinBudget money.Micros
}

// Performance is one campaign's day as the platform reports it at the time of
// asking; Date is in the account's time zone. Entity is the campaign, or the ad
// set where ad sets own the budgets; of Parts an ad group or ad set within a
// campaign. Days without a row had no spend.
type Performance struct {
	Entity      Ref
	Date        civil.Date
	Cost        money.Micros
	Value       money.Micros // conversion value, by the day of the click
	Conversions float64
	Clicks      int64
	Impressions int64
	// Eligible is how many impressions it could have had, as the platform estimates
	// the auctions it might have been in; 0 where the platform does not say.
	Eligible int64 `json:",omitempty"`
}

// ItemPerformance is one campaign's day on one item of a product feed, as the
// platform reports it at the time of asking. ItemID is as the platform writes it:
// Google in lower case. Meta tells no conversions by item.
type ItemPerformance struct {
	Campaign    Ref
	ItemID      string
	Date        civil.Date
	Cost        money.Micros
	Value       money.Micros
	Conversions float64
	Clicks      int64
	Impressions int64
}

// Parts is what an ad account can also be asked of the ad groups, or ad sets, of some
// campaigns, whose own days hold those of them all.
type Parts interface {
	// PartPerformance hands the days from..to, both inclusive, to yield in batches. It
	// stops at the first error of yield and returns it.
	PartPerformance(ctx context.Context, campaigns []Ref, from, to civil.Date, yield func([]Performance) error) error
}

// Items is what the ad accounts of shops with product feeds can also be asked.
type Items interface {
	// ItemPerformance hands the days from..to, both inclusive, to yield in
	// batches: campaigns that advertise items of a feed, item by item. It stops at
	// the first error of yield and returns it.
	ItemPerformance(ctx context.Context, from, to civil.Date, yield func([]ItemPerformance) error) error
}

// AdPerformance is one ad's day as the platform reports it at the time of asking.
// AdSet is where it belongs: an ad set, or on Google an ad group. Name may be
// empty.
type AdPerformance struct {
	AdID        string
	Name        string
	Campaign    Ref
	AdSet       Ref
	Date        civil.Date
	Cost        money.Micros
	Conversions float64 // by the day of the click
	Clicks      int64
	Impressions int64
}

// SingleAds is what an ad account can also be asked of the ads that show people
// pictures or films: all of Meta, and Google's demand generation, display and
// video campaigns. Others' ads, which are sought by who sees them, are left out.
type SingleAds interface {
	// AdPerformance hands the days from..to, both inclusive, to yield in batches:
	// of ads that were shown, a row for each such day. It stops at the first error
	// of yield and returns it.
	AdPerformance(ctx context.Context, from, to civil.Date, yield func([]AdPerformance) error) error
}

// ChangeEvent is a change somebody made, as the platform's history tells it.
type ChangeEvent struct {
	At     time.Time
	Entity Ref
	Field  Field // empty where the field is none of ours
	Actor  string
	Client string // the tool or API the change came through, as the platform names it
	Old    money.Micros
	New    money.Micros
}

// Change sets one field of one entity to an absolute value.
type Change struct {
	Entity Ref
	Field  Field
	Seen   money.Micros // the value the proposal was made against
	Value  money.Micros
}

// Result is the outcome of one Change of a batch. A nil Err means accepted.
type Result struct {
	RequestID string // the platform's id of the request, also where Err is set
	Err       error  // an *Error
}

// Usage is what an adapter used of the platform's daily quota since it was
// made. Operations counts as the platform counts: one per search request, one
// per mutated resource.
type Usage struct {
	Operations int64
	// Limit is the daily limit where it is known, else 0.
	Limit int64
}

// Simulation is what a platform itself estimates that a campaign or ad set would
// have brought at other daily budgets, ascending.
type Simulation struct {
	Entity Ref
	Points []SimulatedPoint
}

// SimulatedPoint is one of them: a day's spend, in units of the account's
// currency, and what it would have brought, value or number of results: only the
// proportions of one simulation's points mean anything.
type SimulatedPoint struct {
	Spend  float64 `json:"spend"`
	Result float64 `json:"result"`
}

// Ads is what every ad platform adapter does. All methods observe the context's
// deadline, page to the end, retry what is safe to retry, and return errors of
// type *Error. Reads may be repeated freely. Apply is never retried by the
// adapter once the request may have reached the platform.
type Ads interface {
	Platform() Name
	// Account returns the account's own description.
	Account(ctx context.Context) (Account, error)
	// Structure lists every entity that is not removed.
	Structure(ctx context.Context) ([]Entity, error)
	// Performance hands the days from..to, both inclusive, to yield in batches.
	// It stops at the first error of yield and returns it.
	Performance(ctx context.Context, from, to civil.Date, yield func([]Performance) error) error
	// Simulations lists the platform's own estimates, of those entities for which
	// it has one.
	Simulations(ctx context.Context) ([]Simulation, error)
	// Changes lists the account's change history since a time, oldest first.
	Changes(ctx context.Context, since time.Time) ([]ChangeEvent, error)
	// Read returns the current state of the named entities, in any order;
	// removed or unknown ones are left out.
	Read(ctx context.Context, refs []Ref) ([]Entity, error)
	// Validate asks the platform to check the changes without making them. The
	// results are in the order of the changes.
	Validate(ctx context.Context, changes []Change) ([]Result, error)
	// Apply makes the changes; one result each, in order. Items may succeed and
	// fail apart. A result whose error is Unknown may have taken effect: only
	// reading tells. An error returned instead of results means nothing was sent.
	Apply(ctx context.Context, changes []Change) ([]Result, error)
	Usage() Usage
	Close() error
}

// Package nightly is the night: the ten stages that pull, judge, propose, push
// and measure, the queue and schedule that run them, and the desk where people
// decide. It is the only place where reading, deciding and writing meet; what
// is decided lives in bidding, feeds, audiences and attribution, how platforms
// are spoken to in internal/platform, how rows are kept in store.
package nightly

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"adsteward/attribution"
	"adsteward/bidding/guard"
	"adsteward/feeds"
	"adsteward/internal/civil"
	"adsteward/internal/feedsource"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Stage is one part of the night.
type Stage string

// The stages, in order.
const (
	Pull      Stage = "pull"
	Feeds     Stage = "feeds"
	Attribute Stage = "attribute"
	Value     Stage = "value"
	Curves    Stage = "curves"
	Propose   Stage = "propose"
	Approve   Stage = "approve"
	Push      Stage = "push"
	Audiences Stage = "audiences"
	Measure   Stage = "measure"
)

// Stages lists the night in order.
var Stages = []Stage{Pull, Feeds, Attribute, Value, Curves, Propose, Approve, Push, Audiences, Measure}

// States of a run and of a stage.
const (
	Waiting = "waiting"
	Running = "running"
	Done    = "done"
	Failed  = "failed"
	Skipped = "skipped"
)

// Connection is one ad account of a shop, ready to be spoken to.
type Connection struct {
	AdAccount string
	Ads       platform.Ads
	Audiences platform.Audiences // nil where lists are not kept
	// Conversions is nil where the platform is not told what orders are worth.
	Conversions platform.Conversions
	// Catalog is nil where the platform's judgement of items is not read.
	Catalog platform.Catalog
	Items   platform.Items // nil where spend is not told by item
	Parts   platform.Parts // nil where it is told of whole campaigns only
	// SingleAds is nil where performance is not told by ad.
	SingleAds platform.SingleAds
}

// Shop is one account group: what the configuration says of it, in the words
// of the night.
type Shop struct {
	Name     string
	Currency string
	Location *time.Location
	Policy   guard.Policy
	PolicyID string // hash of PolicyText
	// PolicyText is the policy file as written, kept with the run.
	PolicyText string
	// ReadPolicy reads the policy file as it is now, which may be another than when the
	// program started; nil where it stays as it is. See current.
	ReadPolicy func() (p guard.Policy, id, text string, err error)
	Model      ModelSettings
	Audience   AudienceSettings
	Tell       []TellSettings // one for each platform of the shop
	// Paths are how touches and orders make journeys; the zero value is
	// attribution.DefaultPathRules.
	Paths    attribution.PathRules
	Feeds    []Feed
	Catalogs bool         // some platform's judgement of items is to be read
	Labels   feeds.Labels // margin tiers as custom labels
	// Supplement names the file of each platform's supplemental feed, which every
	// push writes: margin tiers and what is kept out of ads.
	Supplement map[platform.Name]string
	// Directory holds the shop's exported orders, carts and the like; "" if none.
	Directory string
	// Expected names the ad accounts of the configuration, connected or not.
	Expected []AdAccountName
	// Notify tells people how a night went; nil where nobody is told. Link is where they
	// decide, "" where that is not known.
	Notify func(ctx context.Context, text string) error
	Link   string
	// Connect opens the ad accounts. It returns those it could open together
	// with an error for those it could not.
	Connect func(ctx context.Context) ([]Connection, error)
}

// AdAccountName is one ad account by name, and which time zone it is to have; "" is
// any.
type AdAccountName struct {
	Platform  platform.Name
	AdAccount string
	TimeZone  string
}

// OtherZone is the time zone that an ad account is to have where its clocks are not
// those of the zone it has; else "".
func (shop *Shop) OtherZone(p platform.Name, adAccount, zone string, now time.Time) string {
	i := slices.IndexFunc(shop.Expected, func(e AdAccountName) bool { return e.Platform == p && e.AdAccount == adAccount })
	if i < 0 || shop.Expected[i].TimeZone == "" {
		return ""
	}
	want, err := time.LoadLocation(shop.Expected[i].TimeZone)
	has, herr := time.LoadLocation(zone)
	if err != nil || herr != nil {
		return shop.Expected[i].TimeZone
	}
	for _, at := range []time.Time{now, now.AddDate(0, 6, 0)} { // in summer and in winter
		_, a := at.In(want).Zone()
		if _, b := at.In(has).Zone(); a != b {
			return shop.Expected[i].TimeZone
		}
	}
	return ""
}

// Feed is where one product feed lies and for whom it is checked.
type Feed struct {
	Location                           string
	Platform                           string             // google, meta or both
	Country, Format, Encoding, ShopURL string             // see feeds.Options; "" where not known
	Source                             feedsource.Options // who the program is to the server
	Pages                              PageSettings
	// Collapse is the share of the last good version's items below which a new one
	// is taken for broken and refused; 0 is defaultCollapse.
	Collapse   float64
	Severities map[string]feeds.Severity // by rule, instead of its own
}

// on reports whether the feed is for a platform.
func (f Feed) on(p platform.Name) bool { return f.Platform == string(p) || f.Platform == "both" }

// ModelSettings are what the models need and no data set tells.
type ModelSettings struct {
	DefaultMargin  float64 // contribution margin where costs are unknown
	PaymentFeeRate float64 // of revenue
	ShippingCost   float64 // per order, shop currency
	HorizonDays    int
	DiscountAnnual float64
}

// AudienceSettings say which lists are kept.
type AudienceSettings struct {
	Enabled        bool
	Lists          []string // of audiences.Lists; nil: audiences.DefaultLists
	CartWindowDays int
	// CartSteps are the days at which the reminder of a cart ends, and the proof after it.
	CartSteps        [2]int
	PurchaserDays    int     // how long after an order somebody counts as a purchaser
	AtRiskBelow      float64 // p(alive) below which a repeat customer may be leaving
	TopLTVShare      float64
	LookalikeCountry string
	LookalikeRatio   float64
}

// Steward runs nights and takes decisions over one store.
type Steward struct {
	Store *store.Store
	Shops []Shop
	// Now is the clock; every transaction takes one time stamp from it.
	Now func() time.Time
	Log *slog.Logger
	// Push says how patiently changes are sent.
	Push PushSettings
	// FeedCache is a directory where what was found out about feeds is kept for the
	// next night; "" keeps nothing.
	FeedCache string
}

// Shop returns the shop of that name.
func (s *Steward) Shop(name string) (*Shop, error) {
	for i := range s.Shops {
		if s.Shops[i].Name == name {
			return &s.Shops[i], nil
		}
	}
	return nil, fmt.Errorf("account %q is not in the configuration", name)
}

// current returns the shop of that name with its policy as the file has it now: a
// daemon runs for months, and what somebody has protected or capped meanwhile holds at
// once. A file that cannot be read says nothing of what is allowed: that is an error.
func (s *Steward) current(name string) (*Shop, error) {
	shop, err := s.Shop(name)
	if err != nil || shop.ReadPolicy == nil {
		return shop, err
	}
	now := *shop
	if now.Policy, now.PolicyID, now.PolicyText, err = shop.ReadPolicy(); err != nil {
		return shop, err
	}
	return &now, nil
}

// RunID names the run of a shop and a date.
func RunID(account string, date civil.Date) string { return account + "/" + date.String() }

// night is what a stage is given: one shop, one date, and the run it belongs to.
type night struct {
	*Steward
	shop  *Shop
	date  civil.Date
	runID string
}

// report is a stage's word on what it did. Partial is set where it went on
// although a part of its work could not be done.
type report struct {
	Summary string
	Partial error
}

// stageFunc does one stage. It must be repeatable: a second call after a crash
// in the middle of the first leads to the same rows.
type stageFunc func(ctx context.Context, n *night) (report, error)

func stageFuncs() map[Stage]stageFunc {
	return map[Stage]stageFunc{
		Pull: pull, Feeds: checkProducts, Attribute: attribute, Value: value, Curves: curves,
		Propose: propose, Approve: autoApprove, Push: pushApproved, Audiences: reach, Measure: measure,
	}
}

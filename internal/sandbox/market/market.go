// Package market simulates an advertising market in which the truth is known:
// demand, response to spend, orders, reporting delay, learning and events of a
// Scenario, day by day, with campaigns' budgets and targets set from outside.
//
// A market is a pure function of its scenario and of what was set on which day:
// every draw is keyed by seed, campaign, day and purpose, so two policies meet
// the same luck. Nothing here speaks a platform's protocol or knows of the
// product; the emulators around it do the first, and nothing does the second.
package market

import (
	"strconv"
	"sync"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Campaign is a campaign as its platform shows it today.
type Campaign struct {
	Index    int // in the scenario; RemoteCampaignID is made of it
	ID       string
	Name     string
	Type     string // search, shopping, pmax, prospecting, retargeting, brand
	Group    string // what it sells: Product.Group
	Bidding  string // "" or manual_cpc
	Platform platform.Name
	// Budget per day belongs to BudgetKey, a budget group or the campaign itself;
	// of a group it is the whole shared amount.
	Budget    money.Micros
	BudgetKey string
	// TargetROAS, 0 for none, belongs to TargetKey, a portfolio or the campaign itself.
	TargetROAS money.Micros
	TargetKey  string
	// Learning is "", "budget" or "target": the kind of the step it learns from,
	// made on LearningSince.
	Learning      string
	LearningSince civil.Date
	CPCBid        money.Micros // manual_cpc only
	Enabled       bool
}

// Event is a change that was made to a campaign's or group's settings.
type Event struct {
	At       time.Time
	Campaign int    // index; of a group its first campaign
	Key      string // BudgetKey, TargetKey or campaign id
	Field    platform.Field
	Old, New money.Micros
	Actor    string
	Client   string
}

// Market is a running market. All methods are safe for concurrent use.
type Market struct {
	sc    *Scenario
	mu    sync.RWMutex
	today civil.Date
}

// RemoteCampaignID is the id, in digits, under which a platform knows the
// campaign with this index of the scenario.
func RemoteCampaignID(p platform.Name, index int) string {
	base := int64(2_000_000_001)
	if p == platform.Meta {
		base = 1_200_000_000_001
	}
	return strconv.FormatInt(base+int64(index), 10)
}

// New returns the market on the scenario's start day, its history complete.
func New(sc *Scenario) (*Market, error) { return &Market{sc: sc, today: sc.Start}, nil }

// Scenario returns what the market was made of; it must not be changed.
func (m *Market) Scenario() *Scenario { return m.sc }

// Today returns the day under way. The days before it are complete.
func (m *Market) Today() civil.Date {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.today
}

// AdvanceTo completes the days before d and makes the scenario's human edits of
// the days it enters. An earlier d changes nothing.
func (m *Market) AdvanceTo(d civil.Date) {}

// Campaigns lists a platform's campaigns in the scenario's order; an empty
// platform means all.
func (m *Market) Campaigns(p platform.Name) []Campaign { return nil }

// SetBudget sets the daily budget of a BudgetKey from today on.
func (m *Market) SetBudget(key string, v money.Micros, actor, client string) error { return nil }

// SetTargetROAS sets the target of a TargetKey from today on; 0 removes it.
func (m *Market) SetTargetROAS(key string, v money.Micros, actor, client string) error { return nil }

// SetCPCBid sets the bid of a manual_cpc campaign.
func (m *Market) SetCPCBid(id string, v money.Micros, actor, client string) error { return nil }

// Report returns the complete days from..to as the platform reports them
// today, zeros included, by campaign and then day. Entity is the campaign with
// its scenario id.
func (m *Market) Report(p platform.Name, from, to civil.Date) []platform.Performance { return nil }

// Changes lists a platform's changes, oldest first.
func (m *Market) Changes(p platform.Name) []Event { return nil }

// Shop returns what the shop recorded on a complete day.
func (m *Market) Shop(day civil.Date) ShopDay { return ShopDay{} }

// Products lists what the shop sells.
func (m *Market) Products() []Product { return nil }

// Journal returns all that was set from outside, and today, for Restore.
func (m *Market) Journal() []byte { return nil }

// Restore makes the market that wrote the journal again.
func Restore(sc *Scenario, journal []byte) (*Market, error) { return New(sc) }

package guard

import (
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Facts is what the guardrails look at for one entity of one ad account. It is
// stored with the run, so that an edit or a rollback is checked as the proposal was.
type Facts struct {
	Name      string        `json:"name"`
	Campaigns []string      `json:"campaigns,omitempty"` // ids and names of the campaigns under the entity; protecting one protects the entity
	Platform  platform.Name `json:"platform"`
	Currency  string        `json:"currency"`
	// BudgetUnit and MinBudget are the account's; see platform.Account.
	BudgetUnit money.Micros `json:"budget_unit"`
	MinBudget  money.Micros `json:"min_budget"`
	// ExpectedCurrency and ExpectedTimeZone are what the configuration says;
	// empty: nothing to compare with.
	ExpectedCurrency string     `json:"expected_currency"`
	ExpectedTimeZone string     `json:"expected_time_zone"`
	TimeZone         string     `json:"time_zone"`
	Today            civil.Date `json:"today"` // in the account's zone
	Now              time.Time  `json:"now"`
	KillSwitch       string     `json:"kill_switch"` // why it is on; empty: off
	ReadOnly         string     `json:"read_only"`   // why the entity must not be changed
	Learning         string     `json:"learning"`    // the platform's word; empty: not learning
	// LastChange is the newest change of the entity by us or anyone, in the
	// account's zone; zero: none known. Cycle is one conversion cycle in days.
	LastChange        civil.Date `json:"last_change"`
	Cycle             int        `json:"cycle"`
	LastChangeByOther time.Time  `json:"last_change_by_other"` // zero: none
	OtherActor        string     `json:"other_actor"`
	LastData          civil.Date `json:"last_data"`   // newest reported day; zero: none
	LastOutage        civil.Date `json:"last_outage"` // newest day of a tracking outage; zero: none
	Conversions       float64    `json:"conversions"` // in the window
	Spend             float64    `json:"spend"`       // in the window
	// ROAS is lag-corrected reported value over spend in the window, BreakEven
	// 1/k; 0 where unknown.
	ROAS      float64 `json:"roas"`
	BreakEven float64 `json:"break_even"`
	// CAC is spend per incremental order and LTVCAC the discounted lifetime
	// revenue of a new customer over it; 0 where the shop's data do not tell.
	CAC    float64 `json:"cac"`
	LTVCAC float64 `json:"ltv_cac"`
}

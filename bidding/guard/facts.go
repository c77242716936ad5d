package guard

import (
	"math"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Facts is what the guardrails look at for one entity of one ad account. It is
// stored with the run, so that an edit or a rollback is checked as the proposal
// was; whoever checks later brings Today, Now, KillSwitch, LastChange and
// LastChangeByOther up to date first.
type Facts struct {
	Name string `json:"name"`
	// Campaigns are the ids and names of the campaigns (ad sets) that the entity
	// serves, and of the campaigns that those ad sets lie in: protecting one of them
	// protects the entity.
	Campaigns []string      `json:"campaigns,omitempty"`
	Platform  platform.Name `json:"platform"`
	Currency  string        `json:"currency"`
	TimeZone  string        `json:"time_zone"`
	// ExpectedCurrency and ExpectedTimeZone are what the configuration says;
	// empty: nothing to compare with.
	ExpectedCurrency string `json:"expected_currency"`
	ExpectedTimeZone string `json:"expected_time_zone"`
	// BudgetUnit and MinBudget are the account's; see platform.Account.
	BudgetUnit money.Micros `json:"budget_unit"`
	MinBudget  money.Micros `json:"min_budget"`
	Today      civil.Date   `json:"today"` // in the account's zone
	Now        time.Time    `json:"now"`
	KillSwitch string       `json:"kill_switch"` // why it is on; empty: off
	ReadOnly   string       `json:"read_only"`   // why the entity must not be changed
	Learning   string       `json:"learning"`    // the platform's word; empty: not learning
	// Experiment names the experiment running on the entity or on a campaign it
	// serves; empty: none.
	Experiment string `json:"experiment,omitempty"`
	// LastChange is the date of the newest change of the entity, ours or
	// anybody's; zero: none known. Cycle is one conversion cycle in days.
	LastChange        civil.Date `json:"last_change"`
	Cycle             int        `json:"cycle"`
	Refused           []Refusal  `json:"refused,omitempty"`    // of changes of the entity, each field and direction once
	LastChangeByOther time.Time  `json:"last_change_by_other"` // zero: none
	OtherActor        string     `json:"other_actor"`
	LastData          civil.Date `json:"last_data"`   // newest reported day; zero: none
	LastOutage        civil.Date `json:"last_outage"` // newest day of a tracking outage; zero: none
	// Silent is the newest reported day, where money was spent on it and no
	// conversion reported that was due: chance or an outage; zero: neither.
	Silent      civil.Date `json:"silent"`
	Conversions float64    `json:"conversions"` // in the window
	Spend       float64    `json:"spend"`       // in the window
	// ROAS is lag-corrected reported value over spend in the window, BreakEven
	// is 1/k; 0 where unknown.
	ROAS      float64 `json:"roas"`
	BreakEven float64 `json:"break_even"`
	// CAC is spend per incremental order, LTVCAC the discounted lifetime revenue
	// of a new customer over it (lambda * iota * ROAS); 0 where the shop's data
	// do not tell. In revenue a floor of 3 lies between break-even and the
	// profit-maximising ROAS of a shop with 40 % margin; in margin it would stop
	// almost any growth that earns money.
	CAC    float64 `json:"cac"`
	LTVCAC float64 `json:"ltv_cac"`
	// Alert, SpendAnomaly, Fatigue and BidPressure say in whole sentences what is
	// wrong; empty: nothing.
	Alert        string `json:"alert,omitempty"`
	SpendAnomaly string `json:"spend_anomaly,omitempty"`
	Fatigue      string `json:"fatigue,omitempty"`
	BidPressure  string `json:"bid_pressure,omitempty"`
	// WornSpend is the share of its newest spend that went to worn-out ads, WornAds
	// says in a sentence to which; 0 and empty where no ad is known to be.
	WornSpend float64 `json:"worn_spend,omitempty"`
	WornAds   string  `json:"worn_ads,omitempty"`
	// Unsellable is the share of what its campaigns sold lately, by price, that
	// the feed now says is out of stock or has errors in; of products that the
	// feed knows. 0 where unknown.
	Unsellable float64 `json:"unsellable,omitempty"`
	// UnfitSpend is the share of what its campaigns spent on single items of the
	// feeds that went to items that should not be advertised, LosingSpend to items
	// that do not pay at break-even; see feeds.CampaignItems. 0 where unknown.
	UnfitSpend  float64 `json:"unfit_spend,omitempty"`
	LosingSpend float64 `json:"losing_spend,omitempty"`
	// Frequency is how often one person saw it in seven days; 0 where unknown.
	Frequency float64 `json:"frequency,omitempty"`
	// Overlap is the share of the smaller audience that is in both its own and that
	// of OverlapWith, the campaign of another budget where it is largest; 0 where
	// none is known.
	Overlap     float64 `json:"overlap,omitempty"`
	OverlapWith string  `json:"overlap_with,omitempty"`
	// FirstOrder is the mean first order, to which a new-customer value is added;
	// 0 for other fields.
	FirstOrder money.Micros `json:"first_order"`
	// Months are the monthly budgets the entity spends from.
	Months []Pace `json:"months,omitempty"`
}

// Refusal is that somebody rejected a change of a field, upwards or downwards.
type Refusal struct {
	Field platform.Field `json:"field"`
	Up    bool           `json:"up"`
	On    civil.Date     `json:"on"` // the newest time, in the account's zone
}

// sane reports whether every number is one.
func (f Facts) sane() bool {
	for _, x := range []float64{f.Conversions, f.Spend, f.ROAS, f.BreakEven, f.CAC, f.LTVCAC, f.Unsellable, f.UnfitSpend, f.LosingSpend, f.WornSpend, f.Frequency, f.Overlap} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// is reports whether a name in the policy means this entity.
func (f Facts) is(id, match string) bool {
	return AnyLike(match, []string{id, f.Name}) || AnyLike(match, f.Campaigns)
}

// bounds are the floor and ceiling of a field for this entity, in micros, and
// the settings they come from; a ceiling of 0 is none. Of several rules that mean the
// entity the last one holds.
func (p Policy) bounds(f Facts, c platform.Change) (lo, hi money.Micros, loKey, hiKey string) {
	switch rules := p.ValueRules; c.Field {
	case platform.ValueMultiplier:
		return micros(rules.MinMultiplier), micros(rules.MaxMultiplier), "value_rules.min_multiplier", "value_rules.max_multiplier"
	case platform.NewCustomerValue: // the first order and what is added to it, over the first order
		return 0, micros((rules.MaxMultiplier - 1) * f.FirstOrder.Float()), "", "value_rules.max_multiplier"
	}
	pick := func(l Limits) (float64, float64, string) {
		switch {
		case c.Field == platform.DailyBudget:
			return l.MinBudget, l.MaxBudget, "budget"
		case c.Field.IsRatio():
			return l.MinTarget, l.MaxTarget, "target"
		}
		return l.MinBid, l.MaxBid, "bid"
	}
	min, max, name := pick(p.Limits)
	loKey, hiKey = "limits.min_"+name, "limits.max_"+name
	for _, e := range p.Entities {
		if !f.is(c.Entity.ID, e.Match) {
			continue
		}
		l, h, _ := pick(e.Limits)
		if l > 0 {
			min, loKey = l, "entities."+e.Match+".min_"+name
		}
		if h > 0 {
			max, hiKey = h, "entities."+e.Match+".max_"+name
		}
	}
	lo, hi = micros(min), micros(max)
	if c.Field == platform.DailyBudget && f.MinBudget > lo {
		lo, loKey = f.MinBudget, "the platform's minimum budget"
	}
	if c.Field == platform.TargetROAS && f.Platform == platform.Google {
		if lo < leastTarget {
			lo, loKey = leastTarget, "the platform's minimum target"
		}
		if hi == 0 || hi > mostTarget {
			hi, hiKey = mostTarget, "the platform's maximum target"
		}
	}
	return lo, hi, loKey, hiKey
}

// Google takes a target ROAS between these.
const (
	leastTarget = money.One / 100
	mostTarget  = 1000 * money.One
)

// Floor is the least value the policy and the platform allow the field of the
// entity.
func (p Policy) Floor(f Facts, c platform.Change) money.Micros {
	lo, _, _, _ := p.bounds(f, c)
	return lo
}

// micros converts a validated amount; what is out of range counts as none.
func micros(units float64) money.Micros {
	m, err := money.FromFloat(units)
	if err != nil {
		return 0
	}
	return m
}

package response

import "adsteward/internal/civil"

// Day is one day of a unit as the platform reports it so far.
type Day struct {
	Date        civil.Date
	Spend       float64
	Value       float64
	Conversions float64
}

// Unit is one unit of control and its history.
type Unit struct {
	ID       string // unique
	Platform string
	Type     string // units of one platform and type pool first
	// DemandDriven is true where the budget did not hold spend back: spend then
	// followed demand, its ups and downs say nothing about the curve, and the
	// elasticity comes from the pool alone.
	DemandDriven bool
	// Budget is the daily budget, the reference spend where there is no history.
	Budget float64
	Days   []Day // ascending dates; days without a row had no spend
}

// Input is everything Fit looks at.
type Input struct {
	Units []Unit
	Today civil.Date     // ages are counted from it; days from it on are ignored
	Lags  map[string]Lag // by platform; PriorLag where missing
	Seed  uint64         // of the posterior draws
}

// Outage is a day on which a platform's (Unit empty) or one unit's tracking
// reported almost nothing although money was spent as usual.
type Outage struct {
	Platform string     `json:"platform"`
	Unit     string     `json:"unit,omitempty"`
	Date     civil.Date `json:"date"`
	Expected float64    `json:"expected"` // conversions that should have been reported by now
	Reported float64    `json:"reported"`
}

// Result is a fit of all units.
type Result struct {
	Curves    []Curve               `json:"curves"`      // in the order of the units
	Outages   []Outage              `json:"outages"`     // left out of the fit
	DayOfWeek map[string][7]float64 `json:"day_of_week"` // factor by platform, Sunday first, mean 1
	Pools     []Pool                `json:"pools"`
}

// Pool is what units of one kind have in common.
type Pool struct {
	Platform   string  `json:"platform"` // empty: all platforms
	Type       string  `json:"type"`     // empty: all types
	Units      int     `json:"units"`
	Elasticity float64 `json:"elasticity"` // posterior mean of the pool's mean
	MeanSD     float64 `json:"mean_sd"`
	BetweenSD  float64 `json:"between_sd"` // of the members around the mean
}

// Fit fits a curve to every unit. It is deterministic in its input.
func Fit(in Input) Result { return Result{Curves: make([]Curve, len(in.Units))} }

package market

import (
	"math"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

// Scenario is one simulated market: its campaigns with their true parameters
// and what happens to them. Amounts are units of Currency.
type Scenario struct {
	Name     string     `json:"name"`
	Seed     uint64     `json:"seed"`
	Start    civil.Date `json:"start"`
	Nights   int        `json:"nights"`       // at most MostDays, as all numbers of days; default 120
	Currency string     `json:"currency"`     // default EUR
	TimeZone string     `json:"time_zone"`    // of the ad accounts; default Europe/Berlin
	History  int        `json:"history_days"` // days before Start with the initial budgets; default 60
	// TotalDailyBudget bounds the sum of the budgets; default their initial sum.
	TotalDailyBudget float64 `json:"total_daily_budget"`
	Discount         float64 `json:"discount_rate_annual"` // default 0.1
	// RecordedMargin is the margin that the shop's cost records show, as a share of
	// the true one: below 1 where they put costs too high; default 1.
	RecordedMargin float64         `json:"recorded_margin"`
	Horizon        int             `json:"horizon_days"` // default 365
	Campaigns      []CampaignSpec  `json:"campaigns"`
	Events         []ScenarioEvent `json:"events"`
}

// CampaignSpec holds one campaign's settings at the start and its true
// parameters. Id and platform are required; the defaults of the others are
// those of defaultCampaign, and as stated here.
type CampaignSpec struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"` // default: type and id, "Retargeting m2", as people name them
	Platform platform.Name `json:"platform"`
	Type     string        `json:"type"` // default search (google), prospecting (meta)
	// Bidding is empty or manual_cpc; the market treats both alike.
	Bidding string `json:"bidding"`
	// AdGroups is how many ad groups a manual_cpc campaign has, each with a bid of its
	// own, an uneven but fixed part of its clicks and a still more uneven one of its
	// sales; default 1. The market's response does not depend on it.
	AdGroups int `json:"ad_groups,omitempty"`
	// AdSets is how many ad sets a Meta campaign has, likewise: several have bid caps, or
	// where target_roas is given a minimum ROAS each, by whose mean the market goes.
	AdSets int `json:"ad_sets,omitempty"`
	// Group: Google campaigns of one budget group spend from one campaign budget,
	// the sum of their budgets.
	BudgetGroup string `json:"budget_group"`
	// Lists are the names of audience lists, of which only people see it, but those on
	// one of WithoutLists; empty: everybody may. A list that is not there yet counts
	// from when it is made. The market's response does not depend on it.
	Lists        []string `json:"lists,omitempty"`
	WithoutLists []string `json:"without_lists,omitempty"`
	// Portfolio: Google campaigns of one portfolio share one target ROAS.
	Portfolio string `json:"portfolio"`

	Budget     float64  `json:"budget"`      // per day; default 100
	MinBudget  float64  `json:"min_budget"`  // at least one coin, whatever is given; default a tenth of budget
	MaxBudget  float64  `json:"max_budget"`  // default ten times budget
	TargetROAS *float64 `json:"target_roas"` // default none

	N           float64 `json:"n"`            // opportunities a day; default 800
	P           float64 `json:"p"`            // cost of one; default 0.6
	V           float64 `json:"v"`            // value of one; default 2.1
	Sigma       float64 `json:"sigma"`        // spread of value per cost; default 0.9
	Basket      float64 `json:"basket"`       // mean order value; default 70
	BasketSigma float64 `json:"basket_sigma"` // of its logarithm; default 0.5

	Margin      float64 `json:"margin"`       // contribution margin rate; default 0.4
	NewShare    float64 `json:"new_share"`    // orders from new customers; default 0.5
	LTVMultiple float64 `json:"ltv_multiple"` // of a new customer, first order included; default 1
	Iota        float64 `json:"iota"`         // incremental / reported; default 1

	DOW             [7]float64 `json:"dow"` // Monday first; default all 1
	SeasonAmplitude float64    `json:"season_amplitude"`
	SeasonPhase     float64    `json:"season_phase"`
	TrendPerYear    float64    `json:"trend_per_year"`
	Rho             float64    `json:"rho"` // of the AR(1) of log demand; default 0.5
	// Noise is the standard deviation of the AR(1)'s innovations and, doubled, of
	// the daily delivery factor; 0 switches off every draw of how much comes, and
	// leaves those of who buys and when. Default 0.15.
	Noise        float64 `json:"noise"`
	DelayP       float64 `json:"delay_p"`       // geometric; default 0.45
	DelayMax     int     `json:"delay_max"`     // days; default 30
	LearningLoss float64 `json:"learning_loss"` // default 0
	FeedGroup    string  `json:"feed_group"`    // default "all"
	// Ads are the ads that the platform tells apart; default none. Left out where
	// there are none, so that a journal of before goes on.
	Ads []AdSpec `json:"ads,omitempty"`
}

// The kinds of ScenarioEvent.
const (
	TrackingOutage  = "tracking_outage"  // conversions reported as zero
	StockOut        = "stock_out"        // demand falls to 30 %
	FeedDisapproval = "feed_disapproval" // likewise
	HumanEdit       = "human_edit"       // Value is the new daily budget
	Sale            = "sale"             // Value multiplies demand, default 1.5; margin x 0.8
	APIFault        = "api_fault"        // the platform's API fails; Value calls, default 3
)

// ScenarioEvent happens on Date and lasts Days (default 1); an empty Campaign
// means all.
type ScenarioEvent struct {
	Date     civil.Date `json:"date"`
	Kind     string     `json:"kind"`
	Campaign string     `json:"campaign"`
	Days     int        `json:"days"`
	Value    float64    `json:"value"`
}

func defaultCampaign() CampaignSpec {
	return CampaignSpec{
		Budget: 100, MinBudget: math.NaN(), MaxBudget: math.NaN(), N: 800, P: 0.6, V: 2.1, Sigma: 0.9, Basket: 70, BasketSigma: 0.5,
		Margin: 0.4, NewShare: 0.5, LTVMultiple: 1, Iota: 1, DOW: [7]float64{1, 1, 1, 1, 1, 1, 1},
		Rho: 0.5, Noise: 0.15, DelayP: 0.45, DelayMax: 30, FeedGroup: "all",
	}
}

// active reports whether an event of this kind covers campaign id on day.
func (e *ScenarioEvent) active(kind, id string, day civil.Date) bool {
	return e.Kind == kind && (e.Campaign == "" || e.Campaign == id) && day >= e.Date && day < e.Date.AddDays(e.Days)
}

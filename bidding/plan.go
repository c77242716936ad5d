package bidding

import (
	"time"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Key names an entity across platforms and ad accounts.
type Key struct {
	Platform  platform.Name `json:"platform"`
	AdAccount string        `json:"ad_account"`
	platform.Ref
}

// String is platform/ad account/type/id.
func (k Key) String() string {
	return string(k.Platform) + "/" + k.AdAccount + "/" + string(k.Type) + "/" + k.ID
}

// CampaignKey is the form in which orders and worths name a campaign.
func CampaignKey(p platform.Name, id string) string { return string(p) + ":" + id }

// Account is one ad account with its structure and performance.
type Account struct {
	Platform   platform.Name
	ID         string
	Currency   string
	TimeZone   string
	BudgetUnit money.Micros
	MinBudget  money.Micros
	// ExpectedCurrency and ExpectedTimeZone are the configuration's; empty: not said.
	ExpectedCurrency string
	ExpectedTimeZone string
	Today            civil.Date // in the account's zone
	LastData         civil.Date // newest day with a performance row; zero: none
	Entities         []platform.Entity
	Performance      []Series
	Lag              response.Lag // zero: the prior
}

// Series is the daily performance of one campaign or ad set, ascending.
type Series struct {
	Entity platform.Ref
	Days   []response.Day
	Clicks int64 // total of the policy's window
}

// PastChange is a change of one of our fields made before: by us, known from
// the proposals applied, or by anyone, from the platform's change events. One
// change may be listed twice, once from each.
type PastChange struct {
	Key
	Field    platform.Field
	At       time.Time
	Date     civil.Date // of At in the account's zone
	Ours     bool
	Actor    string
	Old, New money.Micros
}

// Input is everything a plan looks at.
type Input struct {
	Now      time.Time
	Currency string // the account group's; other currencies are left out with a reason
	Accounts []Account
	// Worth is by CampaignKey; DefaultWorth serves the campaigns it lacks.
	Worth        map[string]Worth
	DefaultWorth Worth
	Policy       guard.Policy
	Changes      []PastChange
	KillSwitch   string // why it is on; empty: off
	Seed         uint64
	// Curves is what FitCurves returned for the same input; nil: fitted here.
	Curves *response.Result
}

// Output is a night's plan.
type Output struct {
	Drafts     []Draft           `json:"drafts"`
	Blocked    []Blocked         `json:"blocked"` // changes wanted and not allowed
	Units      []UnitReport      `json:"units"`
	Allocation Allocation        `json:"allocation"`
	Outages    []response.Outage `json:"outages"`
}

// Blocked is a change the plan wanted and a guardrail or the dead band refused.
type Blocked struct {
	Key
	Name     string          `json:"name"`
	Field    platform.Field  `json:"field"`
	Seen     money.Micros    `json:"seen"`
	Wanted   money.Micros    `json:"wanted"`
	Verdicts []guard.Verdict `json:"verdicts"`
}

// UnitReport is one row of the explained table: a unit of control, what a
// unit of its reported value is worth, its curve, its targets, and what limits it.
type UnitReport struct {
	Key
	Name        string                 `json:"name"`
	Campaigns   []platform.Ref         `json:"campaigns"`
	Currency    string                 `json:"currency"`
	Worth       Worth                  `json:"worth"`
	K           float64                `json:"k"`
	Curve       response.Curve         `json:"curve"`
	Budget      money.Micros           `json:"budget"`
	Spend       float64                `json:"spend"`       // mean per day in the window
	Utilisation float64                `json:"utilisation"` // spend over budget since the budget was last changed
	Value       float64                `json:"value"`       // lag-corrected, mean per day
	Conversions float64                `json:"conversions"` // lag-corrected, total of the window
	ROAS        float64                `json:"roas"`
	BreakEven   float64                `json:"break_even"` // 1/k
	Target      float64                `json:"target"`     // profit-maximising ROAS mu/(elasticity k)
	Current     float64                `json:"current"`    // target ROAS set now; 0: none
	NextEuro    float64                `json:"next_euro"`  // k R'(spend)
	LimitedBy   string                 `json:"limited_by"` // budget, target, demand, or why it cannot be changed
	Facts       map[string]guard.Facts `json:"facts"`      // by Key.String() of each changeable entity of the unit
}

// Allocation sums up the optimisation over all units in the group's currency.
type Allocation struct {
	ShadowPrice float64      `json:"shadow_price"`
	Total       money.Micros `json:"total"`    // limit the plan kept to, per day
	Before      money.Micros `json:"before"`   // sum of the daily budgets now
	After       money.Micros `json:"after"`    // if every draft is applied
	Movement    money.Micros `json:"movement"` // sum of absolute budget changes
	Gain        float64      `json:"gain"`     // expected profit a day of all drafts
	GainLow     float64      `json:"gain_low"`
	GainHigh    float64      `json:"gain_high"`
	Binding     []string     `json:"binding"`
	Status      string       `json:"status"`
	Notes       []string     `json:"notes"`
}

// FitCurves fits the response curves of every unit of control.
func FitCurves(in Input) response.Result { return response.Result{} }

// Plan decides the night's changes. The error is of a policy or an input that
// makes no sense; what merely cannot be changed tonight is in the output.
func Plan(in Input) (Output, error) { return Output{}, nil }

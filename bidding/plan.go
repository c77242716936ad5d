package bidding

import (
	"fmt"
	"time"

	"adsteward/audiences"
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
	// Ads are those that spend money in what shows people pictures or films; none
	// where they are not known.
	Ads []AdSeries
}

// Series is the daily performance of one campaign, ad set or ad group, ascending.
type Series struct {
	Entity platform.Ref
	// Part is true of what others' series hold already: that of what lies within a campaign,
	// or the campaign's, where the budget was moved from it to its ad sets.
	Part   bool
	Days   []response.Day
	Clicks int64 // total of the policy's window
	// Simulated is what the platform estimates of other budgets; nil: nothing.
	Simulated []response.Simulated
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
	Refused      map[Key][]guard.Refusal // what somebody rejected lately, by the entity
	// Sold is by CampaignKey what the shop sold lately and could not sell now.
	Sold map[string]Sold
	// Items is by CampaignKey where what was spent on items of the feeds went.
	Items      map[string]ItemMoney
	KillSwitch string // why it is on; empty: off
	Seed       uint64
	// Experiments is by Key.String() what experiments are running on.
	Experiments map[string]UnderExperiment
	// People counts who is on which of the lists kept here, named as ListKey names
	// them; nil: nobody is known.
	People *audiences.Census
	// Curves is what FitCurves returned for the same input; nil: fitted here.
	Curves *response.Result
}

// UnderExperiment is an entity that a running experiment needs to be left alone.
type UnderExperiment struct {
	Name string
	// Budget is what the daily budget is when the experiment does not turn it
	// down; 0 where it never does. It counts towards the total all along, so that
	// nothing else grows into what comes back.
	Budget money.Micros
}

// Output is a night's plan.
type Output struct {
	Drafts     []Draft           `json:"drafts"`
	Blocked    []Blocked         `json:"blocked"` // changes wanted and not allowed
	Units      []UnitReport      `json:"units"`   // those within one right after it
	Targets    []Target          `json:"targets"`
	Allocation Allocation        `json:"allocation"`
	Outages    []response.Outage `json:"outages"`
	// Months is where each monthly budget of the policy stands, in its order.
	Months []Month `json:"months,omitempty"`
	Alerts []Alert `json:"alerts"`
	// Ads is what is made of the ads of each unit that has any.
	Ads []UnitAds `json:"ads,omitempty"`
	// ValueRules is what the guardrails saw of each value rule, by Key.String().
	ValueRules map[string]guard.Facts `json:"value_rules,omitempty"`
	// Audiences is whom campaigns that go by lists are shown to; nil: nobody is known.
	Audiences *Audiences `json:"audiences,omitempty"`
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
// Amounts are in the account's currency a day, those of the window in total.
type UnitReport struct {
	Key
	Name        string         `json:"name"`
	Campaigns   []platform.Ref `json:"campaigns"` // that spend the budget; also ad sets or ad groups that do
	Currency    string         `json:"currency"`
	Worth       Worth          `json:"worth"`
	K           float64        `json:"k"`
	Curve       response.Curve `json:"curve"`
	Budget      money.Micros   `json:"budget"`
	Spend       float64        `json:"spend"`       // mean of the window
	Utilisation float64        `json:"utilisation"` // spend over the budget of the day
	Value       float64        `json:"value"`       // lag-corrected mean of the window
	WindowStart civil.Date     `json:"window_start"`
	WindowEnd   civil.Date     `json:"window_end"`
	WindowSpend float64        `json:"window_spend"`
	WindowValue float64        `json:"window_value"` // lag-corrected
	Conversions float64        `json:"conversions"`  // of the window, lag-corrected
	ROAS        float64        `json:"roas"`
	BreakEven   float64        `json:"break_even"` // 1/k; 0 where nothing sold is worth anything
	Target      float64        `json:"target"`     // profit-maximising ROAS mu/(elasticity k)
	Current     float64        `json:"current"`    // target ROAS or floor set now; 0: none
	NextEuro    float64        `json:"next_euro"`  // k R'(spend): what the next unit of money earns
	// Within is the unit whose budget it shares with others, Room what that leaves
	// it a day; nil where it has a budget of its own.
	Within    *Key    `json:"within,omitempty"`
	Room      float64 `json:"room,omitempty"`
	LimitedBy string  `json:"limited_by"` // budget, target, bid, demand, or in words
	Lever     *Lever  `json:"lever"`      // what could be moved; nil: nothing
	// Facts is what the guardrails saw of the lever's entity, by Key.String().
	Facts map[string]guard.Facts `json:"facts"`
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
	// Kept is true where the total stays because whether to change it is in doubt;
	// see guard.Risk.
	Kept  bool     `json:"kept,omitempty"`
	Notes []string `json:"notes"`
}

// FitCurves fits the response curves of every unit of control that is in the
// group's currency.
func FitCurves(in Input) response.Result {
	return fitCurves(&in, units(&in))
}

func fitCurves(in *Input, us []*unit) response.Result {
	fit := response.Input{Seed: in.Seed, Lags: map[string]response.Lag{}}
	for i := range in.Accounts {
		a := &in.Accounts[i]
		fit.Today = max(fit.Today, a.Today)
		fit.Lags[string(a.Platform)] = a.lag()
	}
	for _, u := range us {
		if u.Currency == in.Currency {
			fit.Units = append(fit.Units, u.toFit())
		}
	}
	return fitWithin(in, us, fit, response.Fit(fit))
}

// Plan decides the night's changes. The error is of a policy that makes no
// sense; what merely cannot be changed tonight is in the output.
func Plan(in Input) (Output, error) {
	if err := in.Policy.Validate(); err != nil {
		return Output{}, fmt.Errorf("the policy is not valid: %w", err)
	}
	us := units(&in)
	fit := in.Curves
	if fit == nil {
		fitted := fitCurves(&in, us)
		fit = &fitted
	}
	p := &planner{in: &in, units: us}
	p.take(fit)
	p.watch(fit.Outages)
	p.overlap()
	p.listen()
	sharePortfolios(all(us))
	if err := p.allocate(); err != nil {
		return Output{}, err
	}
	for _, u := range us {
		u.inherit()
	}
	for _, u := range us {
		p.consider(u)
		p.considerWithin(u)
		p.considerIdle(u)
	}
	p.checkRun()
	return p.output(fit.Outages), nil
}

package market

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Scenario is one simulated market: its campaigns with their true parameters
// and what happens to them. Amounts are units of Currency.
type Scenario struct {
	Name     string     `json:"name"`
	Seed     uint64     `json:"seed"`
	Start    civil.Date `json:"start"`
	Nights   int        `json:"nights"`       // default 120
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
	MinBudget  float64  `json:"min_budget"`  // default a tenth of budget
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
	// the daily delivery factor; 0 switches off every draw. Default 0.15.
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
	Sale            = "sale"             // Value multiplies demand; margin x 0.8
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
		Budget: 100, N: 800, P: 0.6, V: 2.1, Sigma: 0.9, Basket: 70, BasketSigma: 0.5,
		Margin: 0.4, NewShare: 0.5, LTVMultiple: 1, Iota: 1, DOW: [7]float64{1, 1, 1, 1, 1, 1, 1},
		Rho: 0.5, Noise: 0.15, DelayP: 0.45, DelayMax: 30, FeedGroup: "all",
	}
}

// rawScenario is the file's own shape: campaigns and events are kept raw so
// that an error can say which one it is in.
type rawScenario struct {
	*scenarioHead
	Campaigns []json.RawMessage `json:"campaigns"`
	Events    []json.RawMessage `json:"events"`
}

// scenarioHead is Scenario without the two lists' precedence over rawScenario's.
type scenarioHead Scenario

// ReadScenario reads and checks a scenario's JSON. An unknown field is an error
// that names it.
func ReadScenario(r io.Reader) (*Scenario, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	sc := &Scenario{Seed: 1, Nights: 120, Currency: "EUR", TimeZone: "Europe/Berlin", History: 60, Discount: 0.1, Horizon: 365}
	raw := rawScenario{scenarioHead: (*scenarioHead)(sc)}
	if err := decodeStrict(data, &raw); err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	for i, b := range raw.Campaigns {
		c := defaultCampaign()
		if err := decodeStrict(b, &c); err != nil {
			return nil, fmt.Errorf("scenario: campaign %d: %w", i+1, err)
		}
		sc.Campaigns = append(sc.Campaigns, c)
	}
	for i, b := range raw.Events {
		e := ScenarioEvent{Days: 1}
		if err := decodeStrict(b, &e); err != nil {
			return nil, fmt.Errorf("scenario: event %d: %w", i+1, err)
		}
		sc.Events = append(sc.Events, e)
	}
	if err := sc.complete(); err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return sc, nil
}

func decodeStrict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("the file is empty")
		}
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return errors.New("there is text after the end of the JSON")
	}
	return nil
}

// complete fills in the defaults that depend on other fields, then checks.
func (sc *Scenario) complete() error {
	if sc.Start.IsZero() {
		return errors.New("start is missing; write it as \"2026-01-01\"")
	}
	if !money.ValidCode(sc.Currency) {
		return fmt.Errorf("currency %q is not an ISO 4217 code", sc.Currency)
	}
	if _, err := time.LoadLocation(sc.TimeZone); err != nil {
		return fmt.Errorf("time_zone %q is not known", sc.TimeZone)
	}
	if sc.Nights < 0 || sc.History < 0 || sc.Horizon < 1 || sc.Discount < 0 {
		return errors.New("nights, history_days and discount_rate_annual must be at least 0 and horizon_days at least 1")
	}
	if sc.RecordedMargin == 0 {
		sc.RecordedMargin = 1
	}
	if !(sc.RecordedMargin > 0 && sc.RecordedMargin <= 2) {
		return fmt.Errorf("recorded_margin is %v; it must be above 0 and at most 2", sc.RecordedMargin)
	}
	if len(sc.Campaigns) == 0 {
		return errors.New("there are no campaigns")
	}
	var sum float64
	ids := map[string]bool{}
	targets := map[string]float64{}
	for i := range sc.Campaigns {
		c := &sc.Campaigns[i]
		if err := c.complete(); err != nil {
			return fmt.Errorf("campaign %d (%s): %w", i+1, c.ID, err)
		}
		if ids[c.ID] {
			return fmt.Errorf("campaign %d: the id %q is there twice", i+1, c.ID)
		}
		ids[c.ID] = true
		if t, seen := targets[c.Portfolio]; c.Portfolio != "" && seen && t != c.target() {
			return fmt.Errorf("campaign %d (%s): target_roas differs within the portfolio %q", i+1, c.ID, c.Portfolio)
		}
		targets[c.Portfolio] = c.target()
		sum += c.Budget
	}
	for _, c := range sc.Campaigns {
		if ids[c.BudgetGroup] || ids[c.Portfolio] {
			return fmt.Errorf("campaign %s: a budget_group or portfolio has the name of a campaign", c.ID)
		}
	}
	if sc.TotalDailyBudget == 0 {
		sc.TotalDailyBudget = sum
	}
	return sc.checkEvents(ids)
}

func (c *CampaignSpec) target() float64 {
	if c.TargetROAS == nil {
		return 0
	}
	return *c.TargetROAS
}

func (c *CampaignSpec) complete() error {
	if c.ID == "" {
		return errors.New("id is missing")
	}
	switch c.Platform {
	case platform.Google:
		c.Type = orElse(c.Type, "search")
	case platform.Meta:
		c.Type = orElse(c.Type, "prospecting")
		if c.BudgetGroup != "" || c.Portfolio != "" || c.Bidding != "" {
			return errors.New("budget_group, portfolio and bidding are for google only")
		}
	default:
		return fmt.Errorf("platform %q is neither google nor meta", c.Platform)
	}
	if _, ok := adTypes[c.Type]; !ok {
		return fmt.Errorf("type %q is none of search, shopping, pmax, prospecting, retargeting, brand", c.Type)
	}
	if c.Name == "" {
		c.Name = strings.ToUpper(c.Type[:1]) + c.Type[1:] + " " + c.ID
	}
	if c.Bidding != "" && c.Bidding != "manual_cpc" {
		return fmt.Errorf("bidding %q is not manual_cpc", c.Bidding)
	}
	if c.MinBudget == 0 {
		c.MinBudget = c.Budget / 10
	}
	if c.MaxBudget == 0 {
		c.MaxBudget = c.Budget * 10
	}
	if err := c.completeAds(); err != nil {
		return err
	}
	return c.checkRanges()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (c *CampaignSpec) checkRanges() error {
	inf := math.Inf(1)
	for _, f := range []struct {
		name      string
		v, lo, hi float64 // lo < v <= hi, or lo = v where closed
		closed    bool
	}{
		{"budget", c.Budget, 0, 1e9, false}, {"min_budget", c.MinBudget, 0, c.MaxBudget, true}, {"max_budget", c.MaxBudget, 0, 1e9, false},
		{"n", c.N, 0, 1e12, false}, {"p", c.P, 0, 1e9, false}, {"v", c.V, 0, 1e9, false}, {"sigma", c.Sigma, 0, 10, false},
		{"basket", c.Basket, 0, 1e9, false}, {"basket_sigma", c.BasketSigma, 0, 3, true}, {"margin", c.Margin, 0, 1, true},
		{"new_share", c.NewShare, 0, 1, true}, {"ltv_multiple", c.LTVMultiple, 1, 10, true}, {"iota", c.Iota, 0, 10, false},
		{"season_amplitude", c.SeasonAmplitude, -1, 1, true}, {"season_phase", c.SeasonPhase, -inf, inf, true},
		{"trend_per_year", c.TrendPerYear, -10, 10, true}, {"rho", c.Rho, -0.999, 0.999, true}, {"noise", c.Noise, 0, 2, true},
		{"delay_p", c.DelayP, 0, 1, false}, {"delay_max", float64(c.DelayMax), 0, 400, true}, {"learning_loss", c.LearningLoss, 0, 1, true},
		{"target_roas", c.target(), 0, 1000, true},
	} {
		if !(f.v > f.lo || f.closed && f.v == f.lo) || f.v > f.hi {
			return fmt.Errorf("%s is %v; it must lie between %v and %v", f.name, f.v, f.lo, f.hi)
		}
	}
	for _, d := range c.DOW {
		if d < 0 || d > 100 {
			return fmt.Errorf("dow holds %v; it must lie between 0 and 100", d)
		}
	}
	return nil
}

func (sc *Scenario) checkEvents(ids map[string]bool) error {
	for i, e := range sc.Events {
		switch e.Kind {
		case TrackingOutage, StockOut, FeedDisapproval, APIFault:
		case HumanEdit, Sale:
			if e.Value <= 0 {
				return fmt.Errorf("event %d (%s): value must be above 0", i+1, e.Kind)
			}
		default:
			return fmt.Errorf("event %d: the kind %q is not known", i+1, e.Kind)
		}
		switch {
		case e.Date.IsZero():
			return fmt.Errorf("event %d (%s): date is missing", i+1, e.Kind)
		case e.Days < 1:
			return fmt.Errorf("event %d (%s): days must be at least 1", i+1, e.Kind)
		case e.Campaign != "" && !ids[e.Campaign]:
			return fmt.Errorf("event %d (%s): there is no campaign %q", i+1, e.Kind, e.Campaign)
		case e.Kind == HumanEdit && e.Date < sc.Start:
			return fmt.Errorf("event %d: a human_edit before start is not possible; the history has the initial budgets", i+1)
		}
	}
	return nil
}

// active reports whether an event of this kind covers campaign id on day.
func (e *ScenarioEvent) active(kind, id string, day civil.Date) bool {
	return e.Kind == kind && (e.Campaign == "" || e.Campaign == id) && day >= e.Date && day < e.Date.AddDays(e.Days)
}

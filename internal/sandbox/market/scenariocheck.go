package market

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	// MostDays bounds what a scenario counts in days: ten years.
	MostDays = 3660
	// mostADay bounds a campaign's orders, and its measured visits, on a usual day:
	// each is made one by one.
	mostADay   = 1e6
	mostBudget = 1e9
	mostTotal  = 1e12
)

// complete fills in what is missing, which for amounts the caller can tell, and
// checks.
func (sc *Scenario) complete(missing func(float64) bool) *BadInput {
	if missing(sc.RecordedMargin) {
		sc.RecordedMargin = 1
	}
	if bad := sc.checkHead(); bad != nil {
		return bad
	}
	coin := money.MinorUnit(sc.Currency).Float()
	var sum, least float64
	for i := range sc.Campaigns {
		c := &sc.Campaigns[i]
		if bad := c.complete(fmt.Sprintf("campaigns[%d]", i), coin, missing); bad != nil {
			return bad
		}
		sum, least = sum+c.Budget, least+c.MinBudget
	}
	if missing(sc.TotalDailyBudget) {
		if sum < least*(1-1e-9) {
			return wrong("campaigns", "their budgets together, %v, are less than their min_budget together, %v; raise budget or lower min_budget", sum, least)
		}
		sc.TotalDailyBudget = sum
	}
	if bad := checkRanges("", bounds{"total_daily_budget", sc.TotalDailyBudget, coin, mostTotal, false}); bad != nil {
		return bad
	}
	if sc.TotalDailyBudget < least*(1-1e-9) {
		return wrong("total_daily_budget", "%v is less than the min_budget of all campaigns together, %v; raise it, or lower min_budget, "+
			"which is a tenth of budget where it is missing", sc.TotalDailyBudget, least)
	}
	if bad := sc.checkNames(); bad != nil {
		return bad
	}
	return sc.checkEvents(coin, missing)
}

// bounds are what a number may be: from lo to hi or, where above is true, more
// than lo.
type bounds struct {
	name      string
	v, lo, hi float64
	above     bool
}

// checkRanges returns the first of the numbers, fields of path, that is beyond
// its bounds; NaN is.
func checkRanges(path string, all ...bounds) *BadInput {
	for _, f := range all {
		if (f.v > f.lo || f.v == f.lo && !f.above) && f.v <= f.hi {
			continue
		}
		must := fmt.Sprintf("from %v to %v", f.lo, f.hi)
		if f.above {
			must = fmt.Sprintf("above %v and at most %v", f.lo, f.hi)
		}
		return wrong(strings.TrimPrefix(path+"."+f.name, "."), "%v is out of range; give a number %s", f.v, must)
	}
	return nil
}

func (sc *Scenario) checkHead() *BadInput {
	if sc.Start.IsZero() {
		return wrong("", `start is missing; add "start": "2026-01-01"`)
	}
	if year := sc.Start.Time().Year(); year < 1900 || year > 2200 {
		return wrong("start", "%s is too far away; give a day from 1900 to 2200", sc.Start)
	}
	if !money.ValidCode(sc.Currency) {
		return wrong("currency", "%q is not an ISO 4217 code; give one such as EUR", sc.Currency)
	}
	if _, err := time.LoadLocation(sc.TimeZone); err != nil {
		return wrong("time_zone", "%q is not known; give one such as Europe/Berlin", sc.TimeZone)
	}
	if len(sc.Campaigns) == 0 {
		return wrong("campaigns", `there are no campaigns; add one, such as {"id": "g1", "platform": "google"}`)
	}
	return checkRanges("",
		bounds{"nights", float64(sc.Nights), 0, MostDays, false}, bounds{"history_days", float64(sc.History), 0, MostDays, false},
		bounds{"horizon_days", float64(sc.Horizon), 1, MostDays, false}, bounds{"discount_rate_annual", sc.Discount, 0, 100, false},
		bounds{"recorded_margin", sc.RecordedMargin, 0, 2, true})
}

// checkNames checks what campaigns call themselves and what they share.
func (sc *Scenario) checkNames() *BadInput {
	ids, targets := map[string]int{}, map[string]float64{}
	for i, c := range sc.Campaigns {
		path := fmt.Sprintf("campaigns[%d]", i)
		if first, twice := ids[c.ID]; twice {
			return wrong(path+".id", "%q is there twice, the id of campaigns[%d] already; give each an id of its own", c.ID, first)
		}
		ids[c.ID] = i
		if t, seen := targets[c.Portfolio]; c.Portfolio != "" && seen && t != c.target() {
			return wrong(path+".target_roas", "it is %v, and %v in a campaign before of the portfolio %q; give all of a portfolio one target", c.target(), t, c.Portfolio)
		}
		targets[c.Portfolio] = c.target()
	}
	for i, c := range sc.Campaigns {
		for _, of := range [][2]string{{"budget_group", c.BudgetGroup}, {"portfolio", c.Portfolio}} {
			if _, taken := ids[of[1]]; taken {
				return wrong(fmt.Sprintf("campaigns[%d].%s", i, of[0]), "%q is the id of a campaign; give it another name", of[1])
			}
		}
	}
	return nil
}

func (c *CampaignSpec) target() float64 {
	if c.TargetROAS == nil {
		return 0
	}
	return *c.TargetROAS
}

func (c *CampaignSpec) complete(path string, coin float64, missing func(float64) bool) *BadInput {
	if bad := c.completeKind(path); bad != nil {
		return bad
	}
	if missing(c.MinBudget) {
		c.MinBudget = c.Budget / 10
	}
	if missing(c.MaxBudget) {
		c.MaxBudget = c.Budget * 10
	}
	if bad := c.completeAds(path, missing); bad != nil {
		return bad
	}
	if bad := c.check(path, coin); bad != nil {
		return bad
	}
	// No budget is nothing: a policy that might go down to 0 would cut what cannot
	// be cut, and spend it elsewhere as well.
	c.MinBudget = max(c.MinBudget, coin)
	return nil
}

func (c *CampaignSpec) completeKind(path string) *BadInput {
	if c.ID == "" {
		return wrong(path, `id is missing; add "id": "..."`)
	}
	switch c.Platform {
	case platform.Google:
		c.Type = orElse(c.Type, "search")
	case platform.Meta:
		c.Type = orElse(c.Type, "prospecting")
		if c.BudgetGroup != "" || c.Portfolio != "" || c.Bidding != "" {
			return wrong(path, "budget_group, portfolio and bidding are for google only; remove them")
		}
	default:
		return wrong(path+".platform", "%q is neither google nor meta; give one of them", c.Platform)
	}
	if _, ok := adTypes[c.Type]; !ok {
		return wrong(path+".type", "%q is not known; use search, shopping, pmax, prospecting, retargeting or brand", c.Type)
	}
	if c.Name == "" {
		c.Name = strings.ToUpper(c.Type[:1]) + c.Type[1:] + " " + c.ID
	}
	if c.Bidding != "" && c.Bidding != "manual_cpc" {
		return wrong(path+".bidding", "%q is not known; use manual_cpc, or leave it out", c.Bidding)
	}
	return c.checkGroups(path)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (c *CampaignSpec) check(path string, coin float64) *BadInput {
	all := math.MaxFloat64
	if bad := checkRanges(path,
		bounds{"budget", c.Budget, coin, mostBudget, false}, bounds{"max_budget", c.MaxBudget, coin, mostBudget, false},
		bounds{"min_budget", c.MinBudget, 0, mostBudget, false}, bounds{"target_roas", c.target(), 0, 1000, false},
		bounds{"n", c.N, 0, 1e12, true}, bounds{"p", c.P, 0, 1e9, true}, bounds{"v", c.V, 0, 1e9, true}, bounds{"sigma", c.Sigma, 0, 10, false},
		bounds{"basket", c.Basket, 0, 1e9, true}, bounds{"basket_sigma", c.BasketSigma, 0, 3, false}, bounds{"margin", c.Margin, 0, 1, false},
		bounds{"new_share", c.NewShare, 0, 1, false}, bounds{"ltv_multiple", c.LTVMultiple, 1, 10, false}, bounds{"iota", c.Iota, 0, 10, true},
		bounds{"season_amplitude", c.SeasonAmplitude, -1, 1, false}, bounds{"season_phase", c.SeasonPhase, -all, all, false},
		bounds{"trend_per_year", c.TrendPerYear, -10, 10, false}, bounds{"rho", c.Rho, -0.999, 0.999, false}, bounds{"noise", c.Noise, 0, 2, false},
		bounds{"delay_p", c.DelayP, 0, 1, true}, bounds{"delay_max", float64(c.DelayMax), 0, 400, false},
		bounds{"learning_loss", c.LearningLoss, 0, 1, false}); bad != nil {
		return bad
	}
	if c.MinBudget > c.MaxBudget {
		return wrong(path+".min_budget", "%v is above max_budget, %v; lower one or raise the other", c.MinBudget, c.MaxBudget)
	}
	for i, d := range c.DOW {
		if bad := checkRanges(path, bounds{fmt.Sprintf("dow[%d]", i), d, 0, 100, false}); bad != nil {
			return bad
		}
	}
	if slices.Max(c.DOW[:]) == 0 {
		return wrong(path+".dow", "there is no demand on any day; give one that is above 0")
	}
	orders, visits := c.response(c.N, c.Budget)/c.Basket/min(c.Iota, 1), min(c.Budget/c.P, c.N)*clicksMeasured
	if orders > mostADay || visits > mostADay {
		return wrong(path, "a usual day has %.3g orders and %.3g measured visits, of which %g are possible; raise basket or p, or lower budget, n or v",
			orders, visits, mostADay)
	}
	return nil
}

// usualSale is how many times the usual demand a sale draws where none is given.
const usualSale = 1.5

func (sc *Scenario) checkEvents(coin float64, missing func(float64) bool) *BadInput {
	for i := range sc.Events {
		e, path := &sc.Events[i], fmt.Sprintf("events[%d]", i)
		switch {
		case !missing(e.Value):
		case e.Kind == HumanEdit:
			return wrong(path, "value is missing; add the new daily budget")
		case e.Kind == Sale:
			e.Value = usualSale
		default:
			e.Value = 0
		}
		value := bounds{"value", e.Value, -math.MaxFloat64, math.MaxFloat64, false} // of those that have no use for it
		switch e.Kind {
		case TrackingOutage, StockOut, FeedDisapproval:
		case HumanEdit:
			value.lo, value.hi = coin, mostBudget
		case Sale:
			value.lo, value.hi, value.above = 0, 1000, true
		case APIFault:
			value.lo, value.hi = 0, 1e6 // 0 is the default
		default:
			return wrong(path+".kind", "%q is not known; use tracking_outage, stock_out, feed_disapproval, human_edit, sale or api_fault", e.Kind)
		}
		if bad := checkRanges(path, value, bounds{"days", float64(e.Days), 1, MostDays, false}); bad != nil {
			return bad
		}
		switch {
		case e.Date.IsZero():
			return wrong(path, `date is missing; add "date": %q`, sc.Start)
		case e.Kind == HumanEdit && e.Date < sc.Start:
			return wrong(path+".date", "a human_edit before start, %s, is not possible, since the history has the initial budgets; give a later day", sc.Start)
		case e.Campaign != "" && !slices.ContainsFunc(sc.Campaigns, func(c CampaignSpec) bool { return c.ID == e.Campaign }):
			return wrong(path+".campaign", "there is no campaign %q; name one that there is, or leave it out for all", e.Campaign)
		}
	}
	return nil
}

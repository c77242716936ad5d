package meta

import (
	"encoding/json"
	"slices"
	"strconv"

	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

// What the market's history says of changes that came through the API.
const (
	actor  = "System User"
	client = "Marketing API"
)

// change is one checked change of an entity, to be made or only validated.
type change func() error

func (s *server) updateCampaign(req request, c market.Campaign) (any, *graphError) {
	var changes []change
	if fail := fixed(req, "status", "bid_strategy", "lifetime_budget", "objective", "spend_cap"); fail != nil {
		return nil, fail
	}
	if text, ok := given(req, "daily_budget"); ok {
		v, fail := s.budget(text)
		if fail != nil {
			return nil, fail
		}
		changes = append(changes, func() error { return s.Market.SetBudget(c.BudgetKey, v, actor, client) })
	}
	return s.commit(req, changes)
}

func (s *server) updateAdSet(req request, a adSet) (any, *graphError) {
	c := a.Campaign
	var changes []change
	if fail := fixed(req, "status", "bid_strategy", "targeting", "optimization_goal"); fail != nil {
		return nil, fail
	}
	for _, name := range []string{"daily_budget", "lifetime_budget"} {
		if _, ok := given(req, name); ok {
			return nil, refused(1885621, "Can't Set Ad Set Budget", "The campaign owns the budget (Advantage campaign budget). Set it on the campaign.")
		}
	}
	if text, ok := given(req, "bid_amount"); ok && c.Groups[a.group].Bid > 0 {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v <= 0 || v > maxBudget/s.unit {
			return nil, invalid("Param bid_amount must be a positive integer")
		}
		changes = append(changes, func() error { return s.Market.SetBid(c.Groups[a.group].Key, money.Micros(v*s.unit), actor, client) })
	} else if ok {
		return nil, refused(1815857, "Bid Amount Not Allowed", "A bid amount is only for the bid strategies with a cap. This ad set's is "+bidStrategy(c)+".")
	}
	if text, ok := given(req, "bid_constraints"); ok {
		v, fail := roasFloor(text, c)
		if fail != nil {
			return nil, fail
		}
		changes = append(changes, func() error { return s.Market.SetTargetROAS(c.Groups[a.group].Key, v, actor, client) })
	}
	return s.commit(req, changes)
}

// commit makes the changes, unless they are only to be validated.
func (s *server) commit(req request, changes []change) (any, *graphError) {
	var options []string
	if text, ok := given(req, "execution_options"); ok {
		if json.Unmarshal([]byte(text), &options) != nil {
			return nil, invalid("Param execution_options must be an array")
		}
	}
	if req.partial {
		return nil, invalid("The request was refused")
	}
	if slices.Contains(options, "validate_only") {
		return map[string]any{"success": true}, nil
	}
	for _, make := range changes {
		if err := make(); err != nil {
			return nil, invalid("%v", err)
		}
	}
	return map[string]any{"success": true}, nil
}

func given(req request, name string) (string, bool) {
	v, ok := req.params[name]
	if !ok || len(v) == 0 {
		return "", false
	}
	return v[0], true
}

// fixed refuses what a market cannot change. Parameters nobody knows are passed
// over, as Graph does.
func fixed(req request, names ...string) *graphError {
	for _, name := range names {
		if _, ok := given(req, name); ok {
			return invalid("Param %s cannot be changed on this object", name)
		}
	}
	return nil
}

// maxBudget is the highest daily budget, in micros: a billion units.
const maxBudget = 1_000_000_000_000_000

func (s *server) budget(text string) (money.Micros, *graphError) {
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, invalid("Param daily_budget must be an integer")
	case v <= 0:
		return 0, invalid("Param daily_budget must be a positive integer")
	case v < minBudget:
		return 0, refused(1885272, "Your Budget Is Too Low",
			"Your budget must be at least "+money.Format(minBudget*money.Micros(s.unit), s.Market.Scenario().Currency)+".")
	case v > maxBudget/s.unit:
		return 0, refused(1885650, "Your Budget Is Too High", "Your budget is above the maximum.")
	}
	return money.Micros(v * s.unit), nil
}

func roasFloor(text string, c market.Campaign) (money.Micros, *graphError) {
	var limits struct {
		Floor *json.Number `json:"roas_average_floor"`
	}
	if json.Unmarshal([]byte(text), &limits) != nil || limits.Floor == nil {
		return 0, invalid("Param bid_constraints must hold roas_average_floor")
	}
	v, err := limits.Floor.Int64()
	if err != nil || v < 100 || v > 10_000_000 {
		return 0, refused(1885737, "Invalid ROAS Floor", "roas_average_floor must be an integer from 100 (0.01) to 10000000 (1000).")
	}
	if c.TargetROAS <= 0 {
		return 0, refused(1885738, "No Minimum ROAS", "A ROAS floor needs the bid strategy LOWEST_COST_WITH_MIN_ROAS. The campaign's is "+bidStrategy(c)+".")
	}
	return money.Micros(v) * roasUnit, nil
}

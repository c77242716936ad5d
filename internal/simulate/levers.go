package simulate

import (
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

// lever is one daily budget of the market as it stands today.
type lever struct {
	key      string
	budget   money.Micros
	members  []int // indices of the campaigns that spend it
	min, max money.Micros
	// changed is the day of its newest change, by anyone; zero: none.
	changed civil.Date
}

// levers lists the market's budgets in the order of their first campaigns.
func levers(m *market.Market) []lever {
	specs := m.Scenario().Campaigns
	at := map[string]int{}
	var out []lever
	for _, c := range m.Campaigns("") {
		i, ok := at[c.BudgetKey]
		if !ok {
			i = len(out)
			at[c.BudgetKey] = i
			out = append(out, lever{key: c.BudgetKey, budget: c.Budget})
		}
		l := &out[i]
		l.members = append(l.members, c.Index)
		l.min += amount(specs[c.Index].MinBudget)
		l.max += amount(specs[c.Index].MaxBudget)
	}
	for _, e := range m.Changes("") {
		if i, ok := at[e.Key]; ok {
			out[i].changed = e.Day
		}
	}
	return out
}

// resting reports whether the lever was changed less than n days ago.
func (l *lever) resting(today civil.Date, n int) bool {
	return !l.changed.IsZero() && today.Sub(l.changed) < n
}

// within is v inside the lever's bounds; a budget already beyond a bound may
// stay where it is, but goes no further.
func (l *lever) within(v money.Micros) money.Micros {
	return min(max(v, min(l.min, l.budget)), max(l.max, l.budget))
}

// sumOf adds up the budgets.
func sumOf(ls []lever) (sum money.Micros) {
	for i := range ls {
		sum += ls[i].budget
	}
	return sum
}

// towards rounds v to the currency's coins, towards the lever's present value.
func (l *lever) towards(v, coin money.Micros) money.Micros {
	down := v / coin * coin
	if v > l.budget || down == v {
		return down
	}
	return down + coin
}

// amount converts a checked amount of a scenario.
func amount(f float64) money.Micros {
	v, err := money.FromFloat(f)
	if err != nil { // beyond any amount: no bound
		return 1 << 60
	}
	return v
}

package simulate

import (
	"cmp"
	"slices"

	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

// What the rules of most teams say.
const (
	rulesDays        = 7 // looked at
	rulesStep        = 0.2
	rulesUp          = 1.1 // times the target, from which a budget is raised
	rulesDown        = 0.9 // times the target, below which it is cut
	rulesConversions = 15  // fewer of them say nothing
)

// rules raises a budget by 20 % where the ROAS its platform reported over the
// last 7 days is above 1.1 times the account's target, and cuts it by 20 % below
// 0.9 times; with fewer than 15 conversions it leaves it alone. The target is
// break-even on margin alone. The rule looks at a budget again when its seven
// days have all been spent at the present value, the usual way to run it, and
// keeps to the campaigns' bounds and to the total: cuts go first, then the best
// ROAS grows first.
func rules(m *market.Market) error {
	sc := m.Scenario()
	coin := money.MinorUnit(sc.Currency)
	target := breakEven(sc)
	seen := lastDays(m)
	type wish struct {
		lever
		to   money.Micros
		roas float64
	}
	ls := levers(m)
	var wishes []wish
	for _, l := range ls {
		var s reported
		for _, i := range l.members {
			s.add(seen[i])
		}
		if l.resting(m.Today(), rulesDays) || s.conversions < rulesConversions || s.spend <= 0 {
			continue
		}
		w := wish{lever: l, roas: s.value / s.spend}
		switch step := money.Micros(rulesStep * float64(l.budget)); {
		case w.roas > rulesUp*target:
			w.to = l.budget + step
		case w.roas < rulesDown*target:
			w.to = l.budget - step
		default:
			continue
		}
		w.to = l.towards(l.within(w.to), coin)
		wishes = append(wishes, w)
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(a.roas, b.roas) })
	room := amount(sc.TotalDailyBudget) - sumOf(ls)
	for _, w := range wishes {
		if w.to < w.budget {
			room += w.budget - w.to
			if err := m.SetBudget(w.key, w.to, string(Rules), ""); err != nil {
				return err
			}
		}
	}
	for _, w := range slices.Backward(wishes) {
		if to := w.towards(min(w.to, w.budget+room), coin); to > w.budget {
			room -= to - w.budget
			if err := m.SetBudget(w.key, to, string(Rules), ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// breakEven is the ROAS at which the account's margin pays for its ads, the
// campaigns weighted by their first budgets.
func breakEven(sc *market.Scenario) float64 {
	var budget, margin float64
	for i := range sc.Campaigns {
		c := &sc.Campaigns[i]
		budget += c.Budget
		margin += c.Budget * c.Margin
	}
	return budget / margin // +Inf without any margin: everything is cut
}

// reported is what a platform says of some days.
type reported struct{ spend, value, conversions float64 }

func (r *reported) add(o reported) {
	r.spend, r.value, r.conversions = r.spend+o.spend, r.value+o.value, r.conversions+o.conversions
}

// lastDays sums up the last days as reported today, by campaign.
func lastDays(m *market.Market) []reported {
	at := map[string]int{}
	for i, c := range m.Scenario().Campaigns {
		at[c.ID] = i
	}
	out := make([]reported, len(at))
	for _, p := range m.Report("", m.Today().AddDays(-rulesDays), m.Today()-1) {
		out[at[p.Entity.ID]].add(reported{p.Cost.Float(), p.Value.Float(), p.Conversions})
	}
	return out
}

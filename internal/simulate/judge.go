package simulate

import (
	"context"
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
	"adsteward/store"
)

// Violation is a change that a guardrail should have kept from being made, told
// from the market's own history and the truth of its events.
type Violation struct {
	Date  civil.Date     `json:"date"`
	Key   string         `json:"key"` // of the budget or target in the market
	Field platform.Field `json:"field"`
	Old   money.Micros   `json:"old"`
	New   money.Micros   `json:"new"`
	Why   string         `json:"why"`
}

func violation(e market.Event, format string, args ...any) Violation {
	return Violation{Date: e.Day, Key: e.Key, Field: e.Field, Old: e.Old, New: e.New, Why: fmt.Sprintf(format, args...)}
}

// judge goes through a market's changes in the order they were made and returns
// how many the policy made and which of them break a guardrail of the default
// policy: above the hard limit, inside the cool-down of anybody's last change,
// above the total or a campaign's ceiling (below its floor), or during an
// outage, which is while the newest reported day is a false one.
func judge(m *market.Market) (changes int, out []Violation) {
	p := guard.Default()
	sc := m.Scenario()
	total := amount(sc.TotalDailyBudget)
	ls := firstLevers(m)
	lastOf := map[string]civil.Date{}
	for _, e := range m.Changes("") {
		l := ls[e.Key]
		budgets := l != nil && e.Field == platform.DailyBudget
		if budgets {
			l.budget = e.New
		}
		last, before := lastOf[e.Key]
		lastOf[e.Key] = e.Day
		if e.Actor == market.HumanActor {
			continue
		}
		changes++
		if step := math.Abs(float64(e.New)/float64(max(e.Old, 1)) - 1); step > p.Step.HardLimit*(1+1e-9) {
			out = append(out, violation(e, "a step of %.1f %%, above the hard limit", 100*step))
		}
		if before && e.Day.Sub(last) < p.CoolDown.Days {
			out = append(out, violation(e, "changed on %s, inside the cool-down", last))
		}
		if downFor(sc, m, e) {
			out = append(out, violation(e, "tracking was down on the newest reported day"))
		}
		if !budgets {
			continue
		}
		if sum := sumOf(deref(ls)); e.New > e.Old && sum > total {
			out = append(out, violation(e, "all budgets come to %s, above the total", sum.Decimal()))
		}
		if e.New > e.Old && e.New > l.max || e.New < e.Old && e.New < l.min {
			out = append(out, violation(e, "outside %s to %s", l.min.Decimal(), l.max.Decimal()))
		}
	}
	return changes, out
}

// firstLevers are the budgets before the first change.
func firstLevers(m *market.Market) map[string]*lever {
	out := map[string]*lever{}
	for _, l := range levers(m) {
		out[l.key] = &l
	}
	for _, e := range slices.Backward(m.Changes("")) {
		if l := out[e.Key]; l != nil && e.Field == platform.DailyBudget {
			l.budget = e.Old
		}
	}
	return out
}

func deref(ls map[string]*lever) []lever {
	out := make([]lever, 0, len(ls))
	for _, l := range ls {
		out = append(out, *l)
	}
	return out
}

// downFor reports whether the day before the change was one of a tracking outage
// of a campaign that the changed value steers.
func downFor(sc *market.Scenario, m *market.Market, e market.Event) bool {
	for _, c := range m.Campaigns("") {
		if c.BudgetKey != e.Key && c.TargetKey != e.Key && c.Index != e.Campaign {
			continue
		}
		for _, x := range sc.Events {
			if x.Kind == market.TrackingOutage && (x.Campaign == "" || x.Campaign == c.ID) && e.Day > x.Date && e.Day <= x.Date.AddDays(x.Days) {
				return true
			}
		}
	}
	return false
}

// checkFreshness notes the changes of tonight that were made although their
// platform's newest figures were too old.
func (s *steward) checkFreshness(ctx context.Context) error {
	last, err := s.store.LastPerformance(ctx, shopName)
	if err != nil {
		return err
	}
	newest := map[platform.Name]civil.Date{}
	for k, d := range last {
		newest[platform.Name(k[0])] = d
	}
	for _, e := range s.sb.Market().Changes("") {
		p := s.sb.Market().Scenario().Campaigns[e.Campaign].Platform
		if e.Day == s.today && e.Actor != market.HumanActor && s.today.Sub(newest[p]) > guard.Default().Freshness.MaxAgeDays {
			s.game.stale = append(s.game.stale, violation(e, "the newest figures are of %s", newest[p]))
		}
	}
	return nil
}

// checkSeen notes an applied change whose old value was not the one seen.
func (s *steward) checkSeen(p store.Proposal, v interval) {
	m := s.sb.Market()
	for _, e := range m.Changes(platform.Name(p.Platform)) {
		if e.Day == v.from && slices.Contains(v.campaigns, e.Campaign) && e.Field == fieldOf(p) && e.New == p.Proposed && e.Old != p.Seen {
			s.game.stale = append(s.game.stale, violation(e, "the value seen was %s", p.Seen.Decimal()))
		}
	}
}

// fieldOf is the market's word for a proposal's field.
func fieldOf(p store.Proposal) platform.Field {
	if f := platform.Field(p.Field); f != platform.ROASFloor {
		return f
	}
	return platform.TargetROAS
}

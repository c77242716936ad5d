package bidding_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// lived is an account whose campaigns spend day by day what their targets, the demand
// and their budgets let them, and where whatever is proposed is done the same night.
type lived struct {
	in    bidding.Input
	rng   *rand.Rand
	turns map[platform.Ref]int // how often a value went the other way
	last  map[platform.Ref]bool
}

const (
	livedSpend  = 60.0 // a day, of each campaign where nothing is changed
	livedROAS   = 4.6
	livedMargin = 0.4
	livedEps    = 0.6
)

// newLived has campaigns that targets hold back, that demand does and that their budgets
// do; the first two use such a part of theirs, and the first share one by so many.
func newLived(use float64, share, targets, demand, budgets int) *lived {
	l := &lived{rng: rand.New(rand.NewPCG(3, 3)), turns: map[platform.Ref]int{}, last: map[platform.Ref]bool{}}
	l.in = bidding.Input{Currency: "EUR", Policy: guard.Default(), Worth: map[string]bidding.Worth{}, Seed: 4, Accounts: []bidding.Account{{Platform: platform.Google, ID: "1",
		Currency: "EUR", TimeZone: "Europe/Berlin", BudgetUnit: 10_000, MinBudget: money.One, Lag: atOnce}}}
	l.in.Policy.Risk.Doubt = 0
	a := &l.in.Accounts[0]
	add := func(id, of string, budget, target float64) {
		c := platform.Entity{Ref: platform.Ref{Type: platform.Campaign, ID: id}, Name: "Campaign " + id, Status: platform.Enabled,
			Budget: platform.Ref{Type: platform.Budget, ID: "b" + of}, Channel: "search", Fields: map[platform.Field]money.Micros{}}
		if target > 0 {
			c.Fields[platform.TargetROAS] = eur(target)
		}
		if a.Entities = append(a.Entities, c); id == of {
			a.Entities = append(a.Entities, platform.Entity{Ref: c.Budget, Name: "Budget " + of, Status: platform.Enabled, Fields: map[platform.Field]money.Micros{platform.DailyBudget: eur(budget)}})
		}
		a.Performance = append(a.Performance, bidding.Series{Entity: c.Ref})
		l.in.Worth[bidding.CampaignKey(platform.Google, id)] = bidding.Worth{Margin: livedMargin, LTVMultiple: 1, Lambda: 1, IncrementalShare: 1}
	}
	for i := range targets {
		add(fmt.Sprint("t", i), fmt.Sprint("t", i-i%share), float64(share)*livedSpend/use, livedROAS)
	}
	for i := range demand {
		add(fmt.Sprint("d", i), fmt.Sprint("d", i), livedSpend/use, 0)
	}
	for i := range budgets {
		add(fmt.Sprint("b", i), fmt.Sprint("b", i), livedSpend, 0)
	}
	return l
}

func (l *lived) entity(r platform.Ref) *platform.Entity {
	for i := range l.in.Accounts[0].Entities {
		if e := &l.in.Accounts[0].Entities[i]; e.Ref == r {
			return e
		}
	}
	return nil
}

// day spends one and returns what all spent.
func (l *lived) day(d civil.Date) (total float64) {
	left := map[platform.Ref]float64{}
	for i := range l.in.Accounts[0].Performance {
		p := &l.in.Accounts[0].Performance[i]
		c := l.entity(p.Entity)
		wants := livedSpend
		if t := c.Fields[platform.TargetROAS].Float(); t > 0 { // the spend at which the ROAS is the target
			wants *= max(livedROAS/t-livedEps, 0) / (1 - livedEps)
		} else if strings.HasPrefix(c.ID, "b") {
			wants = math.Inf(1)
		}
		if _, begun := left[c.Budget]; !begun {
			left[c.Budget] = l.entity(c.Budget).Fields[platform.DailyBudget].Float() * (0.97 + 0.05*l.rng.Float64())
		}
		spend := min(wants*math.Exp(0.15*l.rng.NormFloat64()), left[c.Budget])
		left[c.Budget] -= spend
		orders := livedSpend * livedROAS * hill(spend/livedSpend, livedEps) / basket
		orders = max(0, math.Round(orders+math.Sqrt(orders)*l.rng.NormFloat64()))
		p.Days = append(p.Days, response.Day{Date: d, Spend: spend, Value: orders * basket, Conversions: orders, Clicks: 2 * spend, Impressions: 100 * spend})
		total += spend
	}
	return total
}

// night plans and does what is proposed. Turns of the last days do not count: a month is
// not chased then, and what changes is not its doing.
func (l *lived) night(t *testing.T, d civil.Date) bidding.Output {
	t.Helper()
	a := &l.in.Accounts[0]
	a.Today, a.LastData, l.in.Now = d, d-1, d.Time().Add(3*time.Hour)
	out := plan(t, l.in)
	for _, x := range out.Drafts {
		if up, known := l.last[x.Entity]; known && up != (x.Proposed > x.Seen) && out.Months[0].State != bidding.TooLate {
			l.turns[x.Entity]++
		}
		l.last[x.Entity] = x.Proposed > x.Seen
		l.entity(x.Entity).Fields[x.Field] = x.Proposed
		l.in.Changes = append(l.in.Changes, bidding.PastChange{Key: bidding.Key{Platform: x.Platform, AdAccount: x.AdAccount, Ref: x.Entity}, Field: x.Field,
			At: l.in.Now, Date: d, Ours: true, Old: x.Seen, New: x.Proposed})
	}
	return out
}

// A month of twenty campaigns that would land a fifth above its budget lands on it,
// whatever holds them back: targets go up by what the month lacks, and where demand
// holds spend back budgets come down to where they bind.
func TestAMonthThatBudgetsDoNotHoldLands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		use                             float64
		share, targets, demand, budgets int
	}{
		"targets, and four budgets":     {0.6, 1, 16, 0, 4},
		"little room, and four budgets": {0.8, 1, 16, 0, 4},
		"targets alone":                 {0.6, 1, 20, 0, 0},
		"budgets far above":             {0.4, 1, 20, 0, 0},
		"demand":                        {0.8, 1, 0, 20, 0},
		"demand, and four budgets":      {0.8, 1, 0, 16, 4},
		"targets that share budgets":    {0.6, 4, 20, 0, 0},
		"those, and four budgets":       {0.6, 4, 16, 0, 4},
		"those with little room":        {0.8, 2, 16, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLived(c.use, c.share, c.targets, c.demand, c.budgets)
			first := civil.MustParse("2026-05-01")
			var usual, spent float64
			for d := first.AddDays(-84); d < first; d++ {
				if x := l.day(d); first.Sub(d) <= 31 {
					usual += x
				}
			}
			budget := usual / 1.2
			l.in.Policy.Monthly = []guard.Monthly{{Name: "May", Budget: budget}}
			for d := first; d < first.AddDays(31); d++ {
				out := l.night(t, d)
				for _, x := range out.Drafts {
					if d == first && !strings.Contains(strings.Join(x.Reasons, " "), `Month of "May": As things are it lands`) {
						t.Errorf("of %s it says %q", x.Name, x.Reasons)
					}
					if said := strings.Contains(x.Reasons[1], "That budget leaves room, but its month does not"); d == first && said != (c.share > 1 && x.Field == platform.TargetROAS) {
						t.Errorf("of %s it says %q", x.Name, x.Reasons)
					}
				}
				today := l.day(d)
				if d.Sub(first) > 14 && math.Abs(today/(budget/31)-1) > 0.2 {
					t.Errorf("on %s it spends %.0f, a day of the month's budget is %.0f", d, today, budget/31)
				}
				spent += today
			}
			if off := spent/budget - 1; math.Abs(off) > 0.03 {
				t.Errorf("it lands %+.1f %% from its budget", 100*off)
			} else {
				t.Logf("it lands %+.1f %% from its budget", 100*off)
			}
			for r, n := range l.turns {
				if n > 3 {
					t.Errorf("%s %s turned %d times", r.Type, r.ID, n)
				}
			}
		})
	}
}

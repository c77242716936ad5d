package bidding

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// shopSpend is a simulated account: budgets that bind with noisy delivery, and
// campaigns whose demand wanders below their budget.
type shopSpend struct {
	rng      *rand.Rand
	spenders []spender
	demand   []float64 // of those that demand limits; 0: the budget does
	wander   []float64
	noise    float64
	common   float64 // share of a day's noise that all have together
}

var spendWeek = [7]float64{0.8, 1.05, 1.05, 1, 1, 1.1, 1}

func newShopSpend(seed uint64, start civil.Date, noise float64, budgets ...float64) *shopSpend {
	s := &shopSpend{rng: rand.New(rand.NewPCG(seed, 7)), noise: noise}
	for i, b := range budgets {
		p := platform.Google
		if i%2 == 1 {
			p = platform.Meta
		}
		s.spenders = append(s.spenders, spender{key: string(rune('a' + i)), platform: p, live: true, bound: i%3 != 2, budget: microsOf(b)})
		d := 0.0
		if i%3 == 2 {
			d = 0.6 * b
		}
		s.demand, s.wander = append(s.demand, d), append(s.wander, noise*s.rng.NormFloat64())
	}
	for d := start.AddDays(-60); d < start; d++ {
		s.live(d)
	}
	s.at(start)
	return s
}

// at sets today.
func (s *shopSpend) at(today civil.Date) {
	for i := range s.spenders {
		s.spenders[i].today, s.spenders[i].lastData = today, today-1
	}
}

// live spends a day.
func (s *shopSpend) live(d civil.Date) (total float64) {
	for i := range s.spenders {
		p := &s.spenders[i]
		s.wander[i] = 0.5*s.wander[i] + s.noise*math.Sqrt(0.75)*s.rng.NormFloat64()
		b := p.budget.Float()
		spend := b * math.Exp(s.noise*s.rng.NormFloat64()-s.noise*s.noise/2) * spendWeek[d.Weekday()]
		if s.demand[i] > 0 {
			spend = min(s.demand[i]*math.Exp(s.wander[i])*spendWeek[d.Weekday()], b)
		}
		p.days = append(p.days, spentDay{d, spend, b})
		total += spend
	}
	return total
}

func TestLandingIntervalsHoldWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		noise  float64
		budget []float64
	}{
		{"one that demand limits", 0.2, []float64{0, 0, 200}},
		{"six, half of each platform", 0.25, []float64{100, 50, 200, 80, 40, 120}},
	} {
		var inside, all int
		for seed := range uint64(700) {
			first := civil.On(2026, 1, 1).AddDays(31 * int(seed%12))
			first, last := monthOf(first)
			today := first.AddDays([]int{0, 4, 11, 20}[seed%4])
			s := newShopSpend(seed, today, c.noise, c.budget...)
			m := pace(guard.Monthly{Name: "all", Budget: 1}, "EUR", s.spenders, 0.03, 7)
			if !m.Known || m.Low > m.Forecast || m.Forecast > m.High || m.High > m.Most {
				t.Fatalf("%s, %s: %+v", c.name, today, m)
			}
			spent := m.Spent.Float()
			for d := today; d <= last; d++ {
				spent += s.live(d)
			}
			all++
			if m.Low.Float() <= spent && spent <= m.High.Float() {
				inside++
			}
		}
		if share := float64(inside) / float64(all); share < 0.75 || share > 0.85 {
			t.Errorf("%s: the 80 %% interval of the landing held %.1f %% of %d months", c.name, 100*share, all)
		} else {
			t.Logf("%s: %.1f %%", c.name, 100*share)
		}
	}
}

// correct is a plan that does what pacing asks, within a step of 15 % and a
// cool-down of 7 days.
func (s *shopSpend) correct(m Month, today civil.Date) (moves []float64) {
	for i := range s.spenders {
		p := &s.spenders[i]
		if !p.bound || !p.changed.IsZero() && today.Sub(p.changed) < 7 {
			continue
		}
		// Those that may move share what is asked.
		var free money.Micros
		for _, o := range s.spenders {
			if o.bound && (o.changed.IsZero() || today.Sub(o.changed) >= 7) {
				free += o.budget
			}
		}
		share := (m.Wanted - m.Budgets).Float() / free.Float()
		share = min(max(share, -0.15), 0.15)
		if math.Abs(share) < 0.03 {
			continue
		}
		p.budget = microsOf(p.budget.Float() * (1 + share))
		p.changed = today
		moves = append(moves, share)
		m.Budgets += 0
	}
	return moves
}

func TestSixMonthsLandOnTheirBudgetWithoutSwinging(t *testing.T) {
	t.Parallel()
	var worst float64
	for seed := range uint64(20) {
		start := civil.On(2027, 11, 1) // over a leap February
		s := newShopSpend(seed, start, 0.15, 100, 50, 200, 80, 40, 60)
		policy := guard.Monthly{Name: "all", Budget: 13500}
		turns, last := 0, 0.0
		for month := range 6 {
			first, end := monthOf(civil.On(2027, 11, 1).AddDays(31 * month))
			var spent float64
			for d := first; d <= end; d++ {
				s.at(d)
				m := pace(policy, "EUR", s.spenders, 0.03, 7)
				if m.First != first || m.Last != end {
					t.Fatalf("%s is in the month %s to %s", d, m.First, m.Last)
				}
				if moves := s.correct(m, d); len(moves) > 0 {
					if last*moves[0] < 0 {
						turns++
					}
					last = moves[0]
				}
				spent += s.live(d)
			}
			off := spent/policy.Budget - 1
			worst = max(worst, math.Abs(off))
			if month > 0 && math.Abs(off) > 0.03 {
				t.Errorf("seed %d, month %d landed %+.1f %% from its budget", seed, month, 100*off)
			}
		}
		t.Logf("seed %d: %d turns", seed, turns)
		if turns > 8 {
			t.Errorf("seed %d: budgets turned %d times in six months", seed, turns)
		}
	}
	t.Logf("worst %.1f %%", 100*worst)
}

var _ = strings.Contains

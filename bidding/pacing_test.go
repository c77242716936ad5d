package bidding

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

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
	usual    float64 // the daily budgets together, once they have settled
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
		spend = min(spend, s.allows(*p, d))
		p.days = append(p.days, spentDay{d, spend, b})
		total += spend
	}
	return total
}

// allows is what the platform lets a budget spend on a day: on Google until the
// month's 30.4 budgets, or since a change a budget a day, are used up; on Meta
// until the week's seven are.
func (s *shopSpend) allows(p spender, d civil.Date) float64 {
	b := p.budget.Float()
	y, month, day := d.Time().Date()
	if p.platform == platform.Meta {
		week := 7 * b
		for _, x := range p.days {
			if d.Sub(x.date) <= int(d.Weekday()) {
				week -= x.spend
			}
		}
		return min(1.75*b, max(week, 0))
	}
	left, since := 30.4*b, d.AddDays(1-day)
	if p.changed > since {
		left, since = b*float64(civil.On(y, month+1, 1).Sub(p.changed)), p.changed
	}
	for _, x := range p.days {
		if x.date >= since {
			left -= x.spend
		}
	}
	return min(2*b, max(left, 0))
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
			t.Logf("%s: the interval held %.1f %% of %d months", c.name, 100*share, all)
		}
	}
}

// correct is a plan that does what pacing asks, within a step of 15 % and a
// cool-down of 7 days. It returns the share of the budgets it moved.
func (s *shopSpend) correct(m Month, today civil.Date) float64 {
	var free []*spender
	var budgets money.Micros
	for i := range s.spenders {
		if p := &s.spenders[i]; p.bound && (p.changed.IsZero() || today.Sub(p.changed) >= 7) {
			free, budgets = append(free, p), budgets+p.budget
		}
	}
	share := min(max((m.Wanted-m.Budgets).Float()/max(budgets.Float(), 1), -0.15), 0.15)
	if math.Abs(share) < 0.03 {
		return 0
	}
	for _, p := range free {
		p.budget, p.changed = microsOf(p.budget.Float()*(1+share)), today
	}
	return share
}

// Deliveries vary by 15 % a day and two of six campaigns ignore their budgets.
// The months' lengths alone move the daily budgets by up to 7 % at their ends.
func TestSixMonthsLandOnTheirBudgetWithoutSwinging(t *testing.T) {
	t.Parallel()
	const seeds, months = 20, 6
	var worst, farthest float64
	var all int
	for seed := range uint64(seeds) {
		start := civil.On(2027, 11, 1) // over a leap February
		s := newShopSpend(seed, start, 0.15, 100, 50, 200, 80, 40, 60)
		policy := guard.Monthly{Name: "all", Budget: 13500}
		for month := range months {
			first, end := monthOf(start.AddDays(31 * month))
			var spent, last float64
			turns := 0
			for d := first; d <= end; d++ {
				s.at(d)
				m := pace(policy, "EUR", s.spenders, 0.03, 7)
				if m.First != first || m.Last != end {
					t.Fatalf("%s is in the month %s to %s", d, m.First, m.Last)
				}
				if moved := s.correct(m, d); moved != 0 {
					if last*moved < 0 {
						turns++
					}
					last = moved
				}
				if month > 0 {
					farthest = max(farthest, math.Abs(s.budgets()/s.usual-1))
				}
				spent += s.live(d)
			}
			all += turns
			if turns > 2 {
				t.Errorf("seed %d, month %d: budgets turned %d times", seed, month, turns)
			}
			if month == 0 {
				s.usual = s.budgets() // it started from budgets that were too low
				continue
			}
			off := spent/policy.Budget - 1
			worst = max(worst, math.Abs(off))
			if math.Abs(off) > 0.03 {
				t.Errorf("seed %d, month %d landed %+.1f %% from its budget", seed, month, 100*off)
			}
		}
	}
	if all > seeds*months { // more than one a month
		t.Errorf("budgets turned %d times within %d months", all, seeds*months)
	}
	t.Logf("the worst of %d months landed %.1f %% from its budget; budgets turned %.2f times within a month and were at most %.0f %% from the usual",
		seeds*(months-1), 100*worst, float64(all)/(seeds*months), 100*farthest)
}

func (s *shopSpend) budgets() (sum float64) {
	for _, p := range s.spenders {
		sum += p.budget.Float()
	}
	return sum
}

// steady is a budget that spends all of itself every day since a date.
func steady(p platform.Name, budget float64, today civil.Date, days int) spender {
	s := spender{key: string(p), platform: p, live: true, bound: true, budget: microsOf(budget), today: today, lastData: today - 1}
	for d := today.AddDays(-days); d < today; d++ {
		s.days = append(s.days, spentDay{d, budget, budget})
	}
	return s
}

func at(date string) civil.Date { return civil.MustParse(date) }

func TestMonthsOfEveryKind(t *testing.T) {
	t.Parallel()
	const one = money.One
	stale := steady(platform.Meta, 100, at("2026-05-17"), 60)
	stale.today = at("2026-05-21")
	ended := steady(platform.Meta, 100, at("2026-05-11"), 60)
	ended.live, ended.today = false, at("2026-05-21")
	raised := steady(platform.Google, 100, at("2026-05-21"), 60)
	raised.budget, raised.changed, raised.highest = 200*one, at("2026-05-21"), 200*one
	doubled := steady(platform.Google, 100, at("2026-06-21"), 60)
	doubled.changed = at("2026-06-11")
	for i, d := range doubled.days {
		if d.date < doubled.changed {
			doubled.days[i] = spentDay{d.date, 50, 50}
		}
	}
	steered := steady(platform.Meta, 100, at("2026-05-21"), 60)
	steered.bound, steered.budget, steered.steered = false, 200*one, at("2026-05-13")
	for i, d := range steered.days {
		steered.days[i].budget = 200
		if d.date >= steered.steered {
			steered.days[i].spend = 60
		}
	}
	newYork := steady(platform.Meta, 100, at("2026-05-31"), 60)
	berlin := steady(platform.Meta, 100, at("2026-06-01"), 60)
	for name, c := range map[string]struct {
		spenders              []spender
		daysLeft              int
		spent, forecast, most money.Micros
	}{
		"first day":      {[]spender{steady(platform.Meta, 100, at("2026-06-01"), 60)}, 30, 0, 3000 * one, 0},
		"last day":       {[]spender{steady(platform.Meta, 100, at("2026-06-30"), 60)}, 1, 2900 * one, 3000 * one, 0},
		"leap February":  {[]spender{steady(platform.Meta, 100, at("2028-02-01"), 60)}, 29, 0, 2900 * one, 0},
		"other February": {[]spender{steady(platform.Meta, 100, at("2027-02-28"), 60)}, 1, 2700 * one, 2800 * one, 0},
		"December":       {[]spender{steady(platform.Meta, 100, at("2026-12-31"), 60)}, 1, 3000 * one, 3100 * one, 0},
		// 31 days, and Google charges 30.4 budgets.
		"Google's month":       {[]spender{steady(platform.Google, 100, at("2026-05-21"), 60)}, 11, 2000 * one, 3040 * one, 3040 * one},
		"Google, 30 days":      {[]spender{steady(platform.Google, 100, at("2026-06-21"), 60)}, 10, 2000 * one, 3000 * one, 3040 * one},
		"Google, doubled":      {[]spender{steady(platform.Google, 100, at("2026-06-30"), 60)}, 1, 2900 * one, 3000 * one, 3040 * one},
		"raised in May":        {[]spender{raised}, 11, 2000 * one, 4200 * one, 4200 * one},
		"stale by 4 days":      {[]spender{stale}, 11, 1600 * one, 3100 * one, 0},
		"doubled ten days ago": {[]spender{doubled}, 10, 1500 * one, 2500 * one, 2500 * one},
		"clocks change":        {[]spender{steady(platform.Meta, 100, at("2026-03-01"), 60)}, 31, 0, 3100 * one, 0},
		"one ended":            {[]spender{steady(platform.Meta, 50, at("2026-05-21"), 60), ended}, 11, 2000 * one, 2550 * one, 0},
		"target raised":        {[]spender{steered}, 11, 1680 * one, 2340 * one, 0},
		"zones in 2 months":    {[]spender{newYork, berlin}, 30, 0, 6000 * one, 0},
	} {
		m := pace(guard.Monthly{Name: "all", Budget: 5000}, "EUR", c.spenders, 0.03, 7)
		if m.DaysLeft != c.daysLeft || (m.Spent-c.spent).Float() != 0 || math.Abs((m.Forecast-c.forecast).Float()) > 0.01 {
			t.Errorf("%s: %d days left, %v spent, lands at %v; want %d, %v, %v", name, m.DaysLeft, m.Spent.Float(), m.Forecast.Float(), c.daysLeft, c.spent.Float(), c.forecast.Float())
		}
		if c.most > 0 && math.Abs((m.Most-c.most).Float()) > 0.01 {
			t.Errorf("%s: may cost up to %v, want %v", name, m.Most.Float(), c.most.Float())
		}
		if !(m.Low <= m.Forecast && m.Forecast <= m.High && m.High <= m.Most && m.Low >= m.Spent) {
			t.Errorf("%s: interval %v to %v of %v, at most %v", name, m.Low, m.High, m.Forecast, m.Most)
		}
	}
}

func TestMetaWeeksBoundWhatIsLeft(t *testing.T) {
	t.Parallel()
	// 2026-06-28 is a Sunday: the last three days are a week of their own.
	s := steady(platform.Meta, 100, at("2026-06-28"), 60)
	if got := s.limit(s.today, at("2026-06-01"), at("2026-06-30")); math.Abs(got-3*175) > 1e-9 {
		t.Errorf("three days of a fresh week may cost %v, want 525", got)
	}
	// On Wednesday 2026-06-24, 300 of the week's 700 are spent: 400 are left for
	// four days, and 525 for the next week's three.
	s = steady(platform.Meta, 100, at("2026-06-24"), 60)
	if got := s.limit(s.today, at("2026-06-01"), at("2026-06-30")); math.Abs(got-925) > 1e-9 {
		t.Errorf("seven days over two weeks may cost %v, want 925", got)
	}
}

func TestWhatAMonthAsksFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		today  string
		budget float64
		state  MonthState
		room   float64 // a day
		wanted float64
		over   bool
	}{
		"as planned":           {"2026-06-11", 3010, OnCourse, 0.5, 100, false},
		"a little above":       {"2026-06-11", 2990, OnCourse, 0, 100, false},
		"above":                {"2026-06-11", 2600, Above, -20, 80, true},
		"below":                {"2026-06-11", 3400, Below, 20, 120, false},
		"above, in last days":  {"2026-06-26", 2800, TooLate, -40, 100, true},
		"below, in last days":  {"2026-06-26", 3200, TooLate, 0, 100, false},
		"used up by the tenth": {"2026-06-11", 900, Above, -105, 0, true},
	} {
		m := pace(guard.Monthly{Name: "all", Budget: c.budget}, "EUR", []spender{steady(platform.Meta, 100, at(c.today), 60)}, 0.03, 7)
		if m.State != c.state || m.Over != c.over || math.Abs(m.Room.Float()-c.room) > 0.01 || math.Abs(m.Wanted.Float()-c.wanted) > 0.01 || m.Why == "" {
			t.Errorf("%s: %s, over %v, room %.2f, wanted %.2f: %s", name, m.State, m.Over, m.Room.Float(), m.Wanted.Float(), m.Why)
		}
	}
}

// Whatever is reported, the figures of a month are in order.
func TestMonthsAreInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		today := at("2027-02-01").AddDays(rapid.IntRange(0, 800).Draw(t, "today"))
		spenders := make([]spender, rapid.IntRange(0, 4).Draw(t, "n"))
		for i := range spenders {
			s := spender{platform: rapid.SampledFrom([]platform.Name{platform.Google, platform.Meta}).Draw(t, "platform"), today: today,
				live: rapid.Bool().Draw(t, "live"), bound: rapid.Bool().Draw(t, "bound"), budget: money.Micros(rapid.Int64Range(0, 1e12).Draw(t, "budget"))}
			s.lastData = today.AddDays(-rapid.IntRange(1, 40).Draw(t, "stale"))
			if rapid.Bool().Draw(t, "changed") {
				s.changed = today.AddDays(-rapid.IntRange(0, 40).Draw(t, "ago"))
			}
			most := rapid.SampledFrom([]float64{0, 1, 1e3, 1e9}).Draw(t, "most")
			for d := s.lastData.AddDays(-rapid.IntRange(0, 70).Draw(t, "days")); d <= s.lastData; d++ {
				s.days = append(s.days, spentDay{d, most * rapid.Float64Range(0, 1).Draw(t, "spend"), s.budget.Float()})
			}
			spenders[i] = s
		}
		m := pace(guard.Monthly{Name: "all", Budget: rapid.Float64Range(0.01, 9e9).Draw(t, "budget")}, "EUR", spenders, 0.03, 7)
		if m.Spent < 0 || m.Left < 0 || m.Wanted < 0 || m.PerDay < 0 || m.Why == "" || m.Over && m.Room > 0 {
			t.Fatalf("%+v", m)
		}
		if m.Known && !(m.Spent <= m.Low && m.Low <= m.Forecast && m.Forecast <= m.High && m.High <= m.Most) {
			t.Fatalf("spent %v, lands at %v (%v to %v), at most %v", m.Spent, m.Forecast, m.Low, m.High, m.Most)
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNothingIsForeseenWithoutData(t *testing.T) {
	t.Parallel()
	none := steady(platform.Google, 100, at("2026-06-11"), 0)
	none.lastData = 0
	idle := steady(platform.Google, 100, at("2026-06-11"), 30)
	for i := range idle.days {
		idle.days[i].spend = 0
	}
	broken := steady(platform.Google, 100, at("2026-06-11"), 30)
	broken.days[3].spend = math.NaN()
	for name, spenders := range map[string][]spender{"no campaign": nil, "nothing reported": {none}, "three days": {steady(platform.Google, 100, at("2026-06-11"), 3)},
		"nothing spent": {idle}, "not a number": {broken}} {
		m := pace(guard.Monthly{Name: "all", Budget: 3000}, "EUR", spenders, 0.03, 7)
		if m.Known || m.Room != 0 || m.Wanted != m.Budgets || m.State != Unforeseen || m.Why == "" {
			t.Errorf("%s: %+v", name, m)
		}
		if v := guard.CheckMonth(m.Pace, 1, 0, platform.Change{Field: platform.DailyBudget, Seen: money.One, Value: 2 * money.One}); v.Answer != guard.Block {
			t.Errorf("%s: an increase may be pushed", name)
		}
	}
}

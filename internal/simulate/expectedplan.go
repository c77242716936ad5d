package simulate

import (
	"math"
	"slices"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

// plan is the levers' budgets on each night, and the profit to be expected of them.
type plan struct {
	first   civil.Date
	budgets [][]money.Micros
	profit  float64
	within  bool // the total, on every night
}

// stage is where a plan has come to: a night, and the levers as it finds them.
type stage struct {
	night  int
	today  civil.Date
	levers []lever
	before []money.Micros // the budgets of the day before
	since  []int          // days since the newest step that started learning
}

// way decides on the levers' budgets on a night; nil: they stay as they are.
type way func(*stage) ([]float64, error)

// follow is what comes of going a way through all nights. The market is told
// nothing: without its luck all of it is known beforehand, the edits that people
// make included.
func (o *oracle) follow(w way) (*plan, error) {
	p := &plan{first: o.m.Today(), within: true}
	s := o.start()
	for s.night = range o.nights {
		s.today = p.first.AddDays(s.night)
		o.edit(s)
		best, err := w(s)
		if err != nil {
			return nil, err
		}
		for i := range best {
			s.put(i, max(s.levers[i].towards(amount(best[i]), o.coin), o.coin))
		}
		p.budgets = append(p.budgets, make([]money.Micros, len(s.levers)))
		for i := range s.levers {
			l := &s.levers[i]
			s.learn(i)
			p.profit += o.profit(l, l.budget.Float(), s.night, s.since[i])
			p.budgets[s.night][i] = l.budget
		}
		p.within = p.within && sumOf(s.levers) <= o.total
	}
	return p, nil
}

// start is the stage of the market's present day, before which nothing was learned.
func (o *oracle) start() *stage {
	s := &stage{today: o.m.Today(), levers: levers(o.m)}
	for _, l := range s.levers {
		s.before, s.since = append(s.before, l.budget), append(s.since, math.MaxInt32)
	}
	for _, e := range slices.Backward(o.m.Changes("")) { // today's edits are made already
		i := slices.IndexFunc(s.levers, func(l lever) bool { return l.key == e.Key })
		if e.Day == s.today && i >= 0 {
			s.before[i] = e.Old
		}
	}
	return s
}

// edit makes the edits that people make today, as the market does.
func (o *oracle) edit(s *stage) {
	campaigns := o.m.Scenario().Campaigns
	for _, e := range o.m.Scenario().Events {
		if e.Kind != market.HumanEdit || e.Date != s.today {
			continue
		}
		for i := range s.levers {
			if e.Campaign == "" || slices.ContainsFunc(s.levers[i].members, func(k int) bool { return campaigns[k].ID == e.Campaign }) {
				s.put(i, amount(e.Value).RoundTo(o.coin))
			}
		}
	}
}

// put sets a lever's budget; the same again is no change.
func (s *stage) put(i int, v money.Micros) {
	if l := &s.levers[i]; l.budget != v {
		l.budget, l.changed = v, s.today
	}
}

// learn ends a lever's night: a large step from the day before starts learning.
func (s *stage) learn(i int) {
	now := s.levers[i].budget
	s.since[i]++
	if math.Abs(now.Float()/s.before[i].Float()-1) > learningStep+1e-9 {
		s.since[i] = 0
	}
	s.before[i] = now
}

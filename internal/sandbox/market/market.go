// Package market simulates an advertising market in which the truth is known:
// demand, response to spend, orders, reporting delay, learning and events of a
// Scenario, day by day, with campaigns' budgets and targets set from outside.
//
// A market is a pure function of its scenario and of what was set on which day:
// every draw is keyed by seed, campaign, day and purpose, so two policies meet
// the same luck. Nothing here speaks a platform's protocol or knows of the
// product; the emulators around it do the first, and nothing does the second.
package market

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Campaign is a campaign as its platform shows it today.
type Campaign struct {
	Index    int // in the scenario; RemoteCampaignID is made of it
	ID       string
	Name     string
	Type     string // search, shopping, pmax, prospecting, retargeting, brand
	Bidding  string // "" or manual_cpc
	Platform platform.Name
	// Budget per day belongs to BudgetKey, a budget group or the campaign itself;
	// of a group it is the whole shared amount.
	Budget    money.Micros
	BudgetKey string
	// TargetROAS, 0 for none, belongs to TargetKey, a portfolio or the campaign itself; of
	// several ad sets with a minimum of their own it is the mean.
	TargetROAS money.Micros
	TargetKey  string
	// Learning is "", "budget" or "target": the kind of the step it learns from,
	// made on LearningSince.
	Learning      string
	LearningSince civil.Date
	Groups        []Group // its ad groups or ad sets, at least one
	Enabled       bool
}

// Event is a change that was made to a campaign's or group's settings.
type Event struct {
	At       time.Time
	Day      civil.Date // of At
	Campaign int        // index; of a group its first campaign
	Key      string     // BudgetKey, TargetKey, Group.Key or campaign id
	Field    platform.Field
	Old, New money.Micros
	Actor    string
	Client   string
}

// Market is a running market. All methods are safe for concurrent use.
type Market struct {
	sc    *Scenario
	loc   *time.Location
	unit  money.Micros // the currency's smallest coin
	first civil.Date   // of the history

	// Of what the shop's customers are made.
	given, family []string
	countries     []country

	mu        sync.RWMutex
	today     civil.Date
	campaigns []*campaign
	budgets   []*lever
	targets   []*lever
	bids      [][]*lever // of each campaign's ad groups or ad sets, where these have bids
	changes   []Event
	orders    []order          // set from outside, for the journal
	shop      *shop            // nil until asked for
	onChange  func()           // may be nil
	clock     func() time.Time // may be nil
}

// campaign is a campaign's parameters and its complete days, the first of the
// history first.
type campaign struct {
	index   int
	spec    *CampaignSpec
	budget  int   // index of its lever
	targets []int // of its target's; of ad sets with a minimum each, of each one's
	arrived []float64
	events  []ScenarioEvent
	days    []cell
}

// RemoteCampaignID is the id, in digits, under which a platform knows the
// campaign with this index of the scenario.
func RemoteCampaignID(p platform.Name, index int) string {
	base := int64(2_000_000_001)
	if p == platform.Meta {
		base = 1_200_000_000_001
	}
	return strconv.FormatInt(base+int64(index), 10)
}

// New returns the market on the scenario's start day, its history complete. It
// works on a copy of the scenario, checked and completed as ReadScenario does, but
// that min_budget, max_budget, total_daily_budget, recorded_margin and an ad's
// share are missing where they are 0.
func New(given *Scenario) (*Market, error) {
	sc := new(*given)
	sc.Campaigns, sc.Events = slices.Clone(given.Campaigns), slices.Clone(given.Events)
	if bad := sc.complete(func(v float64) bool { return v == 0 }); bad != nil {
		return nil, fmt.Errorf("scenario: %w", bad)
	}
	loc, err := time.LoadLocation(sc.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("scenario: time_zone %q is not known", sc.TimeZone)
	}
	first := sc.Start.AddDays(-sc.History)
	m := &Market{sc: sc, loc: loc, unit: money.MinorUnit(sc.Currency), first: first, today: first,
		given: strings.Fields(givenNames), family: strings.Fields(familyNames), countries: countries(sc.Currency)}
	budgetOf, targetOf := map[string]int{}, map[string]int{}
	for i := range sc.Campaigns {
		spec := &sc.Campaigns[i]
		c := &campaign{index: i, spec: spec, arrived: arrivals(spec.DelayP, spec.DelayMax)}
		for _, e := range sc.Events {
			if e.Campaign == "" || e.Campaign == spec.ID {
				c.events = append(c.events, e)
			}
		}
		c.budget = join(&m.budgets, budgetOf, orElse(spec.BudgetGroup, spec.ID), spec, i, first)
		m.budgets[c.budget].settings[0].value += micros(spec.Budget).RoundTo(m.unit)
		keys := []string{orElse(spec.Portfolio, spec.ID)}
		for k := 1; k < spec.groups() && spec.floors(); k++ {
			keys = append(keys, spec.group(k).Key)
		}
		for _, key := range keys {
			at := join(&m.targets, targetOf, key, spec, i, first)
			m.targets[at].settings[0].value = micros(spec.target())
			c.targets = append(c.targets, at)
		}
		var bids []*lever
		if spec.bids() {
			for k := range spec.groups() {
				bids = append(bids, &lever{key: spec.group(k).Key, platform: spec.Platform, members: []int{i},
					settings: []setting{{from: first, value: micros(spec.P).RoundTo(m.unit)}}})
			}
		}
		m.bids = append(m.bids, bids)
		m.campaigns = append(m.campaigns, c)
	}
	if sc.History == 0 {
		m.humanEdits() // the first day is entered here
	}
	m.AdvanceTo(sc.Start)
	return m, nil
}

// join adds campaign i to the lever with this key, made where it is new, and
// returns the lever's index.
func join(levers *[]*lever, byKey map[string]int, key string, spec *CampaignSpec, i int, first civil.Date) int {
	at, ok := byKey[key]
	if !ok {
		at = len(*levers)
		byKey[key] = at
		*levers = append(*levers, &lever{key: key, platform: spec.Platform, settings: []setting{{from: first}}})
	}
	l := (*levers)[at]
	l.members = append(l.members, i)
	l.noise = math.Max(l.noise, spec.Noise)
	return at
}

// Scenario returns what the market was made of; it must not be changed.
func (m *Market) Scenario() *Scenario { return m.sc }

// Today returns the day under way. The days before it are complete.
func (m *Market) Today() civil.Date {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.today
}

// OnChange makes the market call f after each advance and each setting from
// outside, in the goroutine that made it. f may use the market.
func (m *Market) OnChange(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onChange = f
}

// SetClock gives the market the clock by which settings from outside are dated. Who set
// something finds it again by that in what the platforms say was changed.
func (m *Market) SetClock(now func() time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock = now
}

// tell is to be deferred before the lock is taken.
func (m *Market) tell() {
	m.mu.RLock()
	f := m.onChange
	m.mu.RUnlock()
	if f != nil {
		f()
	}
}

// AdvanceTo completes the days before d and makes the scenario's human edits of
// the days it enters. An earlier d changes nothing.
func (m *Market) AdvanceTo(d civil.Date) {
	defer m.tell()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := newStream(m.sc.Seed)
	for m.today < d {
		m.complete(s, m.today)
		m.today++
		m.humanEdits()
	}
}

// Campaigns lists a platform's campaigns in the scenario's order; an empty
// platform means all.
func (m *Market) Campaigns(p platform.Name) []Campaign {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Campaign
	for i, c := range m.campaigns {
		if p != "" && c.spec.Platform != p {
			continue
		}
		b := m.budgets[c.budget]
		v := Campaign{
			Index: i, ID: c.spec.ID, Name: c.spec.Name, Type: c.spec.Type,
			Bidding: c.spec.Bidding, Platform: c.spec.Platform, Enabled: true,
			Budget: b.on(m.today), BudgetKey: b.key, TargetROAS: m.target(c, m.today), TargetKey: m.targets[c.targets[0]].key,
			Groups: m.groups(i),
		}
		if d, ok := b.lastStep(m.today); ok && m.today.Sub(d) < learningDays {
			v.Learning, v.LearningSince = "budget", d
		}
		if d, ok := m.targetStep(c, m.today); ok && m.today.Sub(d) < learningDays && d >= v.LearningSince {
			v.Learning, v.LearningSince = "target", d
		}
		out = append(out, v)
	}
	return out
}

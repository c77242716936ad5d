package market

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// lever is a value that campaigns share or own: a daily budget or a target.
type lever struct {
	key      string
	platform platform.Name
	members  []int   // campaign indices
	noise    float64 // the largest of its members'
	settings []setting
	period   allowance // budgets only
}

// setting is the value from a day on; a day has at most one.
type setting struct {
	from  civil.Date
	value money.Micros
}

func (l *lever) on(day civil.Date) money.Micros {
	for i := len(l.settings) - 1; i > 0; i-- {
		if l.settings[i].from <= day {
			return l.settings[i].value
		}
	}
	return l.settings[0].value
}

// set makes v hold from day on; earlier days keep what they had.
func (l *lever) set(day civil.Date, v money.Micros) {
	if last := &l.settings[len(l.settings)-1]; last.from == day && len(l.settings) > 1 {
		last.value = v
		return
	}
	l.settings = append(l.settings, setting{day, v})
}

// lastStep is the day of the newest step up to day that was large enough to
// start learning, from one day's value to the next's.
func (l *lever) lastStep(day civil.Date) (civil.Date, bool) {
	for i := len(l.settings) - 1; i > 0; i-- {
		s, before := l.settings[i], l.settings[i-1].value
		if s.from > day || s.value == before {
			continue
		}
		if before == 0 || math.Abs(float64(s.value)/float64(before)-1) > learningStep+1e-9 {
			return s.from, true
		}
	}
	return 0, false
}

// order is something set from outside, as the journal keeps it.
type order struct {
	Day    civil.Date     `json:"day"`
	Field  platform.Field `json:"field"`
	Key    string         `json:"key"`
	Value  int64          `json:"micros"`
	Actor  string         `json:"actor,omitempty"`
	Client string         `json:"client,omitempty"`
	At     time.Time      `json:"at,omitzero"` // in files of before it was noted: see moment
}

// SetBudget sets the daily budget of a BudgetKey from today on. It holds
// whatever the platform's own minimum; an emulator checks that.
func (m *Market) SetBudget(key string, v money.Micros, actor, client string) error {
	if v <= 0 {
		return errors.New("a daily budget must be above 0")
	}
	return m.setFromOutside(order{Field: platform.DailyBudget, Key: key, Value: int64(v), Actor: actor, Client: client})
}

// SetTargetROAS sets the target of a TargetKey, or the minimum of an ad set by its key, from
// today on; 0 removes it.
func (m *Market) SetTargetROAS(key string, v money.Micros, actor, client string) error {
	if v < 0 {
		return errors.New("a target ROAS must not be below 0")
	}
	return m.setFromOutside(order{Field: platform.TargetROAS, Key: key, Value: int64(v), Actor: actor, Client: client})
}

// SetBid sets the bid of an ad group or ad set by its key. The market's response does
// not depend on it.
func (m *Market) SetBid(key string, v money.Micros, actor, client string) error {
	if v <= 0 {
		return errors.New("a bid must be above 0")
	}
	field := platform.CPCBid
	for _, c := range m.campaigns {
		for k := range c.spec.AdSets {
			if c.spec.group(k).Key == key {
				field = platform.BidAmount
			}
		}
	}
	return m.setFromOutside(order{Field: field, Key: key, Value: int64(v), Actor: actor, Client: client})
}

func (m *Market) setFromOutside(o order) error {
	defer m.tell()
	m.mu.Lock()
	defer m.mu.Unlock()
	levers := map[platform.Field][]*lever{
		platform.DailyBudget: m.budgets, platform.TargetROAS: m.targets, platform.CPCBid: slices.Concat(m.bids...), platform.BidAmount: slices.Concat(m.bids...),
	}[o.Field]
	i := slices.IndexFunc(levers, func(l *lever) bool { return l.key == o.Key })
	if i < 0 {
		return fmt.Errorf("the market has no %s of %q", o.Field, o.Key)
	}
	o.Day = m.today
	if o.At.IsZero() {
		o.At = m.moment()
	}
	m.orders = append(m.orders, o)
	m.set(levers[i], o, o.At)
	return nil
}

// moment is when something is set from outside: now where the clock shows the market's
// day, else five in the morning of that.
func (m *Market) moment() time.Time {
	if m.clock != nil {
		if now := m.clock(); civil.Of(now.In(m.loc)) == m.today {
			return now
		}
	}
	return m.today.In(m.loc).Add(5*time.Hour + time.Duration(len(m.changes))*time.Millisecond)
}

// set changes a lever today and notes the change; the same value is none.
func (m *Market) set(l *lever, o order, at time.Time) {
	old, v := l.on(m.today), money.Micros(o.Value)
	if v == old {
		return
	}
	l.set(m.today, v)
	m.changes = append(m.changes, Event{At: at, Day: m.today, Campaign: l.members[0], Key: l.key, Field: o.Field,
		Old: old, New: v, Actor: o.Actor, Client: o.Client})
}

// HumanActor is who makes a scenario's human edits.
const HumanActor = "marketer@shop.example"

// humanEdits makes the edits that people make today, early in the morning.
func (m *Market) humanEdits() {
	for _, e := range m.sc.Events {
		if e.Kind != HumanEdit || e.Date != m.today {
			continue
		}
		for _, l := range m.budgets {
			if e.Campaign != "" && !slices.ContainsFunc(l.members, func(i int) bool { return m.campaigns[i].spec.ID == e.Campaign }) {
				continue
			}
			client := "GOOGLE_ADS_WEB_CLIENT"
			if l.platform == platform.Meta {
				client = "ads_manager"
			}
			m.set(l, order{Field: platform.DailyBudget, Value: int64(micros(e.Value).RoundTo(m.unit)),
				Actor: HumanActor, Client: client}, m.today.In(m.loc).Add(30*time.Minute))
		}
	}
}

// Changes lists a platform's changes, oldest first; an empty platform means all.
func (m *Market) Changes(p platform.Name) []Event {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Event
	for _, e := range m.changes {
		if p == "" || m.campaigns[e.Campaign].spec.Platform == p {
			out = append(out, e)
		}
	}
	return out
}

type journal struct {
	Scenario string     `json:"scenario"` // fingerprint
	Today    civil.Date `json:"today"`
	Orders   []order    `json:"orders"`
}

// Journal returns all that was set from outside, and today, for Restore.
func (m *Market) Journal() []byte {
	m.mu.RLock()
	defer m.mu.RUnlock()
	b, err := json.Marshal(journal{m.sc.fingerprint(), m.today, m.orders})
	if err != nil {
		return nil // strings, dates and integers always marshal
	}
	return b
}

// Restore makes the market that wrote the journal again. A journal of another
// scenario is an error.
func Restore(sc *Scenario, data []byte) (*Market, error) {
	var j journal
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return nil, fmt.Errorf("market journal: %w", err)
	}
	m, err := New(sc)
	if err != nil {
		return nil, err
	}
	if j.Scenario != m.sc.fingerprint() {
		return nil, errors.New("the market journal belongs to another scenario; start afresh in an empty directory")
	}
	for _, o := range j.Orders {
		m.AdvanceTo(o.Day)
		if err := m.setFromOutside(o); err != nil {
			return nil, fmt.Errorf("market journal: %w", err)
		}
	}
	m.AdvanceTo(j.Today)
	return m, nil
}

// fingerprint tells scenarios apart. How many nights are looked at and to which
// lists campaigns are shown is no part of the market: a journal goes on with any.
func (sc *Scenario) fingerprint() string {
	same := *sc
	same.Nights = 0
	same.Campaigns = slices.Clone(sc.Campaigns)
	for i := range same.Campaigns {
		same.Campaigns[i].Lists, same.Campaigns[i].WithoutLists = nil, nil
	}
	h := fnv.New64a()
	if err := json.NewEncoder(h).Encode(same); err != nil {
		return ""
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
